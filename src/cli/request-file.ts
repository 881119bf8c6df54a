/** Files of signing requests as commands take them: read, checked against what the signer himself has, shown, written. */
import { resolve } from 'node:path';
import { TidegateError } from '../errors.ts';
import { mergeRequests } from '../signer/ceremony/merge-requests.ts';
import { readOwnKeys } from '../signer/ceremony/own-keys.ts';
import { formatSigningRequest, parseSigningRequest } from '../signer/ceremony/request-format.ts';
import { maxRequestLength, type SigningRequest } from '../signer/ceremony/signing-request.ts';
import { checkTrustedRoot } from '../signer/ceremony/trusted-root.ts';
import { type Review, reviewOf } from '../signer/review/request-review.ts';
import { alarmLabel, reviewLines } from '../signer/review/review-words.ts';
import { writeDurably } from '../storage/durable-file.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { readPlainFile } from '../storage/plain-file.ts';
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

/** Replaces the request or makes it, as a whole. */
export async function writeRequestFile(
  path: string,
  request: SigningRequest,
  surroundings: Surroundings,
): Promise<void> {
  await writeGivenFile(path, formatSigningRequest(request), surroundings);
}

/**
 * Adds the signatures to the file that the request was read from. Those that somebody else has added meanwhile stay.
 *
 * @throws request-invalid when another request stands there by now
 */
export async function addToRequestFile(
  request: SigningRequest,
  surroundings: Surroundings,
): Promise<SigningRequest> {
  const present = await readRequestFile(request.where, surroundings);
  const { request: merged } = mergeRequests([request, present]);
  await writeRequestFile(request.where, merged, surroundings);
  return merged;
}

/** A file that everyone may see: nothing in it is secret. */
export async function writeGivenFile(
  path: string,
  bytes: Uint8Array,
  { directory }: Surroundings,
): Promise<void> {
  await writeDurably(nodeFileSystem, resolve(directory, path), bytes, { mode: 0o644 });
}
