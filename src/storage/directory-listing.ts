/** The names below a folder, in the order of the whole names. Links, devices and machinery are no files of a store. */
import { join } from 'node:path';
import { isTidegateError } from '../errors.ts';
import { diskError, isSystem } from './disk-error.ts';
import type { FileEntry, FileSystem } from './file-system.ts';
import { compareNames } from './read-range.ts';
import { checkStoreName } from './store-name.ts';

/** Yields names that begin with `prefix`; only folders that can hold such names are looked into. */
export async function* namesBelow(
  fs: FileSystem,
  root: string,
  prefix: string,
): AsyncGenerator<string, void> {
  yield* walk(fs, root, '', prefix);
}

async function* walk(
  fs: FileSystem,
  root: string,
  above: string,
  prefix: string,
): AsyncGenerator<string, void> {
  for (const entry of await sortedEntries(fs, join(root, above))) {
    const name = `${above}${entry.name}`;
    if (!isStoreName(name)) continue;
    if (entry.kind === 'file' && name.startsWith(prefix)) yield name;
    if (entry.kind !== 'folder') continue;
    const below = `${name}/`;
    if (below.startsWith(prefix) || prefix.startsWith(below)) yield* walk(fs, root, below, prefix);
  }
}

/** As the whole names sort: a folder counts with the slash that follows it, so `a.b` comes before `a/b`. */
async function sortedEntries(fs: FileSystem, folder: string): Promise<FileEntry[]> {
  const key = ({ name, kind }: FileEntry): string => (kind === 'folder' ? `${name}/` : name);
  try {
    const entries = await fs.entries(folder);
    return entries.sort((first, second) => compareNames(key(first), key(second)));
  } catch (error) {
    // Removed since its parent was listed.
    if (isSystem(error, 'ENOENT')) return [];
    throw diskError(error, 'list', folder);
  }
}

function isStoreName(name: string): boolean {
  try {
    checkStoreName(name);
    return true;
  } catch (error) {
    if (isTidegateError(error, 'target-path-invalid')) return false;
    throw error;
  }
}
