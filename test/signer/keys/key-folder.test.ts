import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportKey } from '../../../src/signer/keys/key-export.ts';
import { developmentKeyFile, openKeyFile, parseKeyFile } from '../../../src/signer/keys/key-file.ts';
import { rewrapKey, storePrivateKey } from '../../../src/signer/keys/key-folder.ts';
import { type ImportOptions, importKey } from '../../../src/signer/keys/key-import.ts';
import { generatePrivateKey, publicHalfOf } from '../../../src/signer/keys/signing-key.ts';
import { createDurably, makeFolder } from '../../../src/storage/durable-file.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { copyKeyFixture, fixturePassphrase, keyFixture } from '../../support/key-fixtures.ts';
import { MemoryFileSystem, powerCuts } from '../../support/memory-file-system.ts';

const secret = (text: string) => async () => Buffer.from(text);

function idOf(pem: string): string {
  return publicHalfOf(createPrivateKey(keyFixture(pem)), pem).id;
}

describe('signer/keys: folders of keys', function () {
  this.slow(3000);
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-key-folder-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const place = (name = 'release') => ({ fileSystem: nodeFileSystem, folder: join(folder, 'keys'), name });
  const source = (name: string) => copyKeyFixture(name, join(folder, name));
  const options: ImportOptions = {
    passphrase: secret(fixturePassphrase),
    newPassphrase: secret('a new passphrase'),
    rewrap: true,
  };

  it('SGN-01: makes files of mode 0600 in a folder of mode 0700, whatever the umask', async () => {
    for (const umask of [0o022, 0o000]) {
      const before = process.umask(umask);
      try {
        const there = { ...place(), folder: join(folder, `keys-${umask}`) };
        await storePrivateKey(there, await generatePrivateKey('ed25519'), {});
        assert.equal(statSync(there.folder).mode & 0o777, 0o700);
        assert.equal(statSync(join(there.folder, 'release.key.json')).mode & 0o777, 0o600);
        assert.equal(statSync(join(there.folder, 'release.pub')).mode & 0o777, 0o644);
      } finally {
        process.umask(before);
      }
    }
  });

  it('overwrites no key and no half of one', async () => {
    const key = await generatePrivateKey('ed25519');
    await storePrivateKey(place(), key, {});
    const names = readdirSync(join(folder, 'keys'));
    await assert.rejects(storePrivateKey(place(), key, {}), { code: 'name-taken' });
    rmSync(join(folder, 'keys', 'release.key.json'));
    await assert.rejects(storePrivateKey(place(), key, {}), { code: 'name-taken' });
    assert.deepEqual(
      readdirSync(join(folder, 'keys')),
      names.filter((name) => name !== 'release.key.json'),
    );
  });

  it('imports what OpenSSL and tuftool make, under the same id, locked anew', async () => {
    for (const [file, pem] of [
      ['rsa.p12', 'rsa-pkcs8.pem'],
      ['ec-legacy.p12', 'ec-pkcs8.pem'],
      ['ed25519.p12', 'ed25519-pkcs8.pem'],
      ['rsa-pkcs1-encrypted.pem', 'rsa-pkcs8.pem'],
      ['ec-sec1.pem', 'ec-pkcs8.pem'],
      ['ed25519-pkcs8-v2.der', 'ed25519-pkcs8.pem'],
      ['ec-encrypted-2048.pem', 'ec-pkcs8.pem'],
    ] as const) {
      const name = file.replaceAll('.', '-');
      const open = { ...options, newPassphrase: undefined };
      const imported = await importKey(source(file), place(name), open);
      assert.equal(imported.id, idOf(pem), file);
      const bytes = readFileSync(join(folder, 'keys', `${name}.key.json`));
      const key = await openKeyFile(parseKeyFile(bytes, name), () => assert.fail('asked'));
      assert.equal(key.id, idOf(pem));
    }
    await importKey(source('ec.p12'), place(), options);
    const locked = parseKeyFile(readFileSync(join(folder, 'keys', 'release.key.json')), 'release');
    assert.equal((await openKeyFile(locked, secret('a new passphrase'))).id, idOf('ec-pkcs8.pem'));
  });

  it('imports public keys as files that every command takes', async () => {
    for (const [file, pem] of [
      ['rsa-public.pem', 'rsa-pkcs8.pem'],
      ['ec-public.der', 'ec-pkcs8.pem'],
      ['ed25519-public.pem', 'ed25519-pkcs8.pem'],
    ] as const) {
      const imported = await importKey(source(file), place(file), options);
      assert.equal(imported.id, idOf(pem));
      assert.equal(imported.privateFile, undefined);
      const again = await importKey(join(folder, 'keys', `${file}.pub`), place(`${file}-2`), options);
      assert.equal(again.id, idOf(pem));
    }
    const of = (name: string) => importKey(source(name), place(name), { ...options, publicOnly: true });
    assert.equal((await of('ec.p12')).privateFile, undefined);
    await assert.rejects(importKey(source('p384-public.pem'), place(), options), { code: 'key-unusable' });
    writeFileSync(
      join(folder, 'odd.pub'),
      '{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}',
    );
    await assert.rejects(importKey(join(folder, 'odd.pub'), place(), options), { code: 'key-unusable' });
  });

  it('imports a key file of ours, and its public half without a passphrase', async () => {
    const file = developmentKeyFile(createPrivateKey(keyFixture('ec-pkcs8.pem')), 'ours');
    const path = join(folder, 'ours.key.json');
    writeFileSync(path, file, { mode: 0o600 });
    const half = await importKey(path, place('half'), { ...options, publicOnly: true });
    assert.equal(half.id, idOf('ec-pkcs8.pem'));
    assert.equal(half.privateFile, undefined);
    const whole = await importKey(path, place('whole'), { ...options, newPassphrase: undefined });
    assert.deepEqual(
      readFileSync(join(folder, 'keys', 'whole.pub')),
      readFileSync(join(folder, 'keys', 'half.pub')),
    );
    assert.equal(whole.id, half.id);
    await assert.rejects(importKey(join(folder, 'nowhere'), place('x'), options), { code: 'not-found' });
    writeFileSync(join(folder, 'cut.pem'), keyFixture('ec-public.pem').subarray(0, 90));
    await assert.rejects(importKey(join(folder, 'cut.pem'), place('x'), options), {
      code: 'key-file-invalid',
    });
    writeFileSync(join(folder, 'odd.pub'), '{"keytype":"ed25519","keyval":{"public":"00"}');
    await assert.rejects(importKey(join(folder, 'odd.pub'), place('x'), options), {
      code: 'key-file-invalid',
    });
  });

  it('SGN-02: refuses a weak lock without a new one, and the same passphrase for both', async () => {
    const unasked = { ...options, rewrap: false };
    for (const [file, found] of [
      ['ec-encrypted-2048.pem', /2048 rounds of PBKDF2.*--rewrap/],
      ['ec.p12', /2048 rounds for its MAC.*--rewrap/],
      ['rsa-pkcs1-encrypted.pem', /one round of MD5/],
    ] as const) {
      await assert.rejects(importKey(source(file), place(), unasked), {
        code: 'key-unusable',
        message: found,
      });
      const same = { ...options, newPassphrase: secret(fixturePassphrase) };
      await assert.rejects(importKey(source(file), place(), same), {
        code: 'key-unusable',
        message: /the new passphrase is that of the weak lock/,
      });
    }
    await importKey(source('ec-encrypted-600000.pem'), place(), unasked);
    assert.deepEqual(readdirSync(join(folder, 'keys')), ['release.key.json', 'release.pub']);
  });

  it('looks at everything in a dry run and writes nothing', async () => {
    const imported = await importKey(source('ec.p12'), place(), { ...options, dryRun: true });
    assert.equal(imported.id, idOf('ec-pkcs8.pem'));
    assert.equal(readdirSync(folder).includes('keys'), false);
    const wrong = { ...options, dryRun: true, passphrase: secret('wrong') };
    await assert.rejects(importKey(source('ec.p12'), place(), wrong), { code: 'passphrase-wrong' });
  });

  it('SGN-01: imports no private key that others can read', async () => {
    const path = source('ec-pkcs8.pem');
    rmSync(path);
    writeFileSync(path, keyFixture('ec-pkcs8.pem'), { mode: 0o644 });
    await assert.rejects(importKey(path, place(), options), { code: 'key-file-permissions' });
  });

  it('exports in exactly the forms that tuftool loads', async () => {
    for (const [pem, check] of [
      [
        'rsa-pkcs8.pem',
        (bytes: Buffer, key: KeyObject) =>
          assert.equal(bytes.toString(), key.export({ format: 'pem', type: 'pkcs8' })),
      ],
      ['ed25519-pkcs8.pem', (bytes: Buffer) => assert.deepEqual(bytes, keyFixture('ed25519-pkcs8-v2.der'))],
      ['ec-pkcs8.pem', (bytes: Buffer) => assert.deepEqual(bytes, keyFixture('ec-pkcs8.der'))],
    ] as const) {
      const key = createPrivateKey(keyFixture(pem));
      const path = join(folder, `${pem}.export`);
      await assert.rejects(exportKey(nodeFileSystem, key, path, { form: 'tuftool' }), { code: 'usage' });
      await exportKey(nodeFileSystem, key, path, { form: 'tuftool', unencrypted: true });
      check(readFileSync(path), key);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      await assert.rejects(exportKey(nodeFileSystem, key, path, { form: 'tuftool', unencrypted: true }), {
        code: 'name-taken',
      });
    }
  });

  it('exports encrypted PEM that OpenSSL opens, with a lock that is not weak', async () => {
    const key = createPrivateKey(keyFixture('ec-pkcs8.pem'));
    const path = join(folder, 'release.pem');
    const passphrase = Buffer.from('a new passphrase');
    await exportKey(nodeFileSystem, key, path, { form: 'pem', passphrase });
    const opened = createPrivateKey({ key: readFileSync(path), passphrase });
    assert.ok(createPublicKey(opened).equals(createPublicKey(key)));
    const back = { ...options, passphrase: secret('a new passphrase'), rewrap: false };
    assert.equal((await importKey(path, place(), back)).id, idOf('ec-pkcs8.pem'));
  });

  it('SGN-43: exports nothing unencrypted into a folder under version control', async () => {
    mkdirSync(join(folder, '.git'));
    mkdirSync(join(folder, 'deep', 'er'), { recursive: true });
    const key = createPrivateKey(keyFixture('ec-pkcs8.pem'));
    const path = join(folder, 'deep', 'er', 'key.der');
    await assert.rejects(exportKey(nodeFileSystem, key, path, { form: 'tuftool', unencrypted: true }), {
      code: 'key-file-permissions',
      message: /under version control/,
    });
    await exportKey(nodeFileSystem, key, path, { form: 'pem', passphrase: Buffer.from('a new passphrase') });
  });

  it('rewraps with another passphrase and dearer guesses; the key stays', async () => {
    const path = join(folder, 'keys', 'release.key.json');
    const { id } = await storePrivateKey(place(), await generatePrivateKey('ed25519'), {
      passphrase: Buffer.from('the old passphrase'),
    });
    const before = readFileSync(path);
    const passphrases = { old: secret('the old passphrase'), new: secret('the new passphrase') };
    await assert.rejects(rewrapKey(nodeFileSystem, path, { ...passphrases, old: secret('wrong one') }), {
      code: 'passphrase-wrong',
    });
    await assert.rejects(rewrapKey(nodeFileSystem, path, { ...passphrases, new: secret('short') }), {
      code: 'key-unusable',
    });
    assert.deepEqual(readFileSync(path), before);
    assert.equal((await rewrapKey(nodeFileSystem, path, passphrases, { cost: 18 })).id, id);
    const file = parseKeyFile(readFileSync(path), path);
    assert.equal((await openKeyFile(file, passphrases.new)).id, id);
    await assert.rejects(openKeyFile(file, passphrases.old), { code: 'passphrase-wrong' });
    assert.match(readFileSync(path, 'utf8'), /"n": 262144/);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('DSK-01: a crash while rewrapping leaves the old file or the new one', async function () {
    this.timeout(20_000);
    const path = '/keys/release.key.json';
    const file = developmentKeyFile(await generatePrivateKey('ed25519'), path);
    const prepare = async (): Promise<MemoryFileSystem> => {
      const fs = new MemoryFileSystem();
      await makeFolder(fs, '/keys', 0o700);
      await createDurably(fs, path, file, { mode: 0o600 });
      return fs;
    };
    const passphrases = { old: () => assert.fail('asked'), new: secret('the new passphrase') };
    const good = new FileSystemReplay(await prepare());
    await rewrapKey(good, path, passphrases);
    // Each run derives keys, so that only the calls are cut after which a file is another one.
    const changes = good.calls.flatMap(({ call }, index) => (/rename/.test(call) ? [index] : []));
    assert.equal(changes.length, 1);
    for (const cut of changes) {
      for (const after of [false, true]) {
        const disk = await prepare();
        await assert.rejects(rewrapKey(new FileSystemReplay(disk, { cut, after }), path, passphrases));
        for (const state of [disk, ...powerCuts.map((kind) => disk.powerCut(kind))]) {
          const found = await readPlainFile(state, path, 65_536);
          assert.equal(
            parseKeyFile(found?.bytes ?? new Uint8Array(), path).keyId,
            parseKeyFile(file, path).keyId,
          );
        }
      }
    }
  });
});
