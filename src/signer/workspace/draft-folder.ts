/**
 * The folder in which a workspace is made before it is moved to its place, and those that killed runs have left. Such a
 * draft can hold new private keys, so that the next run beside it takes it away:
 *
 * 1. Its name tells whose it is. One whose process lives is never touched.
 * 2. One of another machine or container, whose processes cannot be seen, stays and is told of.
 * 3. Only a folder of this user that nobody else can enter is emptied: nobody can have put links into it.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { diskError, isSystem } from '../../storage/disk-error.ts';
import type { FileEntry, FileSystem } from '../../storage/file-system.ts';
import { type MarkState, markState, processMark } from '../../storage/process-mark.ts';

const prefix = '.tidegate-init-';

/** What a run of `init` or `adopt` that was killed has left. */
export interface LeftDraft {
  readonly path: string;
  /** False: it is still there. */
  readonly removed: boolean;
}

/** A name that is used once. */
export function draftPath(parent: string): string {
  return join(parent, `${prefix}${processMark()}-${randomBytes(6).toString('hex')}`);
}

/** Takes away what dead runs left in a folder; nothing in one that may be written but not listed. @throws disk-error */
export async function sweepDrafts(fs: FileSystem, parent: string): Promise<readonly LeftDraft[]> {
  const left: LeftDraft[] = [];
  for (const { name, kind } of await entriesIfAllowed(fs, parent)) {
    const state = kind === 'folder' ? stateOf(name) : undefined;
    if (state !== 'dead' && state !== 'foreign') continue;
    const path = join(parent, name);
    left.push({ path, removed: state === 'dead' && (await removeOwn(fs, path)) });
  }
  return left;
}

async function entriesIfAllowed(fs: FileSystem, folder: string): Promise<readonly FileEntry[]> {
  try {
    return await fs.entries(folder);
  } catch (error) {
    if (isSystem(error, 'EACCES')) return [];
    throw diskError(error, 'list', folder);
  }
}

/** Of the process that made it; undefined for what is no draft. */
function stateOf(name: string): MarkState | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const [, mark] = /^([0-9a-f.]+)-[0-9a-f]{12}$/.exec(name.slice(prefix.length)) ?? [];
  return mark === undefined ? undefined : markState(mark);
}

async function removeOwn(fs: FileSystem, path: string): Promise<boolean> {
  try {
    const { owner, mode } = await fs.status(path);
    if (owner !== process.getuid?.() || (mode & 0o077) !== 0) return false;
    await clearAway(fs, path);
    return true;
  } catch {
    // Another run may be at it as well; what stays is told of.
    return false;
  }
}

/** Removes a folder with all that is in it; links are removed and not followed. */
export async function clearAway(fs: FileSystem, folder: string): Promise<void> {
  for (const { name, kind } of await fs.entries(folder)) {
    const path = join(folder, name);
    await (kind === 'folder' ? clearAway(fs, path) : fs.unlink(path));
  }
  await fs.removeFolder(folder);
}
