/**
 * What is garbage in a store: a decision over names alone. Pure.
 *
 * 1. `N.root.json` is never garbage, whoever asks and however old it is: hosts in the field begin with any of them.
 * 2. Only names that a publication writes can be garbage: versioned metadata of a repository of this workspace, and
 *    targets with a hash in their names. Everything else is somebody's, and stays.
 * 3. What a kept timestamp, a pin or a person refers to stays.
 * 4. Of roles only what is below the current version can go. A number above it is burned, or a publication is about to
 *    list it; a role that the current snapshot does not list has no current version, and stays whole. So no number can
 *    ever come back with other bytes.
 */
import { TidegateError } from '../../errors.ts';
import { encodeSegment } from '../../metadata/role-name.ts';
import type { FileInfo } from '../../storage/store.ts';
import type { RepositoryPlace } from '../workspace/workspace.ts';

/** What may not go. */
export interface Kept {
  /** Names in the store. */
  readonly names: ReadonlySet<string>;
  /** Of each repository by its name: the versions of roles that its current snapshot lists, and the snapshot's own. */
  readonly current: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** What people keep: names, or beginnings of names with `*` behind them. */
  readonly wishes: readonly string[];
}

const versioned = /^([1-9]\d*)\.([^/]+)\.json$/;
const hashed = /^(?:[0-9a-f]{64}|[0-9a-f]{128})\./;
const rootFile = /(?:^|\/)(?:\d+\.)?root\.json$/i;

export function isRootFile(name: string): boolean {
  return rootFile.test(name);
}

/** The last line of defence, before each removal, whatever was decided before. @throws internal */
export function refuseRoot(name: string): void {
  if (!isRootFile(name)) return;
  throw new TidegateError('internal', `${name} was to be removed, and roots are kept for ever`, { name });
}

export function garbageIn(
  files: Iterable<FileInfo>,
  places: readonly RepositoryPlace[],
  kept: Kept,
): readonly FileInfo[] {
  const targets = new Set(places.map(({ folders }) => `${folders.targets}/`));
  const current = new Map(places.map((place) => [place.folders.metadata, fileVersions(place, kept)]));
  return [...files].filter(({ name }) => {
    if (isRootFile(name) || kept.names.has(name) || isWished(name, kept.wishes)) return false;
    return isTargetFile(name, targets) || isSuperseded(name, current);
  });
}

/** By the part of a file's name that says its role. */
function fileVersions({ name }: RepositoryPlace, { current }: Kept): ReadonlyMap<string, number> {
  const roles = current.get(name) ?? [];
  return new Map(Array.from(roles, ([role, version]) => [encodeSegment(role), version]));
}

function isWished(name: string, wishes: readonly string[]): boolean {
  return wishes.some((wish) => (wish.endsWith('*') ? name.startsWith(wish.slice(0, -1)) : name === wish));
}

function isTargetFile(name: string, folders: ReadonlySet<string>): boolean {
  if (![...folders].some((folder) => name.startsWith(folder))) return false;
  return hashed.test(name.slice(name.lastIndexOf('/') + 1));
}

function isSuperseded(name: string, current: ReadonlyMap<string, ReadonlyMap<string, number>>): boolean {
  const slash = name.lastIndexOf('/');
  const [, version, role = ''] = versioned.exec(name.slice(slash + 1)) ?? [];
  const listed = current.get(name.slice(0, Math.max(slash, 0)))?.get(role);
  return listed !== undefined && Number(version) < listed;
}

/** Metadata before targets, snapshots first: whatever dies meanwhile, no file is left that lists a missing one. */
export function inOrderOfRemoval<F extends { readonly name: string }>(files: readonly F[]): readonly F[] {
  const rank = ({ name }: F): number => {
    if (name.endsWith('.snapshot.json')) return 0;
    return versioned.test(name.slice(name.lastIndexOf('/') + 1)) ? 1 : 2;
  };
  return files.toSorted((one, other) => rank(one) - rank(other));
}
