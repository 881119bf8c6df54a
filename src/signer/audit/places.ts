/**
 * Repositories at a location, found as a stranger finds them.
 *
 * 1. Metadata is where `timestamp.json` is: at the location itself, in `metadata/`, or in `VARIANT/ARCH/`. Folders are
 *    searched for the latter, of addresses the caller names them.
 * 2. Targets are where the caller says, else in `targets/` beside or below the metadata.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { DirectoryStore } from '../../storage/directory.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { openPublicStore, StoreFolder } from './store-folder.ts';

/** One TUF repository. */
export interface AuditPlace {
  /** For messages. */
  readonly name: string;
  readonly metadata: StoreFolder;
  readonly targets: StoreFolder;
}

export interface PlaceRequest {
  /** The folder or address that holds everything. */
  readonly location?: string;
  /** Or the two apart. */
  readonly metadata?: string;
  readonly targets?: string;
  /** `VARIANT/ARCH`, where there is a repository for each. */
  readonly repositories?: readonly string[];
  readonly signal?: AbortSignal;
}

/** @throws usage, not-found when there is no repository, and what the store throws */
export async function findPlaces(request: PlaceRequest): Promise<readonly AuditPlace[]> {
  const { location, metadata, targets, repositories = [] } = request;
  if (metadata !== undefined && targets !== undefined) {
    const folder = new StoreFolder(await openPublicStore(metadata), '');
    return [
      {
        name: folder.location,
        metadata: folder,
        targets: new StoreFolder(await openPublicStore(targets), ''),
      },
    ];
  }
  if (location === undefined)
    throw new TidegateError('usage', 'expected a location, or metadata and targets');
  const store = await openPublicStore(location);
  const folders = repositories.length > 0 ? repositories : await foldersIn(store, location, request);
  return folders.map((folder) => placeIn(store, folder));
}

/** A repository in a folder of a store, in the layouts that Tidegate knows. */
export function placeIn(store: ReadableStore, folder: string): AuditPlace {
  const metadata = new StoreFolder(store, folder);
  return {
    name: folder === '' ? store.location : folder,
    metadata,
    targets: new StoreFolder(store, 'targets'),
  };
}

async function foldersIn(
  store: ReadableStore,
  location: string,
  { signal }: PlaceRequest,
): Promise<readonly string[]> {
  const name = metadataFileName('timestamp');
  const has = async (folder: string): Promise<boolean> => {
    const file = await store.read(
      folder === '' ? name : `${folder}/${name}`,
      defaultLimits.maxTimestampLength,
      {
        ...(signal !== undefined && { signal }),
      },
    );
    return file !== undefined;
  };
  for (const folder of ['', 'metadata']) if (await has(folder)) return [folder];
  const found: string[] = [];
  if (store instanceof DirectoryStore)
    for (const folder of await foldersOfFleets(store.location)) if (await has(folder)) found.push(folder);
  if (found.length > 0) return found;
  const text = `${location}: no repository: found ${name} neither there nor in metadata/ or VARIANT/ARCH/ (name the latter for an address)`;
  throw new TidegateError('not-found', text, { location });
}

/** `VARIANT/ARCH` for each folder two levels down. */
async function foldersOfFleets(root: string): Promise<readonly string[]> {
  const foldersOf = async (path: string): Promise<readonly string[]> => {
    const entries = await onDisk('list', path, () => nodeFileSystem.entries(path));
    return entries.filter(({ kind }) => kind === 'folder').map(({ name }) => name);
  };
  const found: string[] = [];
  for (const variant of await foldersOf(root)) {
    if (variant === 'targets') continue;
    for (const arch of await foldersOf(join(root, variant))) found.push(`${variant}/${arch}`);
  }
  return found.toSorted();
}
