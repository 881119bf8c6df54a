/**
 * The copy of a repository that a region gets: images, roles and roots from the first store, pinned there, verified there
 * and put before the rules of a host. Its timestamp is not of it: that is the commit (region.ts).
 */
import { createHash } from 'node:crypto';
import { isTidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { CancelOptions, ReadableStore, StreamedContent, SwappableStore } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { hostAnchor, regardlessOfExpiry } from '../workspace/roots.ts';
import {
  type ListedFile,
  listedFiles,
  requireFiles,
  type VerifyHow,
  type VerifyOptions,
} from './listed-files.ts';
import { type LiveRepository, listingIn, type PublishedRoles } from './live-repository.ts';
import { type PinWish, pinFiles } from './pin.ts';
import { overlaid, type ReadRepository, readerOf, readRepository } from './repository-reader.ts';

export interface RegionRun extends CancelOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment: copying may take days, and a machine may sleep meanwhile. Default: `now`. */
  readonly clock?: () => number;
  /** How every listed file is verified before the region's commit. Default `checksum`. */
  readonly verify?: VerifyHow;
}

export function clockOf({ now, clock = () => now }: RegionRun): number {
  return clock();
}

/**
 * Everything but the timestamp, and whether hosts would be content with it.
 *
 * @returns when it was pinned
 */
export async function copyToRegion(
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
