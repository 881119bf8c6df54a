/**
 * A workspace whose timestamp is signed by a key of AWS KMS, published by real processes that find their credentials
 * where the AWS SDK looks: in variables, or by a profile of the shared files.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { formatJson } from '../../src/metadata/json-writer.ts';
import { publicHalfOf } from '../../src/signer/keys/signing-key.ts';
import {
  type AwsEndpoint,
  awsCredentials,
  awsRegion,
  deniedBy,
  startAwsEndpoint,
  type Trouble,
} from '../support/aws-endpoint.ts';
import { awsProfile, awsVariables, setVariables } from '../support/aws-environment.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { signingKey } from '../support/signing-keys.ts';

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');
const privateKey = createPrivateKey(
  signingKey('key-services', 'ecdsa-sha2-nistp256').privateKey.export({ format: 'pem', type: 'pkcs8' }),
);

interface Ended {
  readonly status: unknown;
  readonly words: string;
}

describe('tidegate publish with a key of AWS KMS', () => {
  let session: CommandLine;
  let endpoint: AwsEndpoint;
  let trouble: Trouble | undefined;

  beforeEach(async () => {
    trouble = undefined;
    const keys = new Map([['alias/timestamp', { privateKey, spec: 'ECC_NIST_P256' }]]);
    endpoint = await startAwsEndpoint({ keys, trouble: () => trouble });
    session = commandLine(Date.now());
    const { json } = publicHalfOf(privateKey, 'test');
    writeFileSync(join(session.directory, 'kms.pub'), formatJson(json));
    writeFileSync(join(session.directory, 'disk.img'), 'an image');
    const made = await session.type('init acme --insecure-development-keys --timestamp-keys kms.pub');
    assert.equal(made.status, 0, made.beside);
    await session.type('release add disk.img --version 1.0.0 -w acme');
  });

  afterEach(async () => {
    session.end();
    await endpoint.close();
  });

  function signBy(uri: string): void {
    appendFileSync(join(session.directory, 'acme', 'tidegate.toml'), `\n[keys]\nkms = "${uri}"\n`);
  }

  async function publish(environment: Readonly<Record<string, string>>): Promise<Ended> {
    const child = spawn(process.execPath, [launcher, 'publish', '-w', 'acme'], {
      cwd: session.directory,
      env: { PATH: process.env.PATH, HOME: session.directory, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, beside, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { status, words: out + beside };
  }

  function timestampFile(): string {
    return join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json');
  }

  function assertSignedByService(): void {
    const { signatures } = JSON.parse(readFileSync(timestampFile(), 'utf8'));
    assert.deepEqual(
      signatures.map(({ keyid }: { keyid: string }) => keyid),
      [publicHalfOf(privateKey, 'test').id],
    );
    assert.ok(endpoint.requests.some(({ action }) => action === 'Sign'));
  }

  it('takes credentials from variables', async () => {
    signBy(`awskms:alias/timestamp?region=${awsRegion}&endpoint=${endpoint.origin}`);
    const { status, words } = await publish(awsVariables());
    assert.equal(status, 0, words);
    assertSignedByService();
  });

  it('takes region, endpoint and credentials from the profile that AWS_PROFILE names', async () => {
    signBy('awskms:alias/timestamp');
    const variables = awsProfile(session.directory, 'release', endpoint.origin);
    const { status, words } = await publish({ ...variables, AWS_PROFILE: 'release' });
    assert.equal(status, 0, words);
    assertSignedByService();
  });

  it('takes the profile that the address names, whatever AWS_PROFILE says', async () => {
    // The SDK takes an endpoint from the profile of AWS_PROFILE alone.
    signBy(`awskms:alias/timestamp?profile=release&endpoint=${endpoint.origin}`);
    const variables = awsProfile(session.directory, 'release', endpoint.origin);
    const { status, words } = await publish({ ...variables, AWS_PROFILE: 'another' });
    assert.equal(status, 0, words);
    assertSignedByService();
  });

  it('SGN-07: says which key is denied, publishes nothing, and shows no secret at any level', async () => {
    signBy(`awskms:alias/timestamp?region=${awsRegion}&endpoint=${endpoint.origin}`);
    trouble = deniedBy('User: arn:aws:iam::111122223333:user/ci is not authorized to perform: kms:Sign');
    const { status, words } = await publish({ ...awsVariables(), DEBUG: '*', NODE_DEBUG: 'tls,net' });
    assert.equal(status, 88);
    assert.match(words, /error \[key-service-denied\] kms \(awskms:alias\/timestamp in eu-central-1\)/);
    assert.ok(!words.includes(awsCredentials.secretAccessKey));
    assert.ok(!existsSync(timestampFile()));
  });

  it('makes a key known by its address: key import stores the public half and says what to write where', async () => {
    const uri = `awskms:alias/timestamp?region=${awsRegion}&endpoint=${endpoint.origin}`;
    const restore = setVariables(awsVariables());
    try {
      const missing = await session.type(['key', 'import', uri, '-d', '.']);
      assert.equal(missing.status, 64, 'a name is needed');
      const dry = await session.type(['key', 'import', uri, '--name', 'service-1', '-d', '.', '--dry-run']);
      assert.equal(dry.status, 0, dry.beside);
      const file = join(session.directory, 'service-1.pub');
      assert.ok(!existsSync(file));
      const { status, out, beside } = await session.type([
        'key',
        'import',
        uri,
        '--name',
        'service-1',
        '-d',
        '.',
      ]);
      assert.equal(status, 0, beside);
      assert.ok(out.includes(`service-1 = ${JSON.stringify(uri)}`), out);
      assert.equal(readFileSync(file, 'utf8'), readFileSync(join(session.directory, 'kms.pub'), 'utf8'));
      const again = await session.type(['key', 'import', uri, '--name', 'service-1', '-d', '.']);
      assert.match(again.beside, /name-taken/);
    } finally {
      restore();
    }
  });

  it('says what is missing when there are no credentials', async () => {
    signBy(`awskms:alias/timestamp?region=${awsRegion}&endpoint=${endpoint.origin}`);
    const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...closed } = awsVariables();
    const { status, words } = await publish(closed);
    assert.equal(status, 88);
    assert.match(words, /key-service-denied\] .*no usable credentials were found/);
  });

  it('says what is missing when there is no region', async () => {
    signBy('awskms:alias/timestamp');
    const { status, words } = await publish(awsVariables());
    assert.equal(status, 64);
    assert.match(words, /key-uri-invalid\] .*no region is known; add \?region=/);
  });
});
