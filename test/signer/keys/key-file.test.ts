import assert from 'node:assert/strict';
import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { canonicalBytes } from '../../../src/metadata/canonical.ts';
import { digestOf } from '../../../src/metadata/crypto.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../../src/metadata/json.ts';
import { formatJson } from '../../../src/metadata/json-writer.ts';
import {
  developmentKeyFile,
  encryptKeyFile,
  openKeyFile,
  parseKeyFile,
} from '../../../src/signer/keys/key-file.ts';
import { generatePrivateKey, signingKeyOf } from '../../../src/signer/keys/signing-key.ts';

const path = 'keys/targets.key.json';
const passphrase = Buffer.from('correct horse battery staple');
const limits = { maxDepth: 8, maxValues: 64, maxDigits: 16 };

function read(bytes: Uint8Array): JsonObject {
  const json = parseJson(bytes, limits, path);
  if (!isJsonObject(json)) throw new Error('no object');
  return json;
}

/** With the checksum mended, as somebody who alters a file on purpose does. */
function write(json: JsonObject): Uint8Array {
  const whole = new Map(json);
  whole.delete('checksum');
  whole.set('checksum', digestOf('sha256', canonicalBytes(whole)));
  return Buffer.from(formatJson(whole));
}

function withEncryption(file: Uint8Array, changes: Readonly<Record<string, JsonValue>>): Uint8Array {
  const json = read(file);
  const encryption = json.get('encryption');
  const changed = new Map([...(isJsonObject(encryption) ? encryption : []), ...Object.entries(changes)]);
  return write(new Map(json).set('encryption', changed));
}

const openWith = async (file: Uint8Array, text: Uint8Array) =>
  await openKeyFile(parseKeyFile(file, path), async () => text);

describe('signer/keys/key-file', function () {
  this.slow(2000);
  let encrypted: Uint8Array = new Uint8Array();
  let id = '';

  before(async () => {
    const key = await generatePrivateKey('ed25519');
    id = signingKeyOf(key, path).id;
    encrypted = await encryptKeyFile(key, passphrase, path);
  });

  it('SGN-02: is encrypted by scrypt with N of 2^17 and AES-256-GCM, the header bound to it', async () => {
    const encryption = read(encrypted).get('encryption');
    assert.ok(isJsonObject(encryption));
    const stated = ['kdf', 'n', 'r', 'p', 'cipher'].map((name) => encryption.get(name));
    assert.deepEqual(stated, ['scrypt', 2 ** 17, 8, 1, 'aes-256-gcm']);
    assert.match(String(encryption.get('salt')), /^[0-9a-f]{64}$/);
    const key = await openWith(encrypted, passphrase);
    assert.equal(key.id, id);
    assert.ok(
      passphrase.equals(Buffer.from('correct horse battery staple')),
      "the caller's bytes stay as they were",
    );
  });

  it('SGN-02: one guess needs 128 MiB: it fails with less', async () => {
    const derive = promisify<string, string, number, object, Buffer>(scrypt);
    await assert.rejects(derive('guess', 'salt', 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 127 * 2 ** 20 }));
  });

  it('SGN-02: every file has its own salt and nonce', async () => {
    const key = await generatePrivateKey('ed25519');
    const [a, b] = [await encryptKeyFile(key, passphrase, path), await encryptKeyFile(key, passphrase, path)];
    for (const name of ['salt', 'nonce']) {
      const [first, second] = [a, b].map((file) => {
        const encryption = read(file).get('encryption');
        return isJsonObject(encryption) ? encryption.get(name) : undefined;
      });
      assert.notEqual(first, second);
    }
    assert.notEqual(read(a).get('secret'), read(b).get('secret'));
  });

  it('SGN-02: weaker parameters than ours are refused, and ones that exhaust the machine', async () => {
    for (const changes of [
      { n: 2 ** 16 },
      { n: 2 ** 21 },
      { n: 2 ** 17 + 1 },
      { r: 1 },
      { p: 2 },
      { kdf: 'pbkdf2' },
      { cipher: 'aes-128-gcm' },
    ]) {
      const file = withEncryption(encrypted, changes);
      await assert.rejects(openWith(file, passphrase), { code: 'key-file-invalid' }, JSON.stringify(changes));
    }
  });

  it('SGN-08: wrong passphrases all get the same answer', async () => {
    const messages = new Set<string>();
    for (const guess of ['', 'correct horse battery stapl', 'correct horse battery staple ']) {
      await assert.rejects(openWith(encrypted, Buffer.from(guess)), (error: Error & { code?: string }) => {
        messages.add(error.message);
        return error.code === 'passphrase-wrong';
      });
    }
    assert.equal(messages.size, 1);
  });

  it('SGN-09: damage anywhere is told from a wrong passphrase, without a guess', async () => {
    const text = Buffer.from(encrypted).toString();
    for (let at = 0; at < text.length; at += 7) {
      const flipped = Buffer.from(text);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      if (flipped.toString() === text) continue;
      let changed = true;
      try {
        changed = parseKeyFile(flipped, path).keyId !== id;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'key-file-invalid', `byte ${at}`);
      }
      // White space may change: nothing of the content does.
      if (!changed) assert.equal(text[at]?.trim(), '', `byte ${at}`);
    }
  });

  it('SGN-09: a header that was altered on purpose does not open, nor does another secret', async () => {
    const header = withEncryption(encrypted, { note: 'added' });
    await assert.rejects(openWith(header, passphrase), { code: 'passphrase-wrong' });
    const secret = String(read(encrypted).get('secret'));
    const other = write(
      new Map(read(encrypted)).set('secret', `${secret.slice(0, -2)}${secret.endsWith('00') ? '11' : '00'}`),
    );
    await assert.rejects(openWith(other, passphrase), { code: 'passphrase-wrong' });
    for (const short of ['', 'zz', '00'.repeat(16), '00'.repeat(20_000)]) {
      const file = write(new Map(read(encrypted)).set('secret', short));
      await assert.rejects(openWith(file, passphrase), { code: 'key-file-invalid' });
    }
  });

  it('SGN-09: a public half that is another key is refused', async () => {
    const key = await generatePrivateKey('ed25519');
    const other = await generatePrivateKey('ed25519');
    const file = new Map(read(developmentKeyFile(key, path))).set('key', signingKeyOf(other, path).json);
    await assert.rejects(openWith(write(file), passphrase), { code: 'key-file-invalid' });
  });

  it('is refused when it is of another format, no JSON, or holds no key', async () => {
    const plain = read(developmentKeyFile(await generatePrivateKey('ed25519'), path));
    const files = [
      Buffer.from('-----BEGIN ENCRYPTED PRIVATE KEY-----'),
      Buffer.from('[]'),
      write(new Map(plain).set('version', 2)),
      write(new Map(plain).set('format', 'other')),
      write(new Map(plain).set('encryption', 'none')),
      write(new Map(plain).set('key', 'text')),
    ];
    for (const file of files) assert.throws(() => parseKeyFile(file, path), { code: 'key-file-invalid' });
    const hollow = write(new Map(plain).set('secret', '00'.repeat(48)));
    await assert.rejects(openWith(hollow, passphrase), { code: 'key-file-invalid' });
  });

  it('SGN-07: no message holds key bytes or passphrase', async () => {
    const key = await generatePrivateKey('ed25519');
    const secret = String(read(developmentKeyFile(key, path)).get('secret'));
    const file = write(new Map(read(developmentKeyFile(key, path))).set('secret', `ff${secret.slice(2)}`));
    const failures = [
      () => openWith(file, passphrase),
      () => openWith(encrypted, Buffer.from('Hunter2Hunter2')),
      () => encryptKeyFile(key, Buffer.from('Hunter2'), path),
    ];
    for (const failure of failures) {
      const error = await failure().then(
        () => assert.fail('succeeded'),
        (caught: Error) => caught,
      );
      const everything = `${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
      assert.ok(!everything.includes('Hunter2'));
      for (let at = 0; at + 16 <= secret.length; at += 16) {
        assert.ok(!everything.includes(secret.slice(at, at + 16)));
      }
    }
  });

  it('a development key says that it is one, and asks for no passphrase', async () => {
    const file = developmentKeyFile(await generatePrivateKey('ecdsa-p256'), path);
    assert.match(Buffer.from(file).toString(), /insecure development key/);
    const parsed = parseKeyFile(file, path);
    assert.equal(parsed.encrypted, false);
    await openKeyFile(parsed, () => assert.fail('asked'));
  });

  it('refuses a passphrase that is too short', async () => {
    const key = await generatePrivateKey('ed25519');
    await assert.rejects(encryptKeyFile(key, Buffer.from('7 bytes'), path), { code: 'key-unusable' });
  });
});
