/** One list of a repository's targets in place of many questions. */
import { isTidegateError } from '../../errors.ts';
import type { RepositoryFolders } from '../../metadata/repository-layout.ts';
import type { FileInfo, WritableStore } from '../../storage/store.ts';

/** From so many files on, a list of the folder is asked: a page of it says what 1,000 questions would. */
const worthAList = 100;
/** Entries of a list for each file that is looked for; where more lie in the folder, asking for each costs less. */
const entriesForOne = 60;

/**
 * By name.
 *
 * @param count of the files that are looked for
 * @returns undefined where each is better asked for: they are few, this identity may not list, or the folder holds much
 *   more than this repository lists
 */
export async function listTargets(
  store: WritableStore,
  folders: RepositoryFolders,
  count: number,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, FileInfo> | undefined> {
  if (count < worthAList) return undefined;
  const list = new Map<string, FileInfo>();
  const options = { most: count * entriesForOne, ...(signal && { signal }) };
  try {
    for await (const info of store.list(`${folders.targets}/`, options)) list.set(info.name, info);
    return list;
  } catch (error) {
    if (isTidegateError(error, 'access-denied', 'count-limit', 'store-unsupported')) return undefined;
    throw error;
  }
}
