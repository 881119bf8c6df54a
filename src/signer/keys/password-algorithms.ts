/** The names (object identifiers) of what locks PKCS#8 and PKCS#12, and their parameters, into plain data. */
import {
  Asn1Error,
  type Asn1Node,
  integerOf,
  isInteger,
  octetsOf,
  oidOf,
  sequenceOf,
} from './asn1-reader.ts';
import type { CipherName, PasswordEncryption } from './password-encryption.ts';

export const oids = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
} as const;

const pbes2 = '1.2.840.113549.1.5.13';
const pbmac1 = '1.2.840.113549.1.5.14';
const pbkdf2 = '1.2.840.113549.1.5.12';
const scrypt = '1.3.6.1.4.1.11591.4.11';

const pkcs12Ciphers: ReadonlyMap<string, CipherName> = new Map([
  ['1.2.840.113549.1.12.1.3', 'des-ede3-cbc'],
  ['1.2.840.113549.1.12.1.6', 'rc2-40-cbc'],
]);
const ciphers: ReadonlyMap<string, CipherName> = new Map([
  ['2.16.840.1.101.3.4.1.2', 'aes-128-cbc'],
  ['2.16.840.1.101.3.4.1.22', 'aes-192-cbc'],
  ['2.16.840.1.101.3.4.1.42', 'aes-256-cbc'],
  ['1.2.840.113549.3.7', 'des-ede3-cbc'],
]);
const hmacs: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.2.7', 'sha1'],
  ['1.2.840.113549.2.8', 'sha224'],
  ['1.2.840.113549.2.9', 'sha256'],
  ['1.2.840.113549.2.10', 'sha384'],
  ['1.2.840.113549.2.11', 'sha512'],
]);
const hashes: ReadonlyMap<string, string> = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);

/** Well-formed, and nothing that can be read here; the message says what was found and expected. */
export class UnsupportedError extends Error {}

/** AlgorithmIdentifier of an encryption. @throws Asn1Error, UnsupportedError */
export function encryptionOf(algorithm: Asn1Node | undefined): PasswordEncryption {
  const [name, parameters] = sequenceOf(algorithm, 2);
  const oid = oidOf(name);
  if (oid === pbes2) return pbes2Of(parameters);
  const cipher = pkcs12Ciphers.get(oid);
  if (cipher === undefined) throw unsupported('encryption', oid, 'PBES2, PBE-SHA1-3DES or PBE-SHA1-RC2-40');
  const [salt, iterations] = sequenceOf(parameters, 2);
  return {
    derivation: { kdf: 'pkcs12', salt: octetsOf(salt), iterations: integerOf(iterations) },
    cipher,
  };
}

/** RFC 8018, appendix A.4 */
function pbes2Of(parameters: Asn1Node | undefined): PasswordEncryption {
  const [derivation, scheme] = sequenceOf(parameters, 2);
  const [cipherName, iv] = sequenceOf(scheme, 2);
  const oid = oidOf(cipherName);
  const cipher = ciphers.get(oid);
  if (cipher === undefined) throw unsupported('cipher', oid, 'AES-128, AES-192, AES-256 or 3DES in CBC mode');
  return { derivation: derivationOf(derivation), cipher, iv: octetsOf(iv) };
}

function derivationOf(algorithm: Asn1Node | undefined): PasswordEncryption['derivation'] {
  const [name, parameters] = sequenceOf(algorithm, 2);
  const oid = oidOf(name);
  const [salt, first, ...rest] = sequenceOf(parameters, 2);
  if (oid === scrypt) {
    const [r, p] = rest;
    return { kdf: 'scrypt', n: integerOf(first), r: integerOf(r), p: integerOf(p) };
  }
  if (oid !== pbkdf2) throw unsupported('derivation', oid, 'PBKDF2, or in PKCS#8 scrypt');
  const [prf] = rest.filter((node) => !isInteger(node));
  return {
    kdf: 'pbkdf2',
    salt: octetsOf(salt),
    iterations: integerOf(first),
    digest: prf === undefined ? 'sha1' : named(hmacs, prf, 'HMAC'),
  };
}

/** AlgorithmIdentifier of the hash of a MAC. @throws Asn1Error, UnsupportedError */
export function hashOf(algorithm: Asn1Node | undefined): string {
  const [name] = sequenceOf(algorithm, 1);
  if (oidOf(name) === pbmac1)
    throw new UnsupportedError(
      'found PBMAC1, expected the MAC of PKCS#12; make the file without -pbmac1_pbkdf2',
    );
  if (algorithm === undefined) throw new Asn1Error('no hash');
  return named(hashes, algorithm, 'hash');
}

function named(names: ReadonlyMap<string, string>, algorithm: Asn1Node, kind: string): string {
  const [name] = sequenceOf(algorithm, 1);
  const oid = oidOf(name);
  const found = names.get(oid);
  if (found !== undefined) return found;
  throw unsupported(kind, oid, 'SHA-1 or SHA-2');
}

function unsupported(kind: string, oid: string, expected: string): UnsupportedError {
  return new UnsupportedError(`found the ${kind} ${oid}, expected ${expected}`);
}
