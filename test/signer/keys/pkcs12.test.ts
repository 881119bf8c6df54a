import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { isTidegateError } from '../../../src/errors.ts';
import { readPkcs8Encryption, readPkcs12 } from '../../../src/signer/keys/pkcs12.ts';
import { fixturePassphrase, keyFixture, unicodePassphrase } from '../../support/key-fixtures.ts';

const passphrase = Buffer.from(fixturePassphrase);
const path = 'release.p12';

const read = (name: string, secret: Uint8Array = passphrase) => readPkcs12(keyFixture(name), secret, path);

function publicOf(name: string): unknown {
  return createPublicKey(createPrivateKey(keyFixture(`${name}-pkcs8.pem`))).export({ format: 'jwk' });
}

/** DER: a tag, a length in the shortest form, and the parts. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length.toString(16);
  const long = Buffer.from(size.padStart(size.length + (size.length % 2), '0'), 'hex');
  const length = content.length < 0x80 ? [content.length] : [0x80 | long.length, ...long];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

/** The file with a number of rounds of its own wherever 2,048 stood, in as many bytes. */
function withRounds(name: string, rounds: string): Buffer {
  const file = keyFixture(name).toString('hex');
  assert.ok(file.includes('02020800'));
  return Buffer.from(file.replaceAll('02020800', `0202${rounds}`), 'hex');
}

describe('signer/keys/pkcs12', () => {
  for (const [name, kind] of [
    ['rsa.p12', 'rsa'],
    ['rsa-legacy.p12', 'rsa'],
    ['ec.p12', 'ec'],
    ['ec-legacy.p12', 'ec'],
    ['ed25519.p12', 'ed25519'],
    ['ed25519-legacy.p12', 'ed25519'],
    ['ec-rc2.p12', 'ec'],
    ['ec-3des.p12', 'ec'],
    ['ec-aes128.p12', 'ec'],
    ['ec-open.p12', 'ec'],
    ['ec-once.p12', 'ec'],
  ] as const) {
    it(`reads ${name} of OpenSSL`, async () => {
      const { privateKey, weakness } = await read(name);
      assert.deepEqual(createPublicKey(privateKey).export({ format: 'jwk' }), publicOf(kind));
      assert.match(weakness ?? '', /^\d+ rounds|^no encryption/, 'what OpenSSL writes by default is weak');
    });
  }

  it('SGN-02: 600,000 rounds are not weak', async () => {
    assert.equal((await read('ec-strong.p12')).weakness, undefined);
  });

  it('takes passphrases beyond ASCII, as OpenSSL encodes them', async () => {
    for (const name of ['ec-unicode.p12', 'ec-unicode-legacy.p12']) {
      const { privateKey } = await read(name, Buffer.from(unicodePassphrase));
      assert.deepEqual(createPublicKey(privateKey).export({ format: 'jwk' }), publicOf('ec'));
      await assert.rejects(read(name, Buffer.from('grusse')), { code: 'passphrase-wrong' });
    }
  });

  it('SGN-08: wrong passphrases all get the same answer', async () => {
    const messages = new Set<string>();
    for (const guess of ['', 'correct-hors', 'correct-horse ', 'x'.repeat(2000), '\ud83d']) {
      await assert.rejects(read('ec.p12', Buffer.from(guess)), (error: Error & { code?: string }) => {
        messages.add(error.message);
        return error.code === 'passphrase-wrong';
      });
    }
    assert.equal(messages.size, 1);
  });

  it('SGN-09: damage anywhere is refused by a code of its own, and nothing else is thrown', async () => {
    const file = keyFixture('ec.p12');
    for (let at = 0; at < file.length; at += 3) {
      const damaged = Buffer.from(file);
      damaged[at] = (damaged[at] ?? 0) ^ 0x11;
      await assert.rejects(
        readPkcs12(damaged, passphrase, path),
        (error) => isTidegateError(error, 'key-file-invalid', 'passphrase-wrong'),
        `byte ${at}`,
      );
    }
    for (let length = 0; length < file.length; length += 41) {
      await assert.rejects(readPkcs12(file.subarray(0, length), passphrase, path), {
        code: 'key-file-invalid',
      });
    }
    await assert.rejects(readPkcs12(Buffer.concat([file, file]), passphrase, path), {
      code: 'key-file-invalid',
    });
  });

  it('refuses files without a MAC, without a key, and with keys of other kinds', async () => {
    await assert.rejects(read('ec-nomac.p12'), { code: 'key-file-invalid', message: /found no MAC/ });
    await assert.rejects(read('certificate-only.p12'), {
      code: 'key-file-invalid',
      message: /found 0 private keys, expected one/,
    });
  });

  it('does not pay for more rounds than anybody needs, at any level of the file', async () => {
    const started = performance.now();
    // The MAC of this file is checked first: 2^31 rounds would take hours.
    const mac = keyFixture('ec.p12')
      .toString('hex')
      .replace(/02020800$/, '02047fffffff');
    const lengthened = Buffer.from(mac, 'hex');
    lengthened.writeUInt16BE(lengthened.length - 4, 2);
    await assert.rejects(readPkcs12(lengthened, passphrase, path), { code: 'key-file-invalid' });
    assert.ok(performance.now() - started < 2000);
    await assert.rejects(readPkcs12(withRounds('ec-legacy.p12', '0000'), passphrase, path), {
      code: 'key-file-invalid',
    });
  });

  it('says how an encrypted PKCS#8 is locked, and refuses what costs too much to open', async () => {
    const oid = (hex: string): Buffer => Buffer.from(hex, 'hex');
    const integer = (hex: string): Buffer => der(2, Buffer.from(hex, 'hex'));
    const cipher = der(0x30, oid('060960864801650304012a'), der(4, Buffer.alloc(16)));
    const pbes2 = (...derivation: readonly Buffer[]): Buffer => {
      const parameters = der(0x30, der(0x30, ...derivation), cipher);
      return der(0x30, der(0x30, oid('06092a864886f70d01050d'), parameters), der(4, Buffer.alloc(48)));
    };
    const pbkdf2 = (rounds: string): Buffer =>
      pbes2(oid('06092a864886f70d01050c'), der(0x30, der(4, Buffer.alloc(8)), integer(rounds)));
    const scrypt = (n: string): Buffer => {
      const parameters = der(0x30, der(4, Buffer.alloc(8)), integer(n), integer('08'), integer('01'));
      return pbes2(oid('06092b06010401da47040b'), parameters);
    };
    const { derivation } = await readPkcs8Encryption(pbkdf2('0927c0'), path);
    assert.deepEqual(
      { ...derivation },
      { kdf: 'pbkdf2', salt: Buffer.alloc(8), iterations: 600_000, digest: 'sha1' },
    );
    assert.equal((await readPkcs8Encryption(scrypt('4000'), path)).derivation.kdf, 'scrypt');
    for (const [bytes, reason] of [
      [pbkdf2('7fffffff'), /found 2147483647 rounds of PBKDF2, expected 1 to 10000000/],
      [pbkdf2('00'), /found 0 rounds/],
      [pbkdf2('ff'), /damaged or altered/],
      [pbkdf2('01ffffffffffffff'), /damaged or altered/],
      [scrypt('00800000'), /bytes for scrypt, expected/],
      [
        pbes2(oid('06032a0304'), der(0x30, der(4), integer('01'))),
        /found the derivation 1\.2\.3\.4, expected/,
      ],
      [
        der(0x30, der(0x30, oid('06032a0304'), der(0x30)), der(4)),
        /found the encryption 1\.2\.3\.4, expected/,
      ],
      [der(0x30), /damaged or altered/],
      [Buffer.from('not DER'), /damaged or altered/],
    ] as const)
      await assert.rejects(readPkcs8Encryption(bytes, path), { code: 'key-file-invalid', message: reason });
  });

  it('survives nesting without end', async () => {
    let deep: Buffer = Buffer.alloc(0);
    for (let level = 0; level < 3000; level += 1) deep = der(0x30, deep);
    await assert.rejects(readPkcs12(deep, passphrase, path), { code: 'key-file-invalid' });
  });
});
