/**
 * Downloads: one pass from the network to the disk, hashed on the way, visible under its name only when verified.
 *
 * 1. A destination that holds the right bytes already is verified by hash, and nothing is requested.
 * 2. The bytes go to a hidden partial file beside the destination, then fsync, rename, fsync of the folder. What a
 *    dead process left of such files is cleared away.
 * 3. Space is asked for before the first byte; an existing file counts for nothing, since it stays until the end.
 * 4. A location that fails in the middle leaves nothing behind; the next one begins anew.
 */
import { dirname, resolve } from 'node:path';
import { TidegateError } from '../errors.ts';
import { onDisk } from '../storage/disk-error.ts';
import type { FileHandle, FileSystem } from '../storage/file-system.ts';
import { notPlain, openPlainFile, statusIfAny } from '../storage/plain-file.ts';
import { StagedFile, sweepTemporaries } from '../storage/staged-file.ts';
import type { Mirrors, SourceFault } from './mirrors.ts';
import type { LocatedTarget } from './resolved-target.ts';
import type { Source } from './source.ts';
import { Digests, exactBytes, openTarget, type TransferOptions } from './target-stream.ts';

export interface DownloadResult {
  /** The absolute path of the file. */
  readonly destination: string;
  readonly length: number;
  /** `present`: the right bytes were there already and nothing was requested. */
  readonly from: 'network' | 'present';
  /** The location that gave the bytes; undefined when they were present. */
  readonly location: string | undefined;
  /** What other locations did wrong before. */
  readonly faults: readonly SourceFault[];
}

const fileMode = 0o644;
const pieceLength = 1024 * 1024;

/** @throws disk-full, disk-error, not-a-plain-file, cancelled; length-mismatch, hash-mismatch, not-found, too-slow … */
export async function downloadTarget(
  target: LocatedTarget,
  destination: string,
  mirrors: Mirrors,
  fs: FileSystem,
  options: TransferOptions,
): Promise<DownloadResult> {
  const path = resolve(destination);
  const result = { destination: path, length: target.length, faults: mirrors.faults };
  if (await isThere(fs, path, target)) return { ...result, from: 'present', location: undefined };
  await sweepTemporaries(fs, dirname(path));
  await requireSpace(fs, path, target.length);
  const location = await mirrors.first(target.path, async (source) => {
    await transfer(source, target, path, fs, options);
    return source.location;
  });
  return { ...result, from: 'network', location };
}

async function transfer(
  source: Source,
  target: LocatedTarget,
  path: string,
  fs: FileSystem,
  options: TransferOptions,
): Promise<void> {
  const file = await openTarget(source, target, { ...options, reuseChunks: true });
  // The staged file computes the SHA-256 while it writes; only others are computed here.
  const digests = new Digests(target.hashes, 'sha256');
  let staged: StagedFile | undefined;
  try {
    staged = await StagedFile.begin(fs, path, fileMode);
    for await (const chunk of exactBytes(file, target, options)) {
      digests.update(chunk);
      await staged.write(chunk, { reused: true });
    }
    const { sha256 } = await staged.finish();
    digests.check(target, { sha256 });
    await staged.commitReplacing();
  } finally {
    await file.body[Symbol.asyncIterator]().return?.();
    await staged?.discard();
  }
}

/** Whether the destination holds the target. A link or folder there is an error, and is left alone. */
async function isThere(fs: FileSystem, path: string, target: LocatedTarget): Promise<boolean> {
  const status = await statusIfAny(fs, path);
  if (status === undefined) return false;
  if (status.kind !== 'file') throw notPlain(path, status.kind, 'file');
  if (status.length !== target.length) return false;
  const file = await openPlainFile(fs, path);
  if (file === undefined) return false;
  try {
    const digests = new Digests(target.hashes);
    await onDisk('read', path, () => readThrough(file.handle, digests));
    digests.check(target);
    return true;
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'hash-mismatch') return false;
    throw error;
  } finally {
    await file.handle.close();
  }
}

async function readThrough(handle: FileHandle, digests: Digests): Promise<void> {
  const piece = Buffer.allocUnsafeSlow(pieceLength);
  for (let position = 0; ; ) {
    const count = await handle.read(piece, position);
    if (count === 0) return;
    digests.update(piece.subarray(0, count));
    position += count;
  }
}

async function requireSpace(fs: FileSystem, path: string, length: number): Promise<void> {
  const folder = dirname(path);
  const free = await onDisk('ask the free space of', folder, () => fs.freeSpace(folder));
  if (free >= length) return;
  const text = `${path} needs ${length} bytes and ${free} are free. Nothing was requested or written.`;
  throw new TidegateError('disk-full', text, { path, expected: length, found: free });
}
