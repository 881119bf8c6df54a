/**
 * The bytes of a target from one source, as they come in, checked against what was signed.
 *
 * 1. Never more bytes than signed are handed on, and a longer file is refused at the first surplus byte.
 * 2. The last piece is handed on only when length and hashes are right: nobody gets a whole wrong file.
 */
import { TidegateError } from '../errors.ts';
import { createDigest, type Digest, type HashAlgorithm, hashAlgorithms } from '../metadata/crypto.ts';
import type { Hashes } from '../metadata/file-meta.ts';
import type { OpenFile } from '../storage/store.ts';
import { checkHashes, lengthMismatch } from '../trust/file-check.ts';
import type { LocatedTarget } from './resolved-target.ts';
import type { Source } from './source.ts';

/** Told the bytes that have come in so far, and how many there will be. */
export type Progress = (bytes: number, total: number) => void;

export interface TransferOptions {
  readonly progress?: Progress;
  /** Cancels the transfer; code cancelled. */
  readonly signal?: AbortSignal;
  /**
   * For `stream`: a piece may be overwritten when the next one is asked for. Saves half the work of a large image.
   * Default false.
   */
  readonly reuseChunks?: boolean;
}

/** Opens a target at a source. @throws not-found; length-mismatch when another length is announced */
export async function openTarget(
  source: Source,
  target: LocatedTarget,
  { signal, reuseChunks = false }: TransferOptions,
): Promise<OpenFile> {
  for (const name of target.names) {
    const file = await source.openTarget(name, { reuseChunks, ...(signal !== undefined && { signal }) });
    if (file === undefined) continue;
    if (file.length === undefined || file.length === target.length) return file;
    await file.body[Symbol.asyncIterator]().return?.();
    throw lengthMismatch(target.path, file.length, target.length);
  }
  const text = `target ${target.path} does not exist at ${source.location} (404)`;
  throw new TidegateError('not-found', text, { target: target.path, url: source.location });
}

/** Exactly the signed number of bytes, or an error: length-mismatch. Hashes are the consumer's. */
export async function* exactBytes(
  file: OpenFile,
  target: LocatedTarget,
  { progress }: TransferOptions,
): AsyncGenerator<Uint8Array, void> {
  let received = 0;
  for await (const chunk of file.body) {
    received += chunk.byteLength;
    if (received > target.length) throw lengthMismatch(target.path, received, target.length);
    yield chunk;
    progress?.(received, target.length);
  }
  if (received !== target.length) throw lengthMismatch(target.path, received, target.length);
}

/** As `exactBytes`, and hashed on the way: ends only when everything is right. @throws hash-mismatch */
export async function* verifiedBytes(
  file: OpenFile,
  target: LocatedTarget,
  options: TransferOptions,
): AsyncGenerator<Uint8Array, void> {
  const digests = new Digests(target.hashes);
  let received = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of exactBytes(file, target, options)) {
    digests.update(chunk);
    received += chunk.byteLength;
    if (received < target.length) yield chunk;
    // Asking for more, to see that there is nothing, may overwrite it.
    else last ??= options.reuseChunks === true ? new Uint8Array(chunk) : chunk;
  }
  digests.check(target);
  if (last !== undefined) yield last;
}

/** All hashes that were signed, over one pass. */
export class Digests {
  readonly #digests = new Map<HashAlgorithm, Digest>();

  /** @param elsewhere an algorithm that somebody else computes */
  constructor(hashes: Hashes, elsewhere?: HashAlgorithm) {
    for (const name of hashAlgorithms)
      if (hashes[name] !== undefined && name !== elsewhere) this.#digests.set(name, createDigest(name));
  }

  update(chunk: Uint8Array): void {
    for (const digest of this.#digests.values()) digest.update(chunk);
  }

  /** @param known digests computed elsewhere. @throws hash-mismatch */
  check({ path, hashes }: Pick<LocatedTarget, 'path' | 'hashes'>, known: Hashes = {}): void {
    checkHashes(hashes, (name) => known[name] ?? this.#digests.get(name)?.hex() ?? '', `target ${path}`);
  }
}
