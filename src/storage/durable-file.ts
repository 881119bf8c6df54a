/**
 * Small files that must survive a crash: temporary file, fsync, rename or link, fsync of the folder, in that order.
 * After a crash at any point the name bears the old bytes or the new ones. No link is replaced, and none is followed
 * below the folder that the caller trusts.
 */
import { dirname } from 'node:path';
import { diskError, isSystem, onDisk } from './disk-error.ts';
import { type FileSystem, openFlags } from './file-system.ts';
import { arePlainFolders, foldersBelow, notPlain, type PlainPathOptions, statusIfAny } from './plain-file.ts';
import { StagedFile, syncFolder } from './staged-file.ts';

export interface DurableOptions extends PlainPathOptions {
  /** Permission bits, whatever the umask. Default 0o600. */
  readonly mode?: number;
}

/**
 * Writes or replaces a file. Its folder must exist. Codes disk-full, disk-error, and not-a-plain-file when a link,
 * folder or device bears the name: it is left alone.
 */
export async function writeDurably(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  options: DurableOptions = {},
): Promise<void> {
  await staged(fs, path, bytes, options, (file) => file.commitReplacing());
}

/** Writes a file only if nothing bears its name. Codes as `writeDurably`, and store-unsupported without hard links. */
export async function createDurably(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  options: DurableOptions = {},
): Promise<'created' | 'taken'> {
  return await staged(fs, path, bytes, options, (file) => file.commitNew());
}

/** Removes a file, durably; 'absent' when it was not there. Never removes a folder. */
export async function removeDurably(
  fs: FileSystem,
  path: string,
  options: PlainPathOptions = {},
): Promise<'removed' | 'absent'> {
  if (!(await arePlainFolders(fs, path, options))) return 'absent';
  try {
    await fs.unlink(path);
  } catch (error) {
    if (isSystem(error, 'ENOENT')) return 'absent';
    throw diskError(error, 'remove', path);
  }
  await syncFolder(fs, dirname(path));
  return 'removed';
}

/**
 * Makes the folder that is to hold `path`, and those above it up to `within`, which must exist. Each is synced into
 * its parent even when it was there: a run that died may have made it and not come to that.
 */
export async function makeFolders(
  fs: FileSystem,
  path: string,
  { within, mode }: { readonly within: string; readonly mode: number },
): Promise<void> {
  for (const folder of foldersBelow(within, path)) await makeFolder(fs, folder, mode);
}

/** Makes one folder whose parent exists, durably; one that is there keeps its mode. Code not-a-plain-file. */
export async function makeFolder(fs: FileSystem, folder: string, mode: number): Promise<'made' | 'present'> {
  const made = await onDisk('make the folder', folder, async () => {
    try {
      await fs.makeFolder(folder, mode);
      return true;
    } catch (error) {
      if (!isSystem(error, 'EEXIST')) throw error;
      return false;
    }
  });
  if (made) await setFolderMode(fs, folder, mode);
  else await requireFolder(fs, folder);
  await syncFolder(fs, dirname(folder));
  return made ? 'made' : 'present';
}

async function requireFolder(fs: FileSystem, folder: string): Promise<void> {
  const status = await statusIfAny(fs, folder);
  if (status !== undefined && status.kind !== 'folder') throw notPlain(folder, status.kind, 'folder');
}

async function setFolderMode(fs: FileSystem, folder: string, mode: number): Promise<void> {
  const handle = await onDisk('open', folder, () => fs.open(folder, openFlags.folder));
  try {
    await onDisk('set the mode of', folder, () => handle.setMode(mode));
  } finally {
    await handle.close();
  }
}

async function staged<T>(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array,
  { mode = 0o600, within = dirname(path) }: DurableOptions,
  commit: (file: StagedFile) => Promise<T>,
): Promise<T> {
  await arePlainFolders(fs, path, { within });
  const there = await statusIfAny(fs, path);
  if (there !== undefined && there.kind !== 'file') throw notPlain(path, there.kind, 'file');
  const file = await StagedFile.begin(fs, path, mode);
  try {
    await file.write(bytes);
    await file.finish();
    return await commit(file);
  } finally {
    await file.discard();
  }
}
