/**
 * Signatures over a digest that somebody else made, as key services and tokens give them. node:crypto always hashes
 * what it signs, so the last steps are written out; its big numbers and its curve do the work. For tests alone: the
 * arithmetic is not constant-time.
 */
import { constants, createECDH, createHash, type KeyObject, privateEncrypt, randomBytes } from 'node:crypto';

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const digestLength = 32;
const saltLength = 32;

/** ECDSA on P-256: r and s, 32 bytes each (SEC 1, 4.1.3). */
export function ecdsaOverDigest(key: KeyObject, digest: Uint8Array): Buffer {
  const secret = numberOf(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  const once = createECDH('prime256v1');
  const point = once.generateKeys();
  const r = numberOf(point.subarray(1, 33)) % order;
  const s = (inverse(numberOf(once.getPrivateKey())) * (numberOf(digest) + r * secret)) % order;
  return Buffer.concat([bytesOf(r), bytesOf(s)]);
}

/** RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 9.1.1). */
export function pssOverDigest(key: KeyObject, digest: Uint8Array): Buffer {
  const bits = (key.asymmetricKeyDetails?.modulusLength ?? 0) - 1;
  const length = Math.ceil(bits / 8);
  const salt = randomBytes(saltLength);
  const hash = createHash('sha256').update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const block = Buffer.alloc(length - digestLength - 1);
  block.writeUInt8(1, block.length - saltLength - 1);
  salt.copy(block, block.length - saltLength);
  const mask = maskFrom(hash, block.length);
  const masked = block.map((byte, index) => byte ^ (mask[index] ?? 0));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * length - bits));
  const encoded = Buffer.concat([masked, hash, Buffer.from([0xbc])]);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
}

/** Raw r and s as the DER that TUF and X.509 want. */
export function derOfRaw(raw: Uint8Array): Buffer {
  const parts = [raw.subarray(0, 32), raw.subarray(32)].map((part) => {
    const trimmed = Buffer.from(
      bytesOf(numberOf(part))
        .toString('hex')
        .replace(/^(?:00)+/, ''),
      'hex',
    );
    const positive = (trimmed[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.alloc(1), trimmed]) : trimmed;
    return Buffer.concat([Buffer.from([0x02, positive.length]), positive]);
  });
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

function maskFrom(seed: Uint8Array, length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / digestLength) }, (_, index) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(index);
    return createHash('sha256').update(seed).update(counter).digest();
  });
  return Buffer.concat(blocks).subarray(0, length);
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

/** By the extended Euclidean algorithm. */
function inverse(number: bigint): bigint {
  let [a, b, x, y] = [number, order, 1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b, x, y] = [b, a - quotient * b, y, x - quotient * y];
  }
  return ((x % order) + order) % order;
}
