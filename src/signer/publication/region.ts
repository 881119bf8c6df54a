/**
 * Regions: other stores with the same content. Each is consistent by itself, and follows the first store.
 *
 * 1. What lists and what is listed goes there first, then the very bytes of the timestamp, by a swap of what is there.
 *    Nobody's replication may carry the timestamp: it would overtake what it lists.
 * 2. A region that is down, or refuses, stays as it was: old and whole. Whoever publishes, refreshes or resumes next
 *    brings it on. It stops nobody else.
 * 3. A region never goes back, and nothing is written over one that shows what the first store never showed.
 * 4. Copying takes as long as the line is slow: the pin there is held anew after it, by the clock of that moment, and a
 *    region whose pin grew too old before its commit stays as it was.
 */
import { createHash } from 'node:crypto';
import { isTidegateError, TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import { requirePublishable } from '../../storage/promises.ts';
import type { CancelOptions, ReadableStore, StreamedContent, SwappableStore } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { hostAnchor, regardlessOfExpiry } from '../workspace/roots.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { noteCommit } from './commit-journal.ts';
import {
  type ListedFile,
  listedFiles,
  requireFiles,
  type VerifyHow,
  type VerifyOptions,
} from './listed-files.ts';
import { type LiveRepository, listingIn, type PublishedRoles } from './live-repository.ts';
import { closePin, type PinWish, pinFiles, requirePinned } from './pin.ts';
import { overlaid, type ReadRepository, readerOf, readRepository } from './repository-reader.ts';

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
  /** The same, at the moment: copying may take days, and a machine may sleep meanwhile. Default: `now`. */
  readonly clock?: () => number;
  /** How every listed file is verified before the region's commit. Default `checksum`. */
  readonly verify?: VerifyHow;
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
      return await said(live, region, run, async () => {
        await requirePublishable(region, rulesOf(workspace, run));
        return await advance(workspace.store, region, live, published, run);
      });
    }),
  );
}

function rulesOf({ settings }: Workspace, { signal }: CancelOptions) {
  return { singleWriter: settings.singleWriter, ...(signal && { signal }) };
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
  bringOn: () => Promise<Exclude<RegionState['standing'], 'unreachable'>>,
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
    return { ...state, version: standing === 'behind' ? version : timestamp?.version, standing };
  } catch (error) {
    if (!isTidegateError(error) || error.code === 'cancelled') throw error;
    return { ...state, version, standing: version === undefined ? 'unreachable' : 'behind', error };
  }
}

/** As the file says it, unverified. @throws not-metadata, json-invalid, document-invalid */
function timestampVersion(bytes: Uint8Array): number {
  return parseTimestamp(parseEnvelope(bytes, defaultLimits, 'timestamp')).version;
}

async function advance(
  store: ReadableStore,
  region: SwappableStore,
  live: LiveRepository,
  published: PublishedRoles,
  run: RegionRun,
): Promise<'advanced' | 'current'> {
  const { signal } = run;
  const { place } = live;
  const name = metadataName(place.folders, 'timestamp');
  const head = await region.read(name, defaultLimits.maxTimestampLength);
  const version = head === undefined ? 0 : timestampVersion(head.bytes);
  if (version >= published.timestamp.version) {
    if (await isSame(store, region, name)) return 'current';
    throw diverged(
      region,
      place.name,
      `shows timestamp ${version}, and ${published.timestamp.version} is published`,
    );
  }
  const held = await copyAll(store, region, live, published, run);
  checkCancelled('publishing to a region', signal);
  requirePinned(live, held, clockOf(run), `tidegate refresh brings ${region.location} on`);
  if ((await region.swap(name, published.bytes.timestamp, head?.etag)) === 'lost') {
    if (await isSame(store, region, name)) return 'current';
    throw diverged(region, place.name, 'is being changed by somebody else');
  }
  await noteCommit(region, live, clockOf(run));
  await closePin(region, place.name, published.sha256);
  return 'advanced';
}

/**
 * Everything but the timestamp, and whether hosts would be content with it.
 *
 * @returns when it was pinned
 */
async function copyAll(
  store: ReadableStore,
  region: SwappableStore,
  live: LiveRepository,
  published: PublishedRoles,
  run: RegionRun,
): Promise<number> {
  const { place } = live;
  const there = await readRegion(region, live);
  const files = listedFiles(place.folders, listingIn(live));
  const wish = pinFor(place.name, published, files);
  await pinFiles(region, wish, clockOf(run));
  for (const file of missingFrom(files, there, place.folders))
    await copyFile(store, region, file, run.signal);
  const held = clockOf(run);
  await pinFiles(region, wish, held);
  await requireFiles(region, place.name, files, verifyOptions(run));
  await copyMetadata(region, live, published, there?.set.root.document.version ?? 0);
  // What it holds is what hosts will get there: it is read before they are told of it.
  const timestamp = new Map([[metadataName(place.folders, 'timestamp'), published.bytes.timestamp]]);
  await readRepository(overlaid(timestamp, readerOf(region)), requestFor(live));
  return held;
}

function clockOf({ now, clock = () => now }: RegionRun): number {
  return clock();
}

function verifyOptions({ verify, signal }: RegionRun): VerifyOptions {
  return { ...(verify && { how: verify }), ...(signal && { signal }) };
}

/** A pin of the region's own: nobody who cleans up there sees those of the first store. */
function pinFor(
  repository: string,
  { sha256, snapshot, targets }: PublishedRoles,
  files: readonly ListedFile[],
): PinWish {
  const versions = { snapshot: snapshot.version, targets: targets.version };
  return {
    repository,
    plan: sha256,
    versions: new Map(Object.entries(versions)),
    files: new Map(files.map(({ name, length }) => [name, { length }])),
  };
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

/** Somebody else may have published and brought the region on meanwhile. */
async function isSame(store: ReadableStore, region: ReadableStore, name: string): Promise<boolean> {
  const limit = defaultLimits.maxTimestampLength;
  const [own, other] = [await store.read(name, limit), await region.read(name, limit)];
  return own !== undefined && other !== undefined && Buffer.from(own.bytes).equals(other.bytes);
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
  workspace: Workspace,
  work: (region: SwappableStore) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    workspace.regions.map(async (region) => {
      try {
        await requirePublishable(region, rulesOf(workspace, {}));
        await work(region);
      } catch (error) {
        if (!isTidegateError(error) || error.code === 'cancelled') throw error;
      }
    }),
  );
}
