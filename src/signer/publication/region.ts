/**
 * Regions: other stores with the same content. Each is consistent by itself, and follows the first store.
 *
 * 1. What lists and what is listed goes there first, then the very bytes of the timestamp, by a swap of what is there.
 *    Nobody's replication may carry the timestamp: it would overtake what it lists.
 * 2. A region that is down, or refuses, stays as it was: old and whole. Whoever publishes, refreshes or resumes next
 *    brings it on. It stops nobody else.
 * 3. A region never goes back, and nothing is written over one that shows what the first store never showed.
 */
import { createHash } from 'node:crypto';
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import { requirePublishable } from '../../storage/promises.ts';
import type { CancelOptions, ReadableStore, StreamedContent, SwappableStore } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { hostAnchor, regardlessOfExpiry } from '../workspace/roots.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { noteCommit } from './commit-journal.ts';
import { type ListedFile, listedFiles, requireFiles } from './listed-files.ts';
import { type LiveRepository, listingIn, type PublishedRoles } from './live-repository.ts';
import { closePin, holdPin } from './pin.ts';
import { type ReadRepository, readerOf, readRepository } from './repository-reader.ts';

export interface RegionState {
  readonly repository: string;
  /** The location. */
  readonly region: string;
  /** Of its timestamp; undefined: nothing is published there, or it could not be asked. */
  readonly version: number | undefined;
  /** `advanced`: it was brought on now. `behind`: it shows an older state, and a whole one. */
  readonly standing: 'current' | 'advanced' | 'behind' | 'unreachable';
  /** Why it is not current. */
  readonly error?: TidegateError;
}

export interface RegionRun extends CancelOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Brings every region on to what the first store shows. @throws cancelled; nothing else */
export async function advanceRegions(
  workspace: Workspace,
  live: LiveRepository,
  run: RegionRun,
): Promise<readonly RegionState[]> {
  const { published } = live;
  if (published === undefined) return [];
  return await Promise.all(
    workspace.regions.map(async (region) => {
      return await said(live, region, run, () => advance(workspace.store, region, live, published, run));
    }),
  );
}

/** How far every region is. Changes nothing. @throws cancelled; nothing else */
export async function regionStates(
  { regions }: Workspace,
  live: LiveRepository,
  run: RegionRun,
): Promise<readonly RegionState[]> {
  if (live.published === undefined) return [];
  return await Promise.all(
    regions.map(async (region) => await said(live, region, run, async () => 'behind' as const)),
  );
}

async function said(
  live: LiveRepository,
  region: SwappableStore,
  { signal }: RegionRun,
  bringOn: () => Promise<'advanced' | 'behind'>,
): Promise<RegionState> {
  const state = { repository: live.place.name, region: region.location };
  let version: number | undefined;
  try {
    const name = metadataName(live.place.folders, 'timestamp');
    const head = await region.read(name, defaultLimits.maxTimestampLength, signal && { signal });
    version = head && timestampVersion(head.bytes);
    const { timestamp, bytes } = live.published ?? {};
    if (head !== undefined && bytes !== undefined && Buffer.from(head.bytes).equals(bytes.timestamp))
      return { ...state, version, standing: 'current' };
    const standing = await bringOn();
    return { ...state, version: standing === 'advanced' ? timestamp?.version : version, standing };
  } catch (error) {
    if (!isTidegateError(error) || error.code === 'cancelled') throw error;
    return { ...state, version, standing: version === undefined ? 'unreachable' : 'behind', error };
  }
}

/** As the file says it, unverified: to tell people how far a region is. */
function timestampVersion(bytes: Uint8Array): number | undefined {
  const found = /"version"\s*:\s*(\d+)/.exec(Buffer.from(bytes).toString('latin1'));
  return found === null ? undefined : Number(found[1]);
}

async function advance(
  store: ReadableStore,
  region: SwappableStore,
  live: LiveRepository,
  published: PublishedRoles,
  { now, signal }: RegionRun,
): Promise<'advanced'> {
  const { place } = live;
  await requirePublishable(region, { singleWriter: false, ...(signal && { signal }) });
  const name = metadataName(place.folders, 'timestamp');
  const head = await region.read(name, defaultLimits.maxTimestampLength);
  const there = head && (await readRegion(region, live));
  requireOlder(region, live, there);
  const files = listedFiles(place.folders, listingIn(live));
  const wish = {
    repository: place.name,
    plan: published.sha256,
    versions: new Map([
      ['snapshot', published.snapshot.version],
      ['targets', published.targets.version],
    ]),
  };
  await holdPin(
    region,
    { ...wish, files: new Map(files.map((file) => [file.name, { length: file.length }])) },
    now,
  );
  for (const file of missingFrom(files, there, place.folders)) await copyFile(store, region, file, signal);
  await requireFiles(region, place.name, files, signal && { signal });
  await copyMetadata(region, live, published, there?.set.root.document.version ?? 0);
  checkCancelled('publishing to a region', signal);
  if ((await region.swap(name, published.bytes.timestamp, head?.etag)) === 'lost')
    throw diverged(region, place.name, 'is being changed by somebody else');
  await readRepository(readerOf(region), requestFor(live));
  await noteCommit(region, live, now);
  await closePin(region, place.name, published.sha256);
  return 'advanced';
}

function requestFor({ place, roots }: LiveRepository) {
  const anchor = hostAnchor(roots);
  return { folders: place.folders, anchor, policy: regardlessOfExpiry, floors: noFloors };
}

/** What a region shows; undefined when it is not whole, so that nothing is taken for present. */
async function readRegion(region: SwappableStore, live: LiveRepository): Promise<ReadRepository | undefined> {
  try {
    return await readRepository(readerOf(region), requestFor(live));
  } catch (error) {
    if (isTidegateError(error, 'not-found', 'hash-mismatch', 'length-mismatch')) return undefined;
    throw error;
  }
}

function requireOlder(
  region: SwappableStore,
  { place, published }: LiveRepository,
  there: ReadRepository | undefined,
): void {
  const version = there?.set.timestamp?.document.version ?? 0;
  const own = published?.timestamp.version ?? 0;
  if (version < own) return;
  throw diverged(region, place.name, `shows timestamp ${version}, and ${own} is published`);
}

function diverged(region: SwappableStore, repository: string, found: string): TidegateError {
  const text = `${repository}: the region ${region.location} ${found}. It was left as it is; nothing else may publish there`;
  return new TidegateError('store-conflict', text, { repository, location: region.location });
}

/** What a region lists itself it has: it was whole. */
function missingFrom(
  files: readonly ListedFile[],
  there: ReadRepository | undefined,
  folders: LiveRepository['place']['folders'],
): readonly ListedFile[] {
  const documents = Array.from(there?.set.targets.values() ?? [], ({ document }) => document);
  const present = new Set(listedFiles(folders, documents).map(({ name }) => name));
  return files.filter(({ name }) => !present.has(name));
}

async function copyFile(
  from: ReadableStore,
  to: SwappableStore,
  { name, length, hash }: ListedFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await to.stat(name);
  if (found?.length === length && (found.sha256 === undefined || found.sha256 === hash.value)) return;
  const sha256 = hash.algorithm === 'sha256' ? hash.value : await hashOf(from, name);
  const content: StreamedContent = { length, sha256, open: () => chunksOf(from, name) };
  await to.create(name, content, signal && { signal });
}

async function* chunksOf(from: ReadableStore, name: string): AsyncGenerator<Uint8Array, void> {
  const file = await from.open(name, { reuseChunks: true });
  if (file !== undefined) yield* file.body;
}

/** Of a file that is listed by another hash. */
async function hashOf(from: ReadableStore, name: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(from, name)) hash.update(chunk);
  return hash.digest('hex');
}

/** Children first; roots that the region has are left alone. */
async function copyMetadata(
  region: SwappableStore,
  { place: { folders }, root, roots }: LiveRepository,
  { delegated, targets, snapshot, bytes }: PublishedRoles,
  lastRoot: number,
): Promise<void> {
  for (const [role, { document, bytes: file }] of delegated)
    await region.create(metadataName(folders, role, document.version), file);
  await region.create(metadataName(folders, 'targets', targets.version), bytes.targets);
  await region.create(metadataName(folders, 'snapshot', snapshot.version), bytes.snapshot);
  for (const [index, file] of roots.entries()) {
    const version = root.version - roots.length + 1 + index;
    if (version > lastRoot) await region.create(metadataName(folders, 'root', version), file);
  }
}

/**
 * Does something at every region that can be done without: images go there while they go to the first store, so that a
 * slow line is used once. What fails is made up for after the commit. @throws cancelled; nothing else
 */
export async function atEachRegion(
  { regions }: Workspace,
  work: (region: SwappableStore) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    regions.map(async (region) => {
      try {
        await requirePublishable(region, { singleWriter: false });
        await work(region);
      } catch (error) {
        if (!isTidegateError(error) || error.code === 'cancelled') throw error;
      }
    }),
  );
}
