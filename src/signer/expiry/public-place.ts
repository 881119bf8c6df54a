/** A repository of which only an address and a root are known, to be looked at as a stranger does. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { openStore } from '../../storage/location.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { type ReadFile, readerOf } from '../publication/repository-reader.ts';
import type { WatchedPlace } from './expiration-check.ts';

/** Where a timestamp lies below the address that people give, tried in this order. */
const usualFolders = ['', 'metadata/'] as const;

const folders = { metadata: 'metadata', targets: 'targets' };

/**
 * @param anchor the root to begin with, any version of the chain
 * A folder that does not exist is what the check finds, too: a mount that is gone is no silence.
 *
 * @throws config-invalid, store-unsupported
 */
export async function placeAt(
  location: string,
  anchor: Uint8Array,
  signal?: AbortSignal,
): Promise<WatchedPlace> {
  const seen = { folders, anchor, floors: noFloors };
  try {
    const store = await openStore(location);
    return { ...seen, name: store.location, read: below(store, signal) };
  } catch (error) {
    if (!isTidegateError(error, 'not-found')) throw error;
    return { ...seen, name: location, read: () => Promise.reject(error) };
  }
}

/** Finds the folder with the first file that is asked for, so that a network that is down is the check's finding. */
function below(store: ReadableStore, signal: AbortSignal | undefined): ReadFile {
  const read = readerOf(store, signal);
  let prefix: Promise<string> | undefined;
  return async (name, limit) => {
    prefix ??= folderOf(read, store.location);
    return await read((await prefix) + name.slice(folders.metadata.length + 1), limit);
  };
}

async function folderOf(read: ReadFile, location: string): Promise<string> {
  for (const folder of usualFolders) {
    if ((await read(`${folder}timestamp.json`, defaultLimits.maxTimestampLength)) !== undefined)
      return folder;
  }
  const text = `${location}: found neither timestamp.json nor metadata/timestamp.json`;
  throw new TidegateError('not-found', text, { location });
}
