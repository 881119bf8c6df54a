/**
 * A folder with keys: `NAME.pub` and, where the private half is at hand, `NAME.key.json`. Nothing is overwritten but by
 * `rewrapKey`, which puts a file that was opened again in the place of the old one, in one step.
 */

import type { KeyObject } from 'node:crypto';
import { dirname } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import { createDurably, makeFolder, writeDurably } from '../../storage/durable-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import { sweepTemporaries } from '../../storage/staged-file.ts';
import { readPrivateFile } from './file-source.ts';
import { fingerprintWords } from './fingerprint.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import {
  developmentKeyFile,
  encryptKeyFile,
  maxKeyFileLength,
  openKeyFile,
  parseKeyFile,
  readPrivateKey,
} from './key-file.ts';
import { checkFormat } from './key-format.ts';
import { privateKeyPath, publicKeyPath } from './key-ring.ts';
import type { PublicKey } from './public-key-file.ts';
import { publicHalfOf } from './signing-key.ts';

const folderMode = 0o700;
const privateMode = 0o600;
const publicMode = 0o644;

/** A key as its folder holds it. */
export interface StoredKey {
  readonly name: string;
  readonly id: string;
  /** To read aloud. */
  readonly words: string;
  readonly type: string;
  readonly publicFile: string;
  /** Absent where only the public half was stored. */
  readonly privateFile?: string;
}

/** How a private half is locked; without a passphrase anyone can use it who can read the file. */
export interface KeyLock {
  readonly passphrase?: Uint8Array;
  /** Binary logarithm of scrypt's N. */
  readonly cost?: number;
}

/** A folder, and the name that a key has or gets there. */
export interface KeyPlace {
  readonly fileSystem: FileSystem;
  readonly folder: string;
  readonly name: string;
}

/** @throws name-taken when the folder has a key of this name, or half of one */
export async function requireFreeName({ fileSystem, folder, name }: KeyPlace): Promise<void> {
  for (const path of [publicKeyPath(folder, name), privateKeyPath(folder, name)]) {
    if ((await statusIfAny(fileSystem, path)) === undefined) continue;
    throw new TidegateError('name-taken', `${path} exists already; expected a new name for a new key`, {
      path,
    });
  }
}

/**
 * Stores both halves, the private one first: its public half can be had from it again.
 *
 * @throws name-taken, key-unusable for a passphrase that is too short or a kind of key that hosts cannot verify
 */
export async function storePrivateKey(
  place: KeyPlace,
  privateKey: KeyObject,
  lock: KeyLock,
): Promise<StoredKey> {
  const { fileSystem, folder, name } = place;
  const path = privateKeyPath(folder, name);
  const half = publicHalfOf(privateKey, path);
  await requireFreeName(place);
  const bytes =
    lock.passphrase === undefined
      ? developmentKeyFile(privateKey, path)
      : await encryptKeyFile(privateKey, lock.passphrase, path, lock.cost);
  await create(fileSystem, folder, path, bytes, privateMode);
  return { ...(await storePublicKey(place, half)), privateFile: path };
}

/** @throws name-taken */
export async function storePublicKey(
  { fileSystem, folder, name }: KeyPlace,
  { id, json, type }: PublicKey,
): Promise<StoredKey> {
  const path = publicKeyPath(folder, name);
  await create(fileSystem, folder, path, new TextEncoder().encode(formatJson(json)), publicMode);
  return { name, id, words: fingerprintWords(id), type, publicFile: path };
}

async function create(
  fs: FileSystem,
  folder: string,
  path: string,
  bytes: Uint8Array,
  mode: number,
): Promise<void> {
  if ((await statusIfAny(fs, folder)) === undefined) await makeFolder(fs, folder, folderMode);
  await sweepTemporaries(fs, dirname(path));
  if ((await createDurably(fs, path, bytes, { mode })) === 'created') return;
  throw new TidegateError('name-taken', `${path} exists already; expected a new name for a new key`, {
    path,
  });
}

/** Asked for when they are needed. */
export interface RewrapPassphrases {
  readonly old: () => Promise<Uint8Array>;
  readonly new: () => Promise<Uint8Array>;
}

/**
 * Locks a key file of ours anew: another passphrase, dearer guesses. A crash leaves the old file or the new one.
 *
 * @throws not-found, key-file-permissions, key-file-invalid, passphrase-wrong, key-unusable; the file is as it was then
 */
export async function rewrapKey(
  fileSystem: FileSystem,
  path: string,
  passphrases: RewrapPassphrases,
  { cost, dryRun = false }: { readonly cost?: number; readonly dryRun?: boolean } = {},
): Promise<{ readonly id: string; readonly path: string }> {
  const { bytes } = await readPrivateFile(path, { fileSystem }, maxKeyFileLength);
  checkFormat(bytes, ['key-file'], path);
  const file = parseKeyFile(bytes, path);
  const privateKey = await readPrivateKey(file, passphrases.old);
  const passphrase = await passphrases.new();
  const locked = await encryptKeyFile(privateKey, passphrase, path, cost);
  // What cannot be opened again must not take the place of what can.
  const { id } = await openKeyFile(parseKeyFile(locked, path), async () => passphrase);
  if (id !== file.keyId) throw new TidegateError('internal', `${path}: another key came out`);
  if (!dryRun) {
    // What a run that was killed has left behind is a locked key as well.
    await sweepTemporaries(fileSystem, dirname(path));
    await writeDurably(fileSystem, path, locked, { mode: privateMode });
  }
  return { id, path };
}

/** A key by its name in the folder, or a key file by its path. */
export type StoredKeyChoice = string | { readonly name: string };

export function storedKeyPath(folder: string, choice: StoredKeyChoice): string {
  return typeof choice === 'string' ? choice : privateKeyPath(folder, choice.name);
}

/**
 * The private half itself, for who takes it elsewhere.
 *
 * @throws not-found, key-file-permissions, key-file-invalid, passphrase-wrong
 */
export async function openStoredKey(
  context: KeyContext,
  folder: string,
  choice: StoredKeyChoice,
): Promise<KeyObject> {
  const path = storedKeyPath(folder, choice);
  const { bytes } = await readPrivateFile(path, context, maxKeyFileLength);
  checkFormat(bytes, ['key-file'], path);
  const named = typeof choice === 'string' ? context : { ...context, name: choice.name };
  return await readPrivateKey(parseKeyFile(bytes, path), () => secretFor(named, path));
}
