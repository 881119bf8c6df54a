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
import { isTidegateError, TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import { requirePublishable } from '../../storage/promises.ts';
import type { CancelOptions, ReadableStore, SwappableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { noteCommit } from './commit-journal.ts';
import type { LiveRepository, PublishedRoles } from './live-repository.ts';
import { closePin, requirePinned } from './pin.ts';
import { clockOf, copyToRegion, type RegionRun } from './region-copy.ts';

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
  const held = await copyToRegion(store, region, live, published, run);
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
