/**
 * How foreign key files are locked: PKCS#5 (PBES2 with PBKDF2 or scrypt) and PKCS#12. Keys are derived and content is
 * decrypted by node:crypto; the one cipher that it lacks, RC2, is handed in.
 *
 * 1. The cost of opening a file is bounded before it is paid: who can put a file before a signer must not stop it.
 * 2. A lock is weak below 600,000 rounds of PBKDF2: what the tools write by default, 2,048 rounds, lets a thief try
 *    millions of passphrases in a second. PKCS#12's own derivation and scrypt below 64 MiB are weak as well.
 */

import { transcode } from 'node:buffer';
import { createDecipheriv, createHmac, hash, pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

export type CipherName = 'aes-128-cbc' | 'aes-192-cbc' | 'aes-256-cbc' | 'des-ede3-cbc' | 'rc2-40-cbc';

interface Pbkdf2 {
  readonly kdf: 'pbkdf2';
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** The hash of its HMAC. */
  readonly digest: string;
}

interface Scrypt {
  readonly kdf: 'scrypt';
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** RFC 7292, appendix B.2, with SHA-1. */
interface Pkcs12Derivation {
  readonly kdf: 'pkcs12';
  readonly salt: Uint8Array;
  readonly iterations: number;
}

export interface PasswordEncryption {
  readonly derivation: Pbkdf2 | Scrypt | Pkcs12Derivation;
  readonly cipher: CipherName;
  /** Absent where it is derived too. */
  readonly iv?: Uint8Array;
}

/** Of a whole file; `digest` is the hash of its HMAC and of the derivation of the HMAC's key. */
export interface PasswordMac {
  readonly digest: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly value: Uint8Array;
}

export type Rc2 = (key: Uint8Array, iv: Uint8Array, content: Uint8Array) => Uint8Array | undefined;

/** Some 2 s each on a small machine. */
const maxPbkdf2Iterations = 10_000_000;
const maxPkcs12Iterations = 1_000_000;
/** Bytes; what OpenSSL, which derives it, takes. */
const maxScryptMemory = 32 * 2 ** 20;
export const strongIterations = 600_000;
const strongScryptMemory = 64 * 2 ** 20;

const keyLengths: Readonly<Record<CipherName, number>> = {
  'aes-128-cbc': 16,
  'aes-192-cbc': 24,
  'aes-256-cbc': 32,
  'des-ede3-cbc': 24,
  'rc2-40-cbc': 5,
};
const blockLength = 8;

/** Why the cost of a derivation is not paid; undefined when it may be. */
export function excessOf({ derivation }: Pick<PasswordEncryption, 'derivation'>): string | undefined {
  switch (derivation.kdf) {
    case 'pbkdf2':
      return excess(derivation.iterations, maxPbkdf2Iterations, 'rounds of PBKDF2');
    case 'pkcs12':
      return excess(derivation.iterations, maxPkcs12Iterations, 'rounds of PKCS#12');
    case 'scrypt':
      return excess(128 * derivation.n * derivation.r * derivation.p, maxScryptMemory, 'bytes for scrypt');
  }
}

function excess(found: number, most: number, unit: string): string | undefined {
  return found >= 1 && found <= most ? undefined : `found ${found} ${unit}, expected 1 to ${most}`;
}

/** Why a thief of the file gets at the key by guessing; undefined when guesses are dear. */
export function weaknessOf({ derivation, cipher }: PasswordEncryption): string | undefined {
  if (derivation.kdf === 'scrypt') {
    const memory = 128 * derivation.n * derivation.r;
    return memory < strongScryptMemory ? `scrypt with ${memory / 2 ** 20} MiB` : undefined;
  }
  if (derivation.kdf === 'pkcs12')
    return `${derivation.iterations} rounds of SHA-1${cipher === 'rc2-40-cbc' ? ' and a cipher of 40 bits' : ''}`;
  return derivation.iterations < strongIterations ? `${derivation.iterations} rounds of PBKDF2` : undefined;
}

const derivePbkdf2 = promisify(pbkdf2);

/**
 * The content, or undefined when it does not come out well-formed. Call `excessOf` before. scrypt is not for here: it
 * occurs in PKCS#8 alone, which node:crypto opens whole.
 */
export async function decryptContent(
  { derivation, cipher, iv }: PasswordEncryption,
  content: Uint8Array,
  passphrase: Uint8Array,
  rc2: Rc2,
): Promise<Uint8Array | undefined> {
  const length = keyLengths[cipher];
  if (derivation.kdf === 'scrypt') return undefined;
  const { salt, iterations } = derivation;
  const derive = (id: number, bytes: number): Buffer =>
    derivePkcs12({ digest: 'sha1', salt, iterations, id, length: bytes }, passphrase);
  const key =
    derivation.kdf === 'pbkdf2'
      ? await derivePbkdf2(passphrase, salt, iterations, length, derivation.digest)
      : derive(1, length);
  const start = iv ?? derive(2, blockLength);
  try {
    if (cipher === 'rc2-40-cbc') return rc2(key, start, content);
    const decipher = createDecipheriv(cipher, key, start);
    return Buffer.concat([decipher.update(content), decipher.final()]);
  } catch {
    return undefined;
  } finally {
    key.fill(0);
  }
}

/** Bytes of digest and of the block that the hash works on. */
const hashSizes: ReadonlyMap<string, readonly [number, number]> = new Map([
  ['sha1', [20, 64]],
  ['sha224', [28, 64]],
  ['sha256', [32, 64]],
  ['sha384', [48, 128]],
  ['sha512', [64, 128]],
]);

/** True when the passphrase is right and the content as it was. */
export function checkMac(mac: PasswordMac, content: Uint8Array, passphrase: Uint8Array): boolean {
  const [length] = hashSizes.get(mac.digest) ?? [0];
  const { digest, salt, iterations, value } = mac;
  const key = derivePkcs12({ digest, salt, iterations, id: 3, length }, passphrase);
  const expected = createHmac(digest, key).update(content).digest();
  key.fill(0);
  return value.length === expected.length && timingSafeEqual(value, expected);
}

interface Derivation {
  readonly digest: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** 1 for a key, 2 for an initialization vector, 3 for the key of a MAC. */
  readonly id: number;
  readonly length: number;
}

/** RFC 7292, appendix B.2, step by step. */
function derivePkcs12({ digest, salt, iterations, id, length }: Derivation, passphrase: Uint8Array): Buffer {
  const [, block] = hashSizes.get(digest) ?? [0, 64];
  const text = bmpString(passphrase);
  const state = Buffer.concat([filled(salt, block), filled(text, block)]);
  text.fill(0);
  const parts: Buffer[] = [];
  for (let done = 0; done < length; done += parts.at(-1)?.length ?? length) {
    let part: Buffer = hash(digest, Buffer.concat([Buffer.alloc(block, id), state]), 'buffer');
    for (let round = 1; round < iterations; round += 1) part = hash(digest, part, 'buffer');
    parts.push(part);
    addToBlocks(state, filled(part, block).subarray(0, block), block);
  }
  state.fill(0);
  return Buffer.concat(parts).subarray(0, length);
}

/** Bytes repeated to a multiple of the block; none stay none. */
function filled(bytes: Uint8Array, block: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
}

/** Adds `addend` and one to each block of the state, modulo the size of a block. */
function addToBlocks(state: Buffer, addend: Buffer, block: number): void {
  for (let start = 0; start < state.length; start += block) {
    let carry = 1;
    for (let at = block - 1; at >= 0; at -= 1) {
      const sum = (state[start + at] ?? 0) + (addend[at] ?? 0) + carry;
      state[start + at] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}

/** UTF-8 into big-endian UTF-16 with a zero at its end. */
function bmpString(passphrase: Uint8Array): Buffer {
  const text = transcode(passphrase, 'utf8', 'utf16le');
  return Buffer.concat([text.swap16(), Buffer.alloc(2)]);
}
