import assert from 'node:assert/strict';
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  createDigest,
  digestOf,
  isUsable,
  loadPublicKey,
  signatureBytes,
  type UnusableKey,
  type VerificationKey,
} from '../../src/metadata/crypto.ts';
import { type KeyKind, keyKinds, type SigningKey, signingKey } from '../support/signing-keys.ts';
import { cpuMilliseconds } from '../support/trusting.ts';

const message = new TextEncoder().encode('what is signed');

function load({ json }: SigningKey): VerificationKey | UnusableKey {
  return loadPublicKey(json.keytype, json.scheme, json.keyval.public);
}

function usable(key: SigningKey): VerificationKey {
  const loaded = load(key);
  assert.ok(isUsable(loaded), isUsable(loaded) ? '' : loaded.unusable);
  return loaded;
}

function reason(type: string, scheme: string, publicValue: string): string {
  const key = loadPublicKey(type, scheme, publicValue);
  assert.ok(!isUsable(key), `${type}/${scheme} is usable`);
  return key.unusable;
}

const pemOf = (key: KeyObject): string =>
  createPublicKey(key as never)
    .export({ type: 'spki', format: 'pem' })
    .toString();
const publicPem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const hex = (text: string): Uint8Array => signatureBytes(text) ?? new Uint8Array();

describe('metadata/crypto', () => {
  describe('SPEC-11: key types and schemes that are read', () => {
    for (const kind of keyKinds) {
      it(kind, () => {
        const key = signingKey('reader', kind);
        const loaded = usable(key);
        const signature = hex(key.sign(message));
        assert.equal(loaded.verify(message, signature), true);
        assert.equal(loaded.verify(new TextEncoder().encode('another'), signature), false);
        for (const index of [0, 7, signature.length - 1]) {
          const flipped = signature.slice();
          flipped[index] = (flipped[index] ?? 0) ^ 1;
          assert.equal(loaded.verify(message, flipped), false, `byte ${index}`);
        }
        assert.equal(loaded.verify(message, signature.subarray(1)), false);
        assert.equal(loaded.verify(message, new Uint8Array()), false);
        assert.equal(usable(signingKey('somebody else', kind)).verify(message, signature), false);
      });
    }

    it('RSA-PSS with the longest salt and with none, in all three digests', () => {
      for (const kind of ['rsa sha256', 'rsa sha384', 'rsa sha512'] as const) {
        for (const saltLength of [0, 20, 32, constants.RSA_PSS_SALTLEN_MAX_SIGN]) {
          const key = signingKey('reader', kind, { saltLength });
          assert.equal(usable(key).verify(message, hex(key.sign(message))), true, `${kind} ${saltLength}`);
        }
      }
    });

    it('an RSA signature of another kind does not verify', () => {
      const key = signingKey('reader', 'rsa sha256');
      const pkcs1 = sign('sha256', message, key.privateKey);
      const otherDigest = sign('sha512', message, {
        key: key.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
      });
      for (const signature of [pkcs1, otherDigest])
        assert.equal(usable(key).verify(message, signature), false);
    });

    it('an ECDSA signature in IEEE P1363 form does not verify', () => {
      const key = signingKey('reader', 'ecdsa p256');
      const raw = sign('sha256', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
      assert.equal(usable(key).verify(message, raw), false);
    });
  });

  it('SPEC-47: spellings of one key have one identity, other keys another', () => {
    const same: readonly (readonly KeyKind[])[] = [
      ['ed25519', 'ed25519 pem'],
      ['ecdsa p256', 'ecdsa p256 hex', 'ecdsa-sha2-nistp256'],
      ['ecdsa p384', 'ecdsa-sha2-nistp384'],
      ['rsa sha256', 'rsa sha384', 'rsa sha512'],
    ];
    const identities = same.map(
      (kinds) => new Set(kinds.map((kind) => usable(signingKey('reader', kind)).identity)),
    );
    for (const [index, set] of identities.entries()) assert.equal(set.size, 1, same[index]?.join());
    assert.equal(new Set(identities.flatMap((set) => [...set])).size, same.length);
    const { json } = signingKey('reader');
    const upper = loadPublicKey('ed25519', 'ed25519', json.keyval.public.toUpperCase());
    assert.ok(isUsable(upper) && identities[0]?.has(upper.identity));
    const pem = signingKey('reader', 'rsa sha256').json.keyval.public;
    for (const spelling of [pem.trim(), `\n ${pem}\n\n`, pem.replaceAll('\n', '\r\n'), oneLine(pem)]) {
      const key = loadPublicKey('rsa', 'rsassa-pss-sha256', spelling);
      assert.ok(isUsable(key) && identities[3]?.has(key.identity), spelling);
    }
    const trailing = Buffer.concat([Buffer.from(bodyOf(pem), 'base64'), Buffer.from('more')]);
    const padded = loadPublicKey('rsa', 'rsassa-pss-sha256', asPem(trailing));
    assert.ok(!isUsable(padded) || identities[3]?.has(padded.identity));
  });

  it('one RSA modulus is one key, whatever the exponent', () => {
    const identities = ['AQAB', 'Aw'].map((exponent) => {
      const key = loadPublicKey('rsa', 'rsassa-pss-sha256', withExponent(exponent));
      assert.ok(isUsable(key));
      return key.identity;
    });
    assert.equal(new Set(identities).size, 1);
  });

  describe('PAR-07: a key that does not fit its type or scheme is unusable, with a reason', () => {
    const rsa = signingKey('reader', 'rsa sha256').json.keyval.public;
    const p256 = signingKey('misfit', 'ecdsa p256').json.keyval.public;
    const p384 = signingKey('misfit', 'ecdsa p384').json.keyval.public;
    const ed = signingKey('misfit', 'ed25519 pem').json.keyval.public;
    const cases: readonly (readonly [string, string, string, RegExp])[] = [
      ['ed25519', 'ed25519', rsa, /kind rsa cannot be used with ed25519/],
      ['ed25519', 'ed25519', p256, /kind ec cannot/],
      ['ed25519', 'foo', ed, /unknown scheme "foo"/],
      ['ed25519', 'constructor', ed, /unknown scheme/],
      ['ed25519', '\u001b[31m', ed, /unknown scheme "\\u001b\[31m"/],
      ['ecdsa', 'ecdsa-sha2-nistp256', p384, /curve P-384 cannot be used with ecdsa-sha2-nistp256/],
      ['ecdsa', 'ecdsa-sha2-nistp384', p256, /curve P-256/],
      ['ecdsa', 'ecdsa-sha2-nistp256', ed, /kind ed25519/],
      ['ecdsa', 'ecdsa-sha2-nistp521', p384, /unknown scheme/],
      ['ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp256', p256, /does not fit key type "ecdsa-sha2-nistp384"/],
      ['rsa', 'rsa-pkcs1v15-sha256', rsa, /unknown scheme/],
      ['rsa', 'rsassa-pss-sha224', rsa, /unknown scheme/],
      ['rsa', 'ed25519', ed, /does not fit key type "rsa"/],
      ['ed25519', 'rsassa-pss-sha256', rsa, /does not fit/],
      ['rsa', 'rsassa-pss-sha256', p256, /kind ec/],
    ];
    for (const [type, scheme, publicValue, expected] of cases)
      it(`${type}/${JSON.stringify(scheme)}`, () =>
        assert.match(reason(type, scheme, publicValue), expected));

    for (const curve of ['secp224r1', 'brainpoolP256r1', 'secp256k1', 'P-521']) {
      it(`curve ${curve} is no P-256`, () => {
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
        assert.match(reason('ecdsa', 'ecdsa-sha2-nistp256', publicPem(publicKey)), /cannot be used|can use/);
      });
    }

    it('private keys, certificates and other PEM are no public keys', () => {
      const key = signingKey('misfit', 'ed25519 pem').privateKey;
      const text = key.export({ type: 'pkcs8', format: 'pem' }).toString();
      assert.match(reason('ed25519', 'ed25519', text), /neither PEM nor hexadecimal/);
      const label = text.replaceAll('PRIVATE', 'PUBLIC');
      assert.match(reason('ed25519', 'ed25519', label), /not a public key/);
      assert.match(
        reason('ed25519', 'ed25519', pemOf(key).replaceAll('PUBLIC KEY', 'CERTIFICATE')),
        /neither/,
      );
    });

    it('an RSA key that is only for PSS, and X25519, are of another kind', () => {
      const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256' }).publicKey;
      assert.match(reason('rsa', 'rsassa-pss-sha256', publicPem(pss)), /kind rsa-pss/);
      const agreement = generateKeyPairSync('x25519').publicKey;
      assert.match(reason('ed25519', 'ed25519', publicPem(agreement)), /kind x25519/);
    });
  });

  describe('PAR-08, SPEC-12: damaged and absurd keys are unusable, and quickly so', () => {
    const p256Hex = signingKey('misfit', 'ecdsa p256 hex').json.keyval.public;
    const pem = signingKey('reader', 'rsa sha256').json.keyval.public;
    const nested = Buffer.concat([...Array.from({ length: 1400 }, () => Buffer.from([0x30, 0x80]))]);
    const cases: Readonly<Record<string, readonly [string, string, string]>> = {
      'ed25519 of 0 bytes': ['ed25519', 'ed25519', ''],
      'ed25519 of 31 bytes': ['ed25519', 'ed25519', 'ab'.repeat(31)],
      'ed25519 of 33 bytes': ['ed25519', 'ed25519', 'ab'.repeat(33)],
      'ed25519 not in hexadecimal': ['ed25519', 'ed25519', 'zz'.repeat(32)],
      'PEM cut short': ['rsa', 'rsassa-pss-sha256', pem.slice(0, 200)],
      'PEM whose base64 is cut short': [
        'rsa',
        'rsassa-pss-sha256',
        asPem(Buffer.from(bodyOf(pem), 'base64').subarray(0, 100)),
      ],
      'PEM without a body': [
        'rsa',
        'rsassa-pss-sha256',
        '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----',
      ],
      'one line that is head and foot at once': [
        'rsa',
        'rsassa-pss-sha256',
        '-----BEGIN PUBLIC KEY-----END PUBLIC KEY-----',
      ],
      'PEM with "=" inside': ['rsa', 'rsassa-pss-sha256', pem.replace('\nM', '\n=M')],
      'PEM of white space': ['rsa', 'rsassa-pss-sha256', `-----BEGIN PUBLIC KEY-----${'\n'.repeat(4000)}`],
      'PEM of 5 kB': ['rsa', 'rsassa-pss-sha256', `${pem}${' '.repeat(5000)}`],
      'ASN.1 nested deeply': ['rsa', 'rsassa-pss-sha256', asPem(nested)],
      'a point that is not on the curve': ['ecdsa', 'ecdsa-sha2-nistp256', `04${'11'.repeat(64)}`],
      'a compressed point': ['ecdsa', 'ecdsa-sha2-nistp256', `02${p256Hex.slice(2, 66)}`],
      'a P-256 point for P-384': ['ecdsa', 'ecdsa-sha2-nistp384', p256Hex],
      'RSA of 1,024 bits': ['rsa', 'rsassa-pss-sha256', rsaOf(1024)],
      'RSA of 16,384 bits': ['rsa', 'rsassa-pss-sha256', rsaOf(16_384)],
      'RSA with exponent 1': ['rsa', 'rsassa-pss-sha256', withExponent('AQ')],
      'RSA with exponent 2': ['rsa', 'rsassa-pss-sha256', withExponent('Ag')],
      'RSA with a huge exponent': [
        'rsa',
        'rsassa-pss-sha256',
        withExponent(Buffer.alloc(64, 0xff).toString('base64url')),
      ],
    };
    for (const [name, key] of Object.entries(cases)) {
      it(name, () => {
        assert.ok(reason(...key).length > 10);
        assert.ok(cpuMilliseconds(() => loadPublicKey(...key)) < 250);
      });
    }

    it('RSA of 2,048 and 8,192 bits is usable', () => {
      for (const bits of [2048, 8192])
        assert.ok(isUsable(loadPublicKey('rsa', 'rsassa-pss-sha256', rsaOf(bits))));
    });
  });

  it('ed25519 points of small order and non-canonical ones are unusable: any signature would do', () => {
    const points = [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      `01${'00'.repeat(30)}80`,
      `ec${'ff'.repeat(30)}7f`,
      `${'00'.repeat(31)}80`,
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
      `ed${'ff'.repeat(30)}7f`,
      `ee${'ff'.repeat(30)}7f`,
      'ff'.repeat(32),
    ];
    for (const point of points)
      assert.match(reason('ed25519', 'ed25519', point), /small order or not in canonical/);
  });

  it('PAR-10: an ed25519 signature with S + L, or another R, does not verify', () => {
    const key = signingKey('reader');
    const signature = hex(key.sign(message));
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order;
    const high = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
    const forged = Buffer.concat([signature.subarray(0, 32), high]);
    assert.equal(usable(key).verify(message, forged), false);
    const loose = Buffer.concat([Buffer.from(`ee${'ff'.repeat(30)}7f`, 'hex'), signature.subarray(32)]);
    assert.equal(usable(key).verify(message, loose), false);
  });

  it('a signature that is no bytes at all is a wrong one, not an exception', () => {
    assert.equal(usable(signingKey('reader')).verify(message, null as never), false);
  });

  it('SPEC-7: signatures are hexadecimal of either case, and nothing else', () => {
    assert.deepEqual(signatureBytes('00fF'), Buffer.from([0, 255]));
    for (const text of ['', 'abc', 'zz', 'AAAA=', '0x00', 'ab ', 'abcd\n', 'q83vEjQ='])
      assert.equal(signatureBytes(text), undefined, text);
  });

  it('digests of pieces are those of the whole', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const digest = createDigest(algorithm);
      for (const piece of [message.subarray(0, 3), message.subarray(3)]) digest.update(piece);
      assert.equal(digest.hex(), digestOf(algorithm, message));
      assert.equal(digestOf(algorithm, 'what is signed'), digestOf(algorithm, message));
    }
    assert.equal(digestOf('sha256', ''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });
});

function asPem(der: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PUBLIC KEY-----\n`;
}

function bodyOf(pem: string): string {
  return pem.split('\n').slice(1, -2).join('');
}

function oneLine(pem: string): string {
  return `-----BEGIN PUBLIC KEY----- ${bodyOf(pem)} -----END PUBLIC KEY-----`;
}

/** A modulus of any size: the top and bottom bits are all that a parser looks at. */
function rsaOf(bits: number, exponent = 'AQAB'): string {
  const modulus = Buffer.alloc(bits / 8, 0xa5);
  return publicPem(
    createPublicKey({ key: { kty: 'RSA', n: modulus.toString('base64url'), e: exponent }, format: 'jwk' }),
  );
}

function withExponent(exponent: string): string {
  return rsaOf(2048, exponent);
}
