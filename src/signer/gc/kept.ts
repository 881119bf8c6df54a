/**
 * What may not go, read from the store and verified as hosts verify it. One repository that cannot be read is enough to
 * refuse everything: in the layout of Bottlerocket all of them share their targets.
 *
 * Kept is what is referred to by
 * 1. the present timestamp of every repository;
 * 2. every snapshot that was current within the grace, by the journal of commits; without a complete journal, every
 *    snapshot that was written since a pin before the grace began, and the last one before;
 * 3. every signed timestamp that waits for its commit upon the present one, or as the first one;
 * 4. every pin that holds, also of a repository that this workspace does not know, and what people keep;
 * 5. every older timestamp that is still valid.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { modifiedTime } from '../../storage/housekeeping.ts';
import type { FileInfo } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { trustRoot } from '../../trust/trusted-set.ts';
import { readCommits, readPrepared } from '../publication/commit-journal.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import { pinLifetime, pinSlack, readPins } from '../publication/pin.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import type { Kept } from './garbage.ts';
import { type ListingRequest, listedBy } from './listed-names.ts';
import { recentSnapshots } from './recent-commits.ts';

export interface KeptRequest {
  /** Everything in the store. */
  readonly files: readonly FileInfo[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds. */
  readonly grace: number;
  readonly wishes: readonly string[];
  readonly signal?: AbortSignal;
}

export interface KeptFiles extends Kept {
  /**
   * What was written since may not go, in milliseconds since the epoch, because a journal is not complete; undefined: the
   * journals say everything.
   */
  readonly youngSince: number | undefined;
  /** For how long each published timestamp is valid from now, in milliseconds. */
  readonly timestampLives: readonly number[];
}

/**
 * @throws state-damaged for a note that cannot be read, store-unsupported where neither journal nor store tells how old
 *   something is, workspace-invalid for a repository that this workspace does not know, and what reading throws
 */
export async function keptIn(workspace: Workspace, request: KeptRequest): Promise<KeptFiles> {
  const places = repositoriesOf(workspace.settings);
  refuseStrangers(workspace, places, request.files);
  // Pins first: who lets his go afterwards has committed, and what is published is read below.
  const pins = await readPins(workspace.store, request.now - pinSlack);
  const names = new Set(pins.flatMap(({ files }) => [...files]));
  const current = new Map<string, ReadonlyMap<string, number>>();
  let complete = true;
  const lives: number[] = [];
  for (const place of places) {
    const found = await keptOf(workspace, place, request);
    for (const name of found.names) names.add(name);
    current.set(place.name, found.current);
    complete &&= found.complete;
    if (found.timestampLife !== undefined) lives.push(found.timestampLife);
  }
  const youngSince = complete ? undefined : sinceOf(request) - pinLifetime;
  return { names, current, wishes: request.wishes, youngSince, timestampLives: lives };
}

/** Another repository may list the same targets. @throws workspace-invalid */
function refuseStrangers(
  { store }: Workspace,
  places: readonly RepositoryPlace[],
  files: readonly FileInfo[],
): void {
  const ours = new Set(places.map(({ folders }) => metadataName(folders, 'timestamp')));
  const file = metadataFileName('timestamp');
  const stranger = files.find(({ name }) => {
    return !ours.has(name) && (name === file || name.endsWith(`/${file}`));
  });
  if (stranger === undefined) return;
  const text = `${stranger.name} is in ${store.location}, and tidegate.toml knows no such repository; it may list the same targets. Put its variant back into tidegate.toml, or take the repository away; nothing was removed`;
  throw new TidegateError('workspace-invalid', text, { name: stranger.name, location: store.location });
}

interface KeptOfOne {
  readonly names: ReadonlySet<string>;
  readonly current: ReadonlyMap<string, number>;
  readonly complete: boolean;
  /** undefined: nothing is published. */
  readonly timestampLife: number | undefined;
}

async function keptOf(
  workspace: Workspace,
  place: RepositoryPlace,
  request: KeptRequest,
): Promise<KeptOfOne> {
  const { store } = workspace;
  const { now, signal } = request;
  const names = new Set<string>();
  const prepared = await readPrepared(store, place.name);
  const live = await readLive(workspace, place, signal);
  const { published } = live;
  const roots = live.roots.map((bytes) => trustRoot(bytes, regardlessOfExpiry, noFloors).root.document);
  const listing = { store, place, roots, known: new Map(), ...(signal && { signal }) };
  const waiting = prepared.filter(({ base }) => base?.sha256 === published?.sha256);
  for (const { note } of waiting) addAll(names, await listedIfThere(listing, note.get('snapshot')));
  if (published === undefined) return { names, current: new Map(), complete: true, timestampLife: undefined };
  const present = await listedBy(listing, published.snapshot.version);
  const recent = await recentlyCurrent(workspace, live, request);
  for (const version of recent.snapshots) addAll(names, (await listedBy(listing, version)).names);
  addAll(names, present.names);
  const roles = Array.from(present.document.meta, ([entry, { version }]) => {
    return [entry.slice(0, -'.json'.length), version] as const;
  });
  const current = new Map([...roles, ['snapshot', published.snapshot.version] as const]);
  current.delete('root');
  return { names, current, complete: recent.complete, timestampLife: published.timestamp.expires - now };
}

function addAll(names: Set<string>, more: Iterable<string>): void {
  for (const name of more) names.add(name);
}

/** A prepared commit whose snapshot is missing can never be committed. */
async function listedIfThere(listing: ListingRequest, version: unknown): Promise<Iterable<string>> {
  if (typeof version !== 'number') return [];
  try {
    return (await listedBy(listing, version)).names;
  } catch (error) {
    if (isTidegateError(error, 'not-found')) return [];
    throw error;
  }
}

function sinceOf({ now, grace }: KeptRequest): number {
  return now - grace;
}

async function recentlyCurrent(
  { store }: Workspace,
  { place, published }: LiveRepository,
  request: KeptRequest,
): Promise<{ readonly snapshots: ReadonlySet<number>; readonly complete: boolean }> {
  const commits = await readCommits(store, place.name);
  const current = published?.timestamp.version ?? 0;
  const recent = recentSnapshots(commits, current, sinceOf(request), request.now);
  if (recent.complete) return recent;
  const since = sinceOf(request) - pinLifetime;
  const older = published?.snapshot.version ?? 0;
  const versions = snapshotsIn(request.files, place).filter((version) => version < older);
  const snapshots = new Set(recent.snapshots);
  for (const version of versions.toSorted((one, other) => other - one)) {
    snapshots.add(version);
    if ((await requireModified(store, metadataName(place.folders, 'snapshot', version))) < since) break;
  }
  return { snapshots, complete: false };
}

function snapshotsIn(files: readonly FileInfo[], { folders }: RepositoryPlace): readonly number[] {
  return files.flatMap(({ name }) => {
    const version = Number(/(?:^|\/)([1-9]\d*)\.snapshot\.json$/.exec(name)?.[1] ?? 0);
    return version > 0 && name === metadataName(folders, 'snapshot', version) ? [version] : [];
  });
}

/** @throws store-unsupported */
export async function requireModified(store: Workspace['store'], name: string): Promise<number> {
  const time = await modifiedTime(store, name);
  if (time !== undefined) return time;
  const text = `${store.location} does not say when ${name} was written, and the journal of commits does not reach back to the beginning of the grace; nothing was removed. Publish and refresh with this version until it does`;
  throw new TidegateError('store-unsupported', text, { name, location: store.location });
}
