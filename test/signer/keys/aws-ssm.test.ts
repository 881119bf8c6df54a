import assert from 'node:assert/strict';
import { isTidegateError } from '../../../src/errors.ts';
import type { AwsDevices } from '../../../src/signer/keys/aws-service.ts';
import { openAwsSsm } from '../../../src/signer/keys/aws-ssm.ts';
import type { KeyContext } from '../../../src/signer/keys/key-context.ts';
import { encryptKeyFile } from '../../../src/signer/keys/key-file.ts';
import { type SigningKey, signatureOf, signingKeyOf } from '../../../src/signer/keys/signing-key.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import {
  type AwsEndpoint,
  awsCredentials,
  awsRegion,
  deniedBy,
  type EndpointParameter,
  startAwsEndpoint,
  type Trouble,
  throttled,
} from '../../support/aws-endpoint.ts';
import { signingKey } from '../../support/signing-keys.ts';

const message = Buffer.from('{"_type":"snapshot"}');

describe('keys in parameters of AWS Systems Manager', () => {
  const parameters = new Map<string, EndpointParameter>();
  const devices: AwsDevices = { credentials: awsCredentials, pause: async () => undefined };
  const privateKey = signingKey('ssm', 'rsa sha256').privateKey;
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  let endpoint: AwsEndpoint;
  let trouble: ((count: number) => Trouble | undefined) | undefined;

  before(async () => {
    endpoint = await startAwsEndpoint({ parameters, trouble: ({ count }) => trouble?.(count) });
  });

  after(() => endpoint.close());

  beforeEach(() => {
    parameters.clear();
    trouble = undefined;
  });

  function open(parameter: string, passphrase?: string): Promise<SigningKey> {
    const context: KeyContext = {
      fileSystem: nodeFileSystem,
      directory: '/',
      unlock: async ({ path }) => {
        assert.equal(path, `awsssm:${parameter} in ${awsRegion}`);
        return passphrase === undefined ? undefined : new TextEncoder().encode(passphrase);
      },
    };
    const address = { scheme: 'awsssm', parameter, region: awsRegion, endpoint: endpoint.origin } as const;
    return openAwsSsm(address, context, devices);
  }

  it('are opened as PEM, as tuftool and pubsys keep them, for every kind of key', async () => {
    for (const kind of ['ed25519', 'ecdsa-sha2-nistp256', 'rsa sha256'] as const) {
      const key = signingKey('ssm', kind).privateKey;
      parameters.set('/keys/root', { value: key.export({ format: 'pem', type: 'pkcs8' }).toString() });
      const opened = await open('/keys/root');
      assert.equal(opened.id, signingKeyOf(key, 'file').id);
      await signatureOf(opened, message, 'snapshot 1');
    }
  });

  it('are opened as key files of ours, with their passphrase', async () => {
    const passphrase = 'a long passphrase';
    const file = await encryptKeyFile(privateKey, new TextEncoder().encode(passphrase), 'x.key.json');
    parameters.set('snapshot', { value: Buffer.from(file).toString() });
    assert.equal((await open('snapshot', passphrase)).id, signingKeyOf(privateKey, 'file').id);
    await assert.rejects(open('snapshot', 'another passphrase'), { code: 'passphrase-wrong' });
    await assert.rejects(open('snapshot'), { code: 'signatures-missing' });
  });

  it('are refused when the parameter is not encrypted, or holds no key', async () => {
    parameters.set('plain', { value: pem, type: 'String' });
    await assert.rejects(open('plain'), { code: 'key-unusable', message: /type String, .* SecureString/ });
    parameters.set('empty', { value: 'no key' });
    await assert.rejects(open('empty'), { code: 'key-file-invalid', message: /awsssm:empty/ });
  });

  it('SGN-27: are asked for again while the service throttles, and named when it denies or knows none', async () => {
    parameters.set('/keys/root', { value: pem });
    trouble = () => (endpoint.requests.length % 3 === 0 ? undefined : throttled);
    assert.equal((await open('/keys/root')).id, signingKeyOf(privateKey, 'file').id);
    trouble = () => deniedBy('User: arn:aws:iam::1:user/ci is not authorized to perform: kms:Decrypt');
    await assert.rejects(open('/keys/root'), {
      code: 'key-service-denied',
      message: /awsssm:\/keys\/root in eu-central-1: ssm:GetParameter failed: .*kms:Decrypt/,
    });
    trouble = undefined;
    await assert.rejects(open('/keys/none'), { code: 'key-not-found' });
  });

  it('SGN-07: no error repeats what the parameter holds', async () => {
    const secrets = [pem.slice(40, 80), 'MIIEvTIDEGATE'];
    parameters.set('cut', { value: pem.slice(0, -40) });
    parameters.set('other', { value: 'MIIEvTIDEGATE' });
    parameters.set('plain', { value: pem, type: 'String' });
    for (const name of parameters.keys()) {
      const error = await open(name).catch((reason: unknown) => reason);
      assert.ok(isTidegateError(error));
      const text = `${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`;
      for (const secret of secrets) assert.ok(!text.includes(secret), name);
    }
  });
});
