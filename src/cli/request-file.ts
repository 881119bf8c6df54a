/** Files of signing requests as commands take them: read, checked against what the signer himself has, shown, written. */
import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isTidegateError, TidegateError } from '../errors.ts';
import { parseEnvelope } from '../metadata/envelope.ts';
import { mergeRequests } from '../signer/ceremony/merge-requests.ts';
import { readOwnKeys } from '../signer/ceremony/own-keys.ts';
import { formatSigningRequest, parseSigningRequest } from '../signer/ceremony/request-format.ts';
import { maxRequestLength, type SigningRequest } from '../signer/ceremony/signing-request.ts';
import { checkTrustedRoot } from '../signer/ceremony/trusted-root.ts';
import { type Review, reviewOf } from '../signer/review/request-review.ts';
import { alarmLabel, reviewLines } from '../signer/review/review-words.ts';
import { onDisk } from '../storage/disk-error.ts';
import { writeDurably } from '../storage/durable-file.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { acquireLock } from '../storage/lock.ts';
import { readPlainFile } from '../storage/plain-file.ts';
import { sweepTemporaries } from '../storage/staged-file.ts';
import { printableLine, type Terminal } from '../terminal.ts';
import { defaultLimits } from '../trust/limits.ts';
import type { OwnOptions } from './own-options.ts';
import type { Surroundings } from './surroundings.ts';

/** @throws not-found, not-a-plain-file, length-limit */
export async function readGivenFile(
  path: string,
  limit: number,
  surroundings: Surroundings,
): Promise<Uint8Array> {
  const file = await readPlainFile(nodeFileSystem, resolve(surroundings.directory, path), limit);
  if (file !== undefined) return file.bytes;
  throw new TidegateError('not-found', `${path} does not exist`, { path });
}

/** @throws request-invalid, and as `readGivenFile` */
export async function readRequestFile(path: string, surroundings: Surroundings): Promise<SigningRequest> {
  return parseSigningRequest(await readGivenFile(path, maxRequestLength, surroundings), path);
}

/** The review of a request, by what the signer has of his own. @throws as the checks of --root and --keys do */
export async function reviewRequest(
  request: SigningRequest,
  options: OwnOptions,
  surroundings: Surroundings,
): Promise<Review> {
  const { root } = options;
  const trustedRoot =
    root === undefined
      ? undefined
      : checkTrustedRoot(request, await readGivenFile(root, defaultLimits.maxRootLength, surroundings));
  const confirmed = await readNames(options, surroundings);
  return reviewOf(request, { now: surroundings.now(), confirmed, trustedRoot });
}

/** Names by key id from --keys, none without it. */
export async function readNames(
  { keys }: Pick<OwnOptions, 'keys'>,
  { directory }: Surroundings,
): Promise<ReadonlyMap<string, string>> {
  return keys === undefined ? new Map() : await readOwnKeys(nodeFileSystem, resolve(directory, keys));
}

export function printReview(review: Review, terminal: Terminal): void {
  for (const line of reviewLines(review).map(printableLine))
    terminal.print(line.startsWith(alarmLabel) ? terminal.style('red', line) : line);
}

/**
 * Writes a request, as a whole. Signatures that stand in the file by now stay: of two who sign one file at once, neither
 * undoes the other's.
 *
 * @returns what the file holds now
 * @throws name-taken when the file is no signing request, request-invalid when it is another one, locked
 */
export async function writeRequestFile(
  path: string,
  request: SigningRequest,
  surroundings: Surroundings,
): Promise<SigningRequest> {
  const folder = await realFolder(dirname(resolve(surroundings.directory, path)));
  const lock = await acquireLock(nodeFileSystem, folder, { wait: patience, signal: surroundings.signal });
  try {
    const present = await presentRequest(path, surroundings);
    const merged = present === undefined ? request : mergeRequests([request, present]).request;
    await sweepTemporaries(nodeFileSystem, folder);
    await writeGivenFile(path, formatSigningRequest(merged), surroundings);
    return merged;
  } finally {
    await lock.release();
  }
}

/** Milliseconds to wait for somebody who writes into the same folder. */
const patience = 10_000;

async function realFolder(folder: string): Promise<string> {
  return await onDisk('find', folder, () => realpath(folder));
}

async function presentRequest(
  path: string,
  { directory }: Surroundings,
): Promise<SigningRequest | undefined> {
  const file = await readPlainFile(nodeFileSystem, resolve(directory, path), maxRequestLength);
  try {
    return file && parseSigningRequest(file.bytes, path);
  } catch (cause) {
    if (isTidegateError(cause, 'request-invalid')) throw taken(path, 'no signing request', cause);
    throw cause;
  }
}

function taken(path: string, what: string, cause?: unknown): TidegateError {
  const text = `${path} is there already and is ${what}; it was left alone. Give another --output`;
  return new TidegateError('name-taken', text, { path }, { cause });
}

/** A file that everyone may see: nothing in it is secret. */
async function writeGivenFile(path: string, bytes: Uint8Array, { directory }: Surroundings): Promise<void> {
  await writeDurably(nodeFileSystem, resolve(directory, path), bytes, { mode: 0o644 });
}

/**
 * What writes a signed metadata file, once it is known that nothing else stands there.
 *
 * @throws name-taken for anything but the same document with other signatures
 */
export async function metadataFileWriter(
  path: string,
  bytes: Uint8Array,
  surroundings: Surroundings,
): Promise<() => Promise<void>> {
  const there = await readPlainFile(
    nodeFileSystem,
    resolve(surroundings.directory, path),
    defaultLimits.maxStatedLength,
  );
  if (there !== undefined && !isSameDocument(there.bytes, bytes, path))
    throw taken(path, 'another file than this metadata');
  return () => writeGivenFile(path, bytes, surroundings);
}

function isSameDocument(a: Uint8Array, b: Uint8Array, path: string): boolean {
  try {
    const [one, other] = [a, b].map((bytes) => parseEnvelope(bytes, defaultLimits, path).canonical);
    return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
  } catch (error) {
    if (isTidegateError(error)) return false;
    throw error;
  }
}
