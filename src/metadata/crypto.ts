/**
 * All hashing and signature checking, and nothing else. It is the one file of the pure folders that touches
 * `node:crypto`, so that another runtime can bring its own. Private keys never come here.
 *
 * A key that cannot be used (unknown type, wrong curve, weak, damaged) is data, not an exception: it
 * contributes nothing to a threshold, and the reason is kept for the message.
 */
import { constants, createHash, createPublicKey, type Hash, hash, type KeyObject, verify } from 'node:crypto';
import { printable } from './printable.ts';

export const hashAlgorithms = ['sha256', 'sha512'] as const;
export type HashAlgorithm = (typeof hashAlgorithms)[number];

/** Hexadecimal characters of each digest. */
export const digestLength: Readonly<Record<HashAlgorithm, number>> = { sha256: 64, sha512: 128 };

/** The digest of bytes or of the UTF-8 form of text, as lower-case hexadecimal. */
export function digestOf(algorithm: HashAlgorithm, data: Uint8Array | string): string {
  return hash(algorithm, data, 'hex');
}

/** A digest over bytes that arrive piece by piece. */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** Lower-case hexadecimal; ends the digest. */
  hex(): string;
}

export function createDigest(algorithm: HashAlgorithm): Digest {
  const state: Hash = createHash(algorithm);
  return {
    update: (bytes) => {
      state.update(bytes);
    },
    hex: () => state.digest('hex'),
  };
}

/** A public key that can check signatures. */
export interface VerificationKey {
  /** Equal for two spellings (hexadecimal, PEM, compressed point) of one public key, different for two keys. */
  readonly identity: string;
  /** Never throws: a signature that cannot be read is a wrong one. */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

export interface UnusableKey {
  readonly unusable: string;
}

export function isUsable(key: VerificationKey | UnusableKey): key is VerificationKey {
  return 'identity' in key;
}

interface Scheme {
  readonly keyTypes: readonly string[];
  readonly digest: string | undefined;
  /** What Node calls a key that fits: `asymmetricKeyType`, with the curve for elliptic ones. */
  readonly nodeType: string;
  readonly curve?: 'P-256' | 'P-384';
}

const ellipticP256 = ['ecdsa', 'ecdsa-sha2-nistp256'];
const ellipticP384 = ['ecdsa', 'ecdsa-sha2-nistp384'];

/** Every scheme that can be read (TUF specification 4.2.2, and what deployed repositories hold besides). */
const schemes: ReadonlyMap<string, Scheme> = new Map<string, Scheme>([
  ['ed25519', { keyTypes: ['ed25519'], digest: undefined, nodeType: 'ed25519' }],
  ['ecdsa-sha2-nistp256', { keyTypes: ellipticP256, digest: 'sha256', nodeType: 'ec', curve: 'P-256' }],
  ['ecdsa-sha2-nistp384', { keyTypes: ellipticP384, digest: 'sha384', nodeType: 'ec', curve: 'P-384' }],
  ['rsassa-pss-sha256', { keyTypes: ['rsa'], digest: 'sha256', nodeType: 'rsa' }],
  ['rsassa-pss-sha384', { keyTypes: ['rsa'], digest: 'sha384', nodeType: 'rsa' }],
  ['rsassa-pss-sha512', { keyTypes: ['rsa'], digest: 'sha512', nodeType: 'rsa' }],
]);

/** RSA below is weak; above, one verification costs an attacker nothing and the host seconds. */
const minModulusBits = 2048;
const maxModulusBits = 8192;
/** With exponent 1 every signature is a forgery that verifies; a large one is slow. */
const maxExponent = 2n ** 32n;
const maxPublicLength = 4096;

/**
 * Makes a public key of a TUF key object usable.
 *
 * @param publicValue `keyval.public`: 64 hexadecimal characters (ed25519), an uncompressed P-256 point in
 *   hexadecimal, or a PEM `PUBLIC KEY` (SubjectPublicKeyInfo)
 */
export function loadPublicKey(
  type: string,
  schemeName: string,
  publicValue: string,
): VerificationKey | UnusableKey {
  const id = `${type} ${schemeName} ${publicValue}`;
  const known = made.get(id);
  if (known !== undefined) return known;
  const key = makePublicKey(type, schemeName, publicValue);
  if (isUsable(key)) {
    if (made.size >= mostMade) made.clear();
    made.set(id, key);
  }
  return key;
}

/** A chain of roots lists the same few keys again and again, and making one costs as much as a verification. */
const made = new Map<string, VerificationKey>();
const mostMade = 64;

function makePublicKey(type: string, schemeName: string, publicValue: string): VerificationKey | UnusableKey {
  const scheme = schemes.get(schemeName);
  if (scheme === undefined) return { unusable: `unknown scheme "${printable(schemeName)}"` };
  if (!scheme.keyTypes.includes(type))
    return { unusable: `scheme ${schemeName} does not fit key type "${printable(type)}"` };
  const der = subjectPublicKeyInfo(publicValue, scheme);
  if (der === undefined)
    return {
      unusable: `the public value is neither PEM nor hexadecimal of the length that ${schemeName} needs`,
    };
  try {
    return checkedKey(
      createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }),
      scheme,
      schemeName,
    );
  } catch {
    // Also for curves that can be read but not told apart, such as P-224 and Brainpool's.
    return { unusable: `the public value is not a public key that ${schemeName} can use` };
  }
}

function checkedKey(key: KeyObject, scheme: Scheme, schemeName: string): VerificationKey | UnusableKey {
  if (key.asymmetricKeyType !== scheme.nodeType) {
    return { unusable: `a key of kind ${key.asymmetricKeyType} cannot be used with ${schemeName}` };
  }
  const { crv, x, y, n } = key.export({ format: 'jwk' });
  if (scheme.curve !== undefined && crv !== scheme.curve)
    return { unusable: `a key on curve ${crv} cannot be used with ${schemeName}` };
  if (
    scheme.nodeType === 'ed25519' &&
    isWeakEd25519(key.export({ format: 'der', type: 'spki' }).subarray(-32))
  )
    return { unusable: 'the ed25519 point is of small order or not in canonical form' };
  const bits = key.asymmetricKeyDetails?.modulusLength;
  const exponent = key.asymmetricKeyDetails?.publicExponent;
  if (bits !== undefined && (bits < minModulusBits || bits > maxModulusBits)) {
    return {
      unusable: `an RSA key of ${bits} bits; between ${minModulusBits} and ${maxModulusBits} are accepted`,
    };
  }
  if (exponent !== undefined && (exponent < 3n || exponent > maxExponent || exponent % 2n === 0n))
    return { unusable: 'an RSA key whose exponent is even, below 3 or above 2^32' };
  return {
    // One modulus is one RSA key: whoever holds its factors can sign for every exponent.
    identity: [scheme.nodeType, crv, x, y, n].filter((part) => part !== undefined).join(':'),
    verify: (message, signature) => verifySignature(scheme, key, message, signature),
  };
}

function verifySignature(
  scheme: Scheme,
  key: KeyObject,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    // TUF fixes the salt at 32 bytes for writers; repositories written with Node's default (the longest) exist.
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    const options = scheme.nodeType === 'rsa' ? { key, ...padding } : { key, dsaEncoding: 'der' as const };
    return verify(scheme.digest, message, options, signature);
  } catch {
    return false;
  }
}

const ed25519Prefix = hexBytes('302a300506032b6570032100');
const p256Prefix = hexBytes('3059301306072a8648ce3d020106082a8648ce3d030107034200');
const pemHead = '-----BEGIN PUBLIC KEY-----';
const pemFoot = '-----END PUBLIC KEY-----';

/** DER of the key, from any of the accepted spellings. Certificates and private keys are not among them. */
function subjectPublicKeyInfo(publicValue: string, scheme: Scheme): Uint8Array | undefined {
  if (publicValue.length > maxPublicLength) return undefined;
  if (scheme.nodeType === 'ed25519' && /^[0-9a-fA-F]{64}$/.test(publicValue))
    return joined(ed25519Prefix, hexBytes(publicValue));
  if (scheme.curve === 'P-256' && /^04[0-9a-fA-F]{128}$/.test(publicValue))
    return joined(p256Prefix, hexBytes(publicValue));
  const pem = publicValue.trim();
  if (!pem.startsWith(pemHead) || !pem.endsWith(pemFoot)) return undefined;
  const body = pem.slice(pemHead.length, -pemFoot.length).replaceAll(/\s/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? Buffer.from(body, 'base64') : undefined;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.concat([a, b]);
}

function hexBytes(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex');
}

const fieldPrime = 2n ** 255n - 19n;
const orderEight = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** The y coordinates of the points of order 1, 2, 4 and 8: signatures under them verify for any message. */
const smallOrder: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  fieldPrime - 1n,
  orderEight,
  fieldPrime - orderEight,
]);

/** RFC 8032: the point is y in little endian, with the sign of x in the highest bit. */
function isWeakEd25519(point: Uint8Array): boolean {
  const y = BigInt(`0x${Buffer.from(point).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  return y >= fieldPrime || smallOrder.has(y);
}

/** Bytes of a signature in hexadecimal, or undefined when it is anything else. */
export function signatureBytes(hex: string): Uint8Array | undefined {
  return hex.length > 0 && hex.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(hex) ? hexBytes(hex) : undefined;
}
