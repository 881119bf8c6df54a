/**
 * Image files of the operator: read once for length and SHA-256. They may be reached through links, which are the
 * operator's own; what is read is always a plain file.
 */
import { TidegateError } from '../../errors.ts';
import { diskError, isSystem, onDisk } from '../../storage/disk-error.ts';
import { hashFile } from '../../storage/file-content.ts';
import type { FileStatus, FileSystem } from '../../storage/file-system.ts';
import { notPlain } from '../../storage/plain-file.ts';

export interface ImageFile {
  /** The real path, links resolved. */
  readonly path: string;
  /** Bytes; never 0. */
  readonly length: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** When its content was last changed, in milliseconds since the epoch. */
  readonly modified: number;
}

export interface ReadImageOptions {
  /** Told bytes read and bytes of the whole file. */
  readonly progress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads an image once, with flat memory.
 *
 * @throws release-invalid when it is empty or changes meanwhile, not-found, not-a-plain-file, disk-error, cancelled
 */
export async function readImage(
  fs: FileSystem,
  given: string,
  { progress, signal }: ReadImageOptions = {},
): Promise<ImageFile> {
  const path = await realPath(fs, given);
  const status = await onDisk('look at', path, () => fs.status(path));
  if (status.kind !== 'file') throw notPlain(path, status.kind, 'file');
  if (status.length === 0) throw unfit(given, 'is empty, expected an image');
  const { length, sha256 } = await hashFile(fs, path, {
    ...(signal && { signal }),
    ...(progress && { progress: (bytes: number) => progress(bytes, status.length) }),
  });
  const after = await onDisk('look at', path, () => fs.status(path));
  if (length !== status.length || hasChanged(status, after)) {
    throw unfit(given, 'changed while it was read, expected a finished image');
  }
  return { path, length, sha256, modified: Number(status.modified / 1_000_000n) };
}

async function realPath(fs: FileSystem, path: string): Promise<string> {
  try {
    return await fs.realPath(path);
  } catch (error) {
    if (!isSystem(error, 'ENOENT')) throw diskError(error, 'find', path);
    throw new TidegateError('not-found', `${path} does not exist, expected an image`, { path });
  }
}

function hasChanged(before: FileStatus, after: FileStatus): boolean {
  return before.length !== after.length || before.modified !== after.modified || before.inode !== after.inode;
}

function unfit(path: string, problem: string): TidegateError {
  return new TidegateError('release-invalid', `${path} ${problem}`, { path });
}
