/**
 * Reading files without being led astray.
 * - A symbolic link is never followed: not in the last place, and not in any folder below the one that is trusted.
 * - Only plain files are read: no folder, device or pipe (code not-a-plain-file, naming what stands there).
 * - Reads are bounded, and what was opened is what is read, whatever is renamed meanwhile.
 *
 * Folders are looked at before the file is opened; who can rename folders below the trusted one in between could
 * still redirect a read, so that folder must belong to the process's own user.
 */
import { dirname, join, relative, sep } from 'node:path';
import { TidegateError } from '../errors.ts';
import { diskError, isSystem, onDisk } from './disk-error.ts';
import {
  type FileHandle,
  type FileKind,
  type FileStatus,
  type FileSystem,
  openFlags,
} from './file-system.ts';

export interface PlainPathOptions {
  /** The folder up to which the path is trusted; every folder below it must be a real one. Default: the file's own folder. */
  readonly within?: string;
}

export interface PlainFile {
  readonly bytes: Uint8Array;
  readonly status: FileStatus;
}

export interface OpenPlainFile {
  readonly handle: FileHandle;
  readonly status: FileStatus;
}

/**
 * Reads a whole small file; undefined when it does not exist. Codes length-limit (more than `limit` bytes),
 * not-a-plain-file, disk-error.
 */
export async function readPlainFile(
  fs: FileSystem,
  path: string,
  limit: number,
  options: PlainPathOptions = {},
): Promise<PlainFile | undefined> {
  const file = await openPlainFile(fs, path, options);
  if (file === undefined) return undefined;
  try {
    if (file.status.length > limit) throw tooLong(path, limit);
    const bytes = await onDisk('read', path, () => readWhole(file.handle, file.status.length, limit));
    if (bytes.byteLength > limit) throw tooLong(path, limit);
    return { bytes, status: file.status };
  } finally {
    await file.handle.close();
  }
}

/** Opens a plain file for reading, or for update in place; undefined when it does not exist. */
export async function openPlainFile(
  fs: FileSystem,
  path: string,
  options: PlainPathOptions & { readonly update?: boolean } = {},
): Promise<OpenPlainFile | undefined> {
  if (!(await arePlainFolders(fs, path, options))) return undefined;
  const handle = await openNoFollow(fs, path, options.update === true ? openFlags.update : openFlags.read);
  if (handle === undefined) return undefined;
  try {
    const status = await onDisk('look at', path, () => handle.status());
    if (status.kind !== 'file') throw notPlain(path, status.kind, 'file');
    return { handle, status };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * True when every folder between the trusted one and `path` is a real folder, false when one does not exist.
 * Code not-a-plain-file names the link or file in between.
 */
export async function arePlainFolders(
  fs: FileSystem,
  path: string,
  { within = dirname(path) }: PlainPathOptions,
): Promise<boolean> {
  for (const folder of foldersBelow(within, path)) {
    const status = await statusIfAny(fs, folder);
    if (status === undefined) return false;
    if (status.kind !== 'folder') throw notPlain(folder, status.kind, 'folder');
  }
  return true;
}

/** The folders from below `within` down to the one that holds `path`, outermost first. */
export function foldersBelow(within: string, path: string): string[] {
  const between = relative(within, dirname(path));
  if (between === '') return [];
  const names = between.split(sep);
  if (names.includes('..')) throw new TidegateError('internal', `${path} does not lie within ${within}.`);
  return names.map((_, index) => join(within, ...names.slice(0, index + 1)));
}

/** The status of what stands at `path`, without following a link; undefined when nothing does. */
export async function statusIfAny(fs: FileSystem, path: string): Promise<FileStatus | undefined> {
  try {
    return await fs.status(path);
  } catch (error) {
    if (isSystem(error, 'ENOENT')) return undefined;
    throw diskError(error, 'look at', path);
  }
}

const kindNames: Readonly<Record<FileKind, string>> = {
  file: 'a plain file',
  folder: 'a folder',
  link: 'a symbolic link',
  other: 'a device, pipe or socket',
};

/** The error that names what stands in the place of a plain file or folder. */
export function notPlain(path: string, found: FileKind, expected: 'file' | 'folder'): TidegateError {
  const text = `${path} is ${kindNames[found]}; expected ${kindNames[expected]}. Nothing was followed or changed.`;
  return new TidegateError('not-a-plain-file', text, { path, found, expected });
}

async function openNoFollow(fs: FileSystem, path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await fs.open(path, flags);
  } catch (error) {
    if (isSystem(error, 'ENOENT')) return undefined;
    if (!isSystem(error, 'ELOOP', 'EISDIR', 'ENXIO', 'ENOTDIR')) throw diskError(error, 'open', path);
    const status = await fs.status(path).catch(() => undefined);
    throw status === undefined ? diskError(error, 'open', path) : notPlain(path, status.kind, 'file');
  }
}

/** The bytes of a file that may grow meanwhile: at most `limit` and one more. */
export async function readWhole(handle: FileHandle, expected: number, limit: number): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafeSlow(Math.min(expected, limit) + 1);
  let filled = 0;
  for (;;) {
    const count = await handle.read(buffer.subarray(filled), filled);
    filled += count;
    if (count === 0 || filled > limit) return buffer.subarray(0, filled);
    if (filled === buffer.byteLength) {
      const larger = Buffer.allocUnsafeSlow(Math.min(2 * filled, limit + 1));
      buffer.copy(larger);
      buffer = larger;
    }
  }
}

function tooLong(path: string, limit: number): TidegateError {
  return new TidegateError('length-limit', `${path} is larger than ${limit} bytes.`, { path, limit });
}
