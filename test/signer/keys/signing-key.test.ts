import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../../../src/metadata/json.ts';
import { keyIdOf } from '../../../src/metadata/keys.ts';
import {
  generatePrivateKey,
  keyTypes,
  type SigningKey,
  signatureOf,
  signingKeyOf,
} from '../../../src/signer/keys/signing-key.ts';

const message = Buffer.from('{"_type":"timestamp"}');

function publicValue(key: SigningKey): string {
  const keyval = key.json.get('keyval');
  return isJsonObject(keyval) ? String(keyval.get('public')) : '';
}

const signerFolder = join(import.meta.dirname, '..', '..', '..', 'src', 'signer');

function filesOfSigner(): readonly string[] {
  const entries = readdirSync(signerFolder, { recursive: true, encoding: 'utf8' });
  return entries.filter((name) => name.endsWith('.ts'));
}

describe('signer/keys/signing-key', () => {
  for (const type of keyTypes) {
    it(`signs with ${type}, verifiably, under the id of its canonical key`, async () => {
      const key = signingKeyOf(await generatePrivateKey(type), 'key');
      assert.equal(key.id, keyIdOf(key.json));
      assert.match(await signatureOf(key, message, 'key'), /^[0-9a-f]+$/);
    });
  }

  it('writes keys as every client reads them: ed25519 in hexadecimal, others in PEM with a newline', async () => {
    const spelling = new Map<string, [string, RegExp]>([
      ['ed25519', ['ed25519', /^[0-9a-f]{64}$/]],
      [
        'ecdsa-p256',
        ['ecdsa-sha2-nistp256', /^-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n$/],
      ],
      ['rsa-pss', ['rsa', /^-----BEGIN PUBLIC KEY-----\n[\s\S]+\n-----END PUBLIC KEY-----\n$/]],
    ]);
    for (const type of keyTypes) {
      const key = signingKeyOf(await generatePrivateKey(type), 'key');
      const [keytype = '', form = /^$/] = spelling.get(type) ?? [];
      assert.equal(key.json.get('keytype'), keytype);
      assert.match(publicValue(key), form);
    }
  });

  it('salts RSA-PSS with 32 bytes, and encodes ECDSA in DER', async () => {
    const rsa = signingKeyOf(await generatePrivateKey('rsa-pss'), 'key');
    const key = createPublicKey(publicValue(rsa));
    const signature = await rsa.sign(message);
    for (const [saltLength, expected] of [
      [32, true],
      [0, false],
      [64, false],
    ] as const) {
      const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
      assert.equal(verify('sha256', message, options, signature), expected);
    }
    const p256 = signingKeyOf(await generatePrivateKey('ecdsa-p256'), 'key');
    assert.equal((await p256.sign(message))[0], 0x30);
  });

  it('refuses kinds of keys that hosts cannot verify', () => {
    const keys = [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('x25519'),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
    ];
    for (const { privateKey } of keys)
      assert.throws(() => signingKeyOf(privateKey, 'key'), { code: 'key-unusable' });
  });

  it('SGN-30: a faulty signer is found before its signature is used', async () => {
    const good = signingKeyOf(await generatePrivateKey('ecdsa-p256'), 'key');
    const other = signingKeyOf(await generatePrivateKey('ecdsa-p256'), 'key');
    const faults: readonly SigningKey['sign'][] = [
      async (bytes) => (await good.sign(bytes)).map((byte, index) => (index === 20 ? byte ^ 1 : byte)),
      async (bytes) => await other.sign(bytes),
      async () => await good.sign(Buffer.from('another document')),
      async () => new Uint8Array(64).fill(1),
      async () => new Uint8Array(),
    ];
    for (const sign of faults) {
      await assert.rejects(signatureOf({ ...good, sign }, message, 'targets 5'), { code: 'key-unusable' });
    }
  });

  it('SGN-39: no ECDSA nonce comes twice', async () => {
    const key = signingKeyOf(await generatePrivateKey('ecdsa-p256'), 'key');
    const seen = new Set<string>();
    for (let round = 0; round < 10_000; round += 1) {
      const signature = await key.sign(message);
      const length = signature[3] ?? 0;
      seen.add(Buffer.from(signature.subarray(4, 4 + length)).toString('hex'));
    }
    assert.equal(seen.size, 10_000);
  });

  it('SGN-39: the signer takes randomness from node:crypto alone', () => {
    for (const file of filesOfSigner()) {
      assert.doesNotMatch(
        readFileSync(join(signerFolder, file), 'utf8'),
        /Math\.random|getRandomValues/,
        file,
      );
    }
  });

  it('SGN-04: the signer looks at no argument and no environment, and asks no terminal', () => {
    for (const file of filesOfSigner()) {
      assert.doesNotMatch(
        readFileSync(join(signerFolder, file), 'utf8'),
        /process\.(env|argv|stdin|stdout|stderr)|console\./,
        file,
      );
    }
  });
});
