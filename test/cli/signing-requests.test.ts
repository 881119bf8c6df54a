import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../src/metadata/json.ts';
import { formatJson, jsonOf } from '../../src/metadata/json-writer.ts';
import { makeSigningRequest } from '../../src/signer/ceremony/new-request.ts';
import { formatSigningRequest, parseSigningRequest } from '../../src/signer/ceremony/request-format.ts';
import { fingerprintWords } from '../../src/signer/keys/fingerprint.ts';
import { developmentKeyFile } from '../../src/signer/keys/key-file.ts';
import { generatePrivateKey, type SigningKey, signingKeyOf } from '../../src/signer/keys/signing-key.ts';
import { processMark } from '../../src/storage/process-mark.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { trustRoot } from '../../src/trust/trusted-set.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const now = Date.parse('2026-11-24T12:00:00Z');

describe('tidegate: review, sign and merge', () => {
  const keys = new Map<string, SigningKey>();
  const files = new Map<string, Uint8Array>();
  let line: CommandLine;

  before(async () => {
    for (const name of ['alice', 'bob', 'carol', 'mallory', 'online']) {
      const key = await generatePrivateKey(name === 'bob' ? 'ecdsa-p256' : 'ed25519');
      keys.set(name, signingKeyOf(key, name));
      files.set(name, developmentKeyFile(key, name));
    }
  });

  beforeEach(() => {
    line = commandLine(now);
    mkdirSync(join(line.directory, 'own'));
    for (const [name, bytes] of files) {
      writeFileSync(join(line.directory, `${name}.key.json`), bytes, { mode: 0o600 });
      const json = keys.get(name)?.json ?? new Map();
      if (name !== 'mallory' && name !== 'online')
        writeFileSync(join(line.directory, 'own', `${name}.pub`), formatJson(json));
    }
    writeFileSync(join(line.directory, 'root-1.request.json'), formatSigningRequest(firstRoot()));
  });

  afterEach(() => line.end());

  function idsOf(names: readonly string[]): readonly string[] {
    return names.map((name) => keys.get(name)?.id ?? '');
  }

  function firstRoot(onlineName: 'online' | 'alice' = 'online') {
    const board = { keyids: idsOf(['alice', 'bob', 'carol']), threshold: 2 };
    const online = { keyids: idsOf([onlineName]), threshold: 1 };
    const document = jsonOf({
      _type: 'root',
      spec_version: '1.0.0',
      version: 1,
      expires: '2027-11-01T00:00:00Z',
      consistent_snapshot: true,
      keys: new Map(
        ['alice', 'bob', 'carol', onlineName].map((name) => [
          keys.get(name)?.id ?? '',
          keys.get(name)?.json ?? '',
        ]),
      ),
      roles: { root: board, timestamp: online, snapshot: online, targets: board },
    }) as JsonObject;
    const owners = new Map(['alice', 'bob', 'carol'].map((name) => [keys.get(name)?.id ?? '', name]));
    return makeSigningRequest({
      repository: '',
      role: 'root',
      document,
      roots: [],
      owners,
      plannedAt: now,
      base: undefined,
    });
  }

  function read(name: string): string {
    return readFileSync(join(line.directory, name), 'utf8');
  }

  it('two of three sign copies on their own machines, and a file comes out that hosts trust', async () => {
    const request = firstRoot();
    const review = await line.type('review root-1.request.json --keys own');
    assert.equal(review.status, 0, review.beside);
    assert.match(review.out, /^ALARM: this is a FIRST root/m);
    assert.match(review.out, /\+ alice \(as your own keys say\)/);
    const words = fingerprintWords(request.sha256);
    assert.ok(review.out.includes(words));

    line.answers.push(words.split('-').slice(0, 4).join(' '));
    const alice = await line.type('sign root-1.request.json --key alice.key.json --output alice.json');
    assert.equal(alice.status, 0, alice.beside);
    assert.match(alice.out, /signed alice\.json: 1 of 2 by its own keys/);
    const bob = await line.type([
      'sign',
      'root-1.request.json',
      '--key',
      'file:bob.key.json',
      '--digest',
      words,
    ]);
    assert.equal(bob.status, 0, bob.beside);

    const early = await line.type('merge root-1.request.json --metadata 1.root.json');
    assert.equal(early.status, 80, early.out);
    assert.match(early.beside, /signatures-missing.*1 more by its own keys/);
    const merged = await line.type('merge root-1.request.json alice.json --metadata 1.root.json');
    assert.equal(merged.status, 0, merged.beside);
    assert.match(merged.out, /2 of 2 by its own keys\nnext: tidegate publish root-1\.request\.json/);
    const policy = {
      now,
      limits: defaultLimits,
      requireConsistentSnapshot: true,
      allowDelegations: true,
      requireHashedKeyIds: true,
    };
    assert.equal(
      trustRoot(readFileSync(join(line.directory, '1.root.json')), policy, noFloors).root.document.version,
      1,
    );
    assert.equal(statSync(join(line.directory, 'root-1.request.json')).mode & 0o777, 0o644);
  });

  it('a declined question, a wrong digest and nobody to ask change nothing', async () => {
    const bytes = read('root-1.request.json');
    line.answers.push('yes');
    const declined = await line.type('sign root-1.request.json --key alice.key.json');
    assert.equal(declined.status, 130);
    const wrong = await line.type(
      'sign root-1.request.json --key alice.key.json --digest babab-babab-babab-babab',
    );
    assert.equal(wrong.status, 80);
    const nobody = await line.type('sign root-1.request.json --key alice.key.json');
    assert.equal(nobody.status, 64);
    line.answers.push(fingerprintWords(firstRoot().sha256));
    const json = await line.type('sign root-1.request.json --key alice.key.json --json');
    assert.equal(json.status, 64);
    assert.equal(read('root-1.request.json'), bytes);
  });

  it('--dry-run opens no key and writes nothing', async () => {
    const bytes = read('root-1.request.json');
    const { status, out, beside } = await line.type(
      'sign root-1.request.json --key missing.key.json --dry-run',
    );
    assert.equal(status, 0, beside);
    assert.match(out, /would sign with missing\.key\.json; nothing was signed or written/);
    const merged = await line.type('merge root-1.request.json --output other.json --dry-run');
    assert.equal(merged.status, 0, merged.beside);
    assert.equal(existsSync(join(line.directory, 'other.json')), false);
    assert.equal(read('root-1.request.json'), bytes);
  });

  it('a key that nobody wants, a second time, and a key that others can read are refused', async () => {
    const stranger = await line.type(
      'sign root-1.request.json --key alice.key.json --key mallory.key.json --yes',
    );
    assert.equal(stranger.status, 88);
    assert.match(stranger.beside, /key-unusable.*none of those that may sign it/);
    assert.equal(
      parseSigningRequest(Buffer.from(read('root-1.request.json')), 'request').signatures.length,
      0,
    );
    assert.equal((await line.type('sign root-1.request.json --key alice.key.json --yes')).status, 0);
    const again = await line.type('sign root-1.request.json --key alice.key.json --yes');
    assert.equal(again.status, 64);
    assert.match(again.beside, /already; nothing was written/);
    chmodSync(join(line.directory, 'bob.key.json'), 0o640);
    const open = await line.type('sign root-1.request.json --key bob.key.json --yes');
    assert.equal(open.status, 88);
    assert.match(open.beside, /key-file-permissions/);
  });

  it('several requests are signed all or not at all', async () => {
    const other = JSON.parse(read('root-1.request.json'));
    writeFileSync(
      join(line.directory, 'bad.json'),
      JSON.stringify({ ...other, payload: `${other.payload} ` }),
    );
    const bytes = read('root-1.request.json');
    const { status, beside } = await line.type(
      'sign root-1.request.json bad.json --key alice.key.json --yes',
    );
    assert.equal(status, 80);
    assert.match(beside, /request-invalid.*bad\.json/);
    assert.equal(read('root-1.request.json'), bytes);
  });

  it('a request of 100 MB is refused before it is read', async () => {
    writeFileSync(join(line.directory, 'large.json'), Buffer.alloc(100 * 1024 * 1024, 0x20));
    const { status, beside } = await line.type('review large.json');
    assert.equal(status, 66);
    assert.match(beside, /length-limit/);
  });

  it('--yes does not do for a grave alarm, which must be accepted by its name', async () => {
    writeFileSync(join(line.directory, 'root-1.request.json'), formatSigningRequest(firstRoot('alice')));
    const bytes = read('root-1.request.json');
    const signing = 'sign root-1.request.json --key bob.key.json --yes';
    for (const more of ['', ' --accept-alarm key-twice', ' --accept-alarm first-root']) {
      const { status, beside } = await line.type(`${signing}${more}`);
      assert.equal(status, 64);
      assert.match(beside, /an online key can be stolen.*Nothing was signed.*--accept-alarm key-shared/);
    }
    const unknown = await line.type(`${signing} --accept-alarm everything`);
    assert.equal(unknown.status, 64);
    assert.match(unknown.beside, /found everything, expected one of first-root/);
    assert.equal(read('root-1.request.json'), bytes);
    const accepted = await line.type(`${signing} --accept-alarm key-shared`);
    assert.equal(accepted.status, 0, accepted.beside);
  });

  it('a chain of roots that only the file vouches for is a grave alarm, and a first root is none', async () => {
    await line.type('sign root-1.request.json --key alice.key.json --key bob.key.json --yes');
    await line.type('merge root-1.request.json --metadata 1.root.json');
    const root = readFileSync(join(line.directory, '1.root.json'));
    const board = firstRoot().document;
    const next = makeSigningRequest({
      repository: '',
      role: 'root',
      document: new Map([...board, ['version', 2]]),
      roots: [root],
      plannedAt: now,
      base: undefined,
    });
    writeFileSync(join(line.directory, 'root-2.request.json'), formatSigningRequest(next));
    const signing = 'sign root-2.request.json --key alice.key.json --yes';
    const open = await line.type(signing);
    assert.equal(open.status, 64);
    assert.match(open.beside, /no root of your own was given.*--accept-alarm root-not-compared/);
    const compared = await line.type(`${signing} --root 1.root.json`);
    assert.equal(compared.status, 0, compared.beside);
  });

  it('SGN-27: a key that fails is named, and what the others signed is kept', async () => {
    writeFileSync(join(line.directory, 'bob.key.json'), 'no key', { mode: 0o600 });
    const keys = '--key bob.key.json --key alice.key.json --key missing.key.json';
    const { status, out, beside } = await line.type(`sign root-1.request.json ${keys} --yes`);
    assert.equal(status, 88, beside);
    assert.match(out, /signed root-1\.request\.json: 1 of 2 by its own keys/);
    assert.match(beside, /key-file-invalid.*key bob\.key\.json: .*key missing\.key\.json: .*were written/);
    const { signatures } = parseSigningRequest(Buffer.from(read('root-1.request.json')), 'request');
    assert.deepEqual(
      signatures.map(({ keyId }) => keyId),
      idsOf(['alice']),
    );
    const bytes = read('root-1.request.json');
    const none = await line.type('sign root-1.request.json --key missing.key.json --yes');
    assert.equal(none.status, 69, none.beside);
    assert.match(none.beside, /not-found.*key missing\.key\.json: .*nothing was written/);
    assert.equal(read('root-1.request.json'), bytes);
  });

  it('a file that is no copy of the request is never written over', async () => {
    const files = ['bob.key.json', 'own/bob.pub', 'notes.txt'];
    writeFileSync(join(line.directory, 'notes.txt'), 'not ours');
    const before = files.map(read);
    for (const file of files) {
      for (const command of [
        `sign root-1.request.json --key alice.key.json --yes --output ${file}`,
        `merge root-1.request.json --output ${file}`,
      ]) {
        const { status, beside } = await line.type(command);
        assert.match(beside, /name-taken.*is there already.*left alone/, command);
        assert.equal(status, 87);
      }
    }
    await line.type('sign root-1.request.json --key alice.key.json --key bob.key.json --yes');
    const signed = read('root-1.request.json');
    for (const file of files) {
      const { status, beside } = await line.type(`merge root-1.request.json --metadata ${file}`);
      assert.equal(status, 87, beside);
    }
    assert.deepEqual(files.map(read), before);
    assert.equal(read('root-1.request.json'), signed);
    for (let time = 0; time < 2; time += 1)
      assert.equal((await line.type('merge root-1.request.json --metadata 1.root.json')).status, 0);
  });

  it('signatures that are in the output already stay', async () => {
    await line.type('sign root-1.request.json --key bob.key.json --yes --output out.json');
    const { out } = await line.type('sign root-1.request.json --key alice.key.json --yes --output out.json');
    assert.match(out, /signed out\.json: 2 of 2/);
  });

  it('what killed runs left beside requests and keys is cleared away', async () => {
    const dead = processMark().replace(/\.\d+\.\d+$/, '.4194999.1');
    assert.notEqual(dead, processMark());
    const left = join(line.directory, `.tidegate-tmp-${dead}-0123456789abcdef`);
    writeFileSync(left, 'half');
    await line.type('sign root-1.request.json --key alice.key.json --yes');
    assert.equal(existsSync(left), false);
    writeFileSync(left, 'half');
    const made = await line.type('key new dora --insecure-development-keys');
    assert.equal(made.status, 0, made.beside);
    assert.equal(existsSync(left), false);
  });

  it('signs a request in a folder that is named by a link', async () => {
    symlinkSync('.', join(line.directory, 'stick'));
    const { status, beside } = await line.type('sign stick/root-1.request.json --key alice.key.json --yes');
    assert.equal(status, 0, beside);
  });

  it('of people who sign one file at once none undoes the signature of another', async () => {
    for (let round = 0; round < 5; round += 1) {
      writeFileSync(join(line.directory, 'root-1.request.json'), formatSigningRequest(firstRoot()));
      const runs = ['alice', 'bob', 'carol'].map((name) =>
        line.type(`sign root-1.request.json --key ${name}.key.json --yes`),
      );
      for (const { status, beside } of await Promise.all(runs)) assert.equal(status, 0, beside);
      const { signatures } = parseSigningRequest(Buffer.from(read('root-1.request.json')), 'request');
      assert.equal(signatures.length, 3);
    }
  });

  it('--json holds the same facts', async () => {
    const review = await line.type('review root-1.request.json --keys own --json');
    const data = review.json() as { alarms: { kind: string }[]; sha256: string; signers: unknown[] };
    const kinds = data.alarms.map(({ kind }) => kind);
    assert.deepEqual(kinds, ['first-root']);
    assert.equal(data.sha256, firstRoot().sha256);
    const signed = await line.type('sign root-1.request.json --key alice.key.json --yes --json');
    assert.equal((signed.json() as { complete: boolean }[])[0]?.complete, false);
  });

  it('a signature that somebody adds while one is asked stays', async () => {
    const words = fingerprintWords(firstRoot().sha256);
    await line.type('sign root-1.request.json --key bob.key.json --yes --output bob.json');
    line.answers.push(words);
    // While the question waits for its answer, the other copy comes in.
    line.answers.shift = () => {
      writeFileSync(join(line.directory, 'root-1.request.json'), read('bob.json'));
      return words;
    };
    const { status, out, beside } = await line.type('sign root-1.request.json --key alice.key.json');
    assert.equal(status, 0, beside);
    assert.match(out, /2 of 2 by its own keys/);
  });
});
