/**
 * Taking over keys that other programs made: OpenSSL, tuftool, key stores that hand out PKCS#12. What comes in is locked
 * anew by a passphrase and scrypt.
 *
 * 1. A file that others can read is refused: its key may be in other hands already.
 * 2. A file whose lock is weak is taken only when that is asked for (`rewrap`), and not under the same passphrase: a
 *    thief of the old file would guess it there, and open the new one.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { isJsonObject } from '../../metadata/json.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { parseKeyFile } from './key-file.ts';
import {
  type KeyPlace,
  requireFreeName,
  type StoredKey,
  storePrivateKey,
  storePublicKey,
} from './key-folder.ts';
import { checkFormat, formatName, type KeyFormat } from './key-format.ts';
import { materialFormats, readKeyMaterial } from './key-material.ts';
import { checkPrivate } from './key-permissions.ts';
import { type PublicKey, parsePublicKeyFile, requireUsable } from './public-key-file.ts';
import { publicHalfOf } from './signing-key.ts';

/** Bytes; a PKCS#12 file with its chain has some thousands. */
const maxImportLength = 262_144;

const publicFormats = ['public-file', 'public-pem', 'public-der'] as const satisfies readonly KeyFormat[];

export interface ImportOptions {
  /** Of the file, when it is locked. */
  readonly passphrase: () => Promise<Uint8Array>;
  /** For the new key file; undefined: leave the private half unencrypted, for development alone. */
  readonly newPassphrase: (() => Promise<Uint8Array>) | undefined;
  /** Take a file whose lock is weak. */
  readonly rewrap?: boolean;
  /** Store the public half alone. */
  readonly publicOnly?: boolean;
  /** Binary logarithm of scrypt's N. */
  readonly cost?: number;
  /** Look at everything and store nothing. */
  readonly dryRun?: boolean;
}

export interface ImportedKey extends Omit<StoredKey, 'publicFile'> {
  /** Absent in a dry run. */
  readonly publicFile?: string;
  /** What the file was, in words. */
  readonly format: string;
}

/**
 * @throws not-found, key-file-permissions, key-file-invalid naming the format that was found and those expected,
 *   passphrase-wrong, key-unusable, name-taken, not-a-plain-file, length-limit
 */
export async function importKey(path: string, place: KeyPlace, options: ImportOptions): Promise<ImportedKey> {
  const { bytes, status } = await readImport(place.fileSystem, path);
  const format = checkFormat(bytes, [...materialFormats, ...publicFormats], path);
  const said = { format: formatName(format) };
  if (isPublic(format)) {
    const half = publicHalfIn(bytes, format, path);
    return { ...said, ...(await storeHalf(place, half, options)) };
  }
  checkPrivate(status, path);
  if (format === 'key-file' && options.publicOnly === true) {
    const { keyId, document } = parseKeyFile(bytes, path);
    const json = document.get('key');
    const half = { id: keyId, json: isJsonObject(json) ? json : new Map(), type: 'key file' };
    return { ...said, ...(await storeHalf(place, half, options)) };
  }
  return { ...said, ...(await importPrivate(bytes, path, place, options)) };
}

async function readImport(fs: FileSystem, path: string) {
  const file = await readPlainFile(fs, path, maxImportLength);
  if (file !== undefined) return file;
  throw new TidegateError('not-found', `${path} does not exist, expected a key`, { path });
}

function isPublic(format: KeyFormat): format is (typeof publicFormats)[number] {
  return publicFormats.some((candidate) => candidate === format);
}

async function importPrivate(
  bytes: Uint8Array,
  path: string,
  place: KeyPlace,
  options: ImportOptions,
): Promise<Omit<ImportedKey, 'format'>> {
  await requireFreeName(place);
  let old: Uint8Array | undefined;
  const { privateKey, weakness } = await readKeyMaterial(bytes, path, async () => {
    const given = await options.passphrase();
    old = new Uint8Array(given);
    return given;
  });
  bytes.fill(0);
  const half = publicHalfOf(privateKey, path);
  if (options.publicOnly === true) return await storeHalf(place, half, options);
  if (weakness !== undefined && options.rewrap !== true) throw weakLock(path, weakness);
  const passphrase = await options.newPassphrase?.();
  if (weakness !== undefined && passphrase !== undefined && old !== undefined)
    requireOther(path, old, passphrase);
  old?.fill(0);
  if (options.dryRun === true) return await storeHalf(place, half, options);
  const lock = {
    ...(passphrase !== undefined && { passphrase }),
    ...(options.cost !== undefined && { cost: options.cost }),
  };
  return await storePrivateKey(place, privateKey, lock);
}

function weakLock(path: string, weakness: string): TidegateError {
  const text = `${path}: its lock is weak (${weakness}): whoever has a copy can guess the passphrase. Expected 600000 rounds of PBKDF2 or more; if no copy is in other hands, add --rewrap, and destroy the file afterwards`;
  return new TidegateError('key-unusable', text, { path, found: weakness });
}

function requireOther(path: string, old: Uint8Array, passphrase: Uint8Array): void {
  if (Buffer.compare(old, passphrase) !== 0) return;
  const text = `${path}: the new passphrase is that of the weak lock; whoever guesses it there would open the new file too`;
  throw new TidegateError('key-unusable', text, { path });
}

async function storeHalf(
  place: KeyPlace,
  half: PublicKey,
  { dryRun = false }: ImportOptions,
): Promise<Omit<ImportedKey, 'format'>> {
  if (!dryRun) return await storePublicKey(place, half);
  const { fingerprintWords } = await import('./fingerprint.ts');
  return { name: place.name, id: half.id, type: half.type, words: fingerprintWords(half.id) };
}

function publicHalfIn(bytes: Uint8Array, format: (typeof publicFormats)[number], path: string): PublicKey {
  if (format === 'public-file') {
    const key = parsePublicKeyFile(bytes, path);
    requireUsable(key, path);
    return key;
  }
  let key: KeyObject;
  try {
    const der = { key: Buffer.from(bytes), format: 'der', type: 'spki' } as const;
    key = createPublicKey(format === 'public-der' ? der : { key: Buffer.from(bytes) });
  } catch {
    throw new TidegateError('key-file-invalid', `${path}: the public key is damaged`, { path });
  }
  return publicHalfOf(key, path);
}
