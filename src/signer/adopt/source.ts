/**
 * Where a repository that others made lies: metadata and targets may stand together or at two addresses, and files are
 * called what the tool that made them calls them.
 *
 * 1. Metadata is where `timestamp.json` is: at the location itself or in its `metadata/`. With a variant and an
 *    architecture also in `VARIANT/ARCH/`, as Bottlerocket's tools lay it out.
 * 2. Targets are where the caller says, else in a `targets/` in that place or above it.
 * 3. A target is looked for under every name that some client asks for: with a hash of each algorithm, the hash before
 *    the last segment or before the whole path, and plain.
 * 4. Over HTTP 403 means absent, as a bucket that may not be listed answers.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { hashAlgorithms } from '../../metadata/crypto.ts';
import type { Hashes } from '../../metadata/file-meta.ts';
import { metadataFileName, targetFileName } from '../../metadata/file-names.ts';
import type { FleetName } from '../../metadata/repository-layout.ts';
import type { TargetPath } from '../../metadata/target-path.ts';
import { isAddress } from '../../storage/address.ts';
import { HttpStore } from '../../storage/http.ts';
import { openStore } from '../../storage/location.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { followingLinks } from './linked-files.ts';

export interface SourceLocations {
  /** A folder or an address. */
  readonly location: string;
  /** Where the targets are; default: a `targets/` in the place of the metadata or above it. */
  readonly targets?: string | undefined;
}

export interface Source {
  readonly metadata: ReadableStore;
  /** Places where targets may be, the likeliest first. */
  readonly targets: readonly ReadableStore[];
}

/**
 * Finds the metadata of a repository.
 *
 * @param fleet in layouts with one repository for each variant and architecture: which one
 * @throws not-found naming the places that were looked at, and what the store throws
 */
export async function findSource({ location, targets }: SourceLocations, fleet?: FleetName): Promise<Source> {
  const looked: string[] = [];
  for (const folder of foldersFor(fleet)) {
    const place = below(location, folder);
    const metadata = await openIfThere(place);
    looked.push(place);
    const found = await metadata?.read(metadataFileName('timestamp'), defaultLimits.maxTimestampLength);
    if (metadata === undefined || found === undefined) continue;
    return { metadata, targets: await openTargets(targets, place) };
  }
  throw new TidegateError(
    'not-found',
    `${location}: no repository: timestamp.json is in none of ${looked.join(', ')}`,
    { location, looked },
  );
}

/** Folders below the location where metadata may be. */
function foldersFor(fleet: FleetName | undefined): readonly string[] {
  const own = fleet && `${fleet.variant}/${fleet.arch}`;
  return own === undefined ? ['', 'metadata'] : [own, `metadata/${own}`, ''];
}

const targetsFolders = ['targets', '../targets', '../../targets'];

async function openTargets(stated: string | undefined, metadata: string): Promise<readonly ReadableStore[]> {
  if (stated !== undefined) return [followingLinks(await openReadable(stated))];
  const stores = await Promise.all(targetsFolders.map((folder) => openIfThere(below(metadata, folder))));
  return stores.filter((store) => store !== undefined).map(followingLinks);
}

/** A place below another. Of an address the dots are resolved, of a path the system does it. */
function below(location: string, folder: string): string {
  if (folder === '') return location;
  const base = location.endsWith('/') ? location : `${location}/`;
  return isAddress(location) ? new URL(folder, base).href : `${base}${folder}`;
}

async function openIfThere(location: string): Promise<ReadableStore | undefined> {
  try {
    return await openReadable(location);
  } catch (error) {
    if (isTidegateError(error, 'not-found')) return undefined;
    throw error;
  }
}

async function openReadable(location: string): Promise<ReadableStore> {
  return isHttp(location)
    ? new HttpStore(location, { forbiddenMeansAbsent: true })
    : await openStore(location);
}

function isHttp(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** Names under which clients ask for a target, the specification's own first. */
export function namesOfTarget(path: TargetPath, hashes: Hashes): readonly string[] {
  return [...hashedNames(path, hashes), path];
}

/**
 * Names with a hash: one for each that is listed (TUF specification 6.2.1), and for a path with folders a second one
 * each, since tough puts the hash before the whole path.
 */
export function hashedNames(path: TargetPath, hashes: Hashes): readonly string[] {
  return hashAlgorithms.flatMap((algorithm) => {
    const hash = hashes[algorithm];
    if (hash === undefined) return [];
    return path.includes('/')
      ? [targetFileName(path, hash), `${hash}.${path}`]
      : [targetFileName(path, hash)];
  });
}
