/**
 * One file of a directory store, opened, and its etag: the SHA-256 of the content up to 1 MiB. A larger file is not
 * read for its etag: device, inode, length, time of modification and of change stand for it. Those change with the
 * content, because every write of the store makes a new inode and any other write moves the time of change, which
 * no program can set.
 */
import { isTidegateError } from '../errors.ts';
import { checkCancelled } from './cancel.ts';
import { sha256Of } from './content.ts';
import { onDisk } from './disk-error.ts';
import type { FileHandle, FileStatus, FileSystem } from './file-system.ts';
import { type OpenPlainFile, openPlainFile, readWhole } from './plain-file.ts';
import { SWAP_LIMIT } from './store.ts';

/** A small file is held whole, so that its bytes and its etag cannot part; a large one is open. */
export type StoredFile =
  | { readonly length: number; readonly etag: string; readonly bytes: Uint8Array }
  | { readonly length: number; readonly etag: string; readonly handle: FileHandle };

/** Undefined when no plain file bears the path: nothing does, or a folder, or a file stands where a folder would. */
export async function openStored(
  fs: FileSystem,
  root: string,
  path: string,
  signal?: AbortSignal,
): Promise<StoredFile | undefined> {
  checkCancelled(`access to ${path}`, signal);
  const file = await openIfPlain(fs, root, path);
  if (file === undefined) return undefined;
  const { handle, status } = file;
  if (status.length > SWAP_LIMIT) return { length: status.length, etag: etagOfStatus(status), handle };
  try {
    const bytes = await onDisk('read', path, () => readWhole(handle, status.length, SWAP_LIMIT));
    if (bytes.byteLength > SWAP_LIMIT) return await openStored(fs, root, path, signal);
    return { length: bytes.byteLength, etag: `sha256-${sha256Of(bytes)}`, bytes };
  } finally {
    await handle.close();
  }
}

/** Gives back what `openStored` opened. */
export async function closeStored(file: StoredFile | undefined): Promise<void> {
  if (file !== undefined && 'handle' in file) await file.handle.close();
}

async function openIfPlain(fs: FileSystem, root: string, path: string): Promise<OpenPlainFile | undefined> {
  try {
    return await openPlainFile(fs, path, { within: root });
  } catch (error) {
    const found = isTidegateError(error, 'not-a-plain-file') ? error.details.found : undefined;
    if (found === 'folder' || found === 'file') return undefined;
    throw error;
  }
}

function etagOfStatus({ device, inode, length, modified, changed }: FileStatus): string {
  return `stat-${[device, inode, length, modified, changed].map((value) => value.toString(36)).join('-')}`;
}
