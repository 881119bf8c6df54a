/**
 * One refresh (TUF specification 5.1 to 5.6): root, timestamp, snapshot, targets, in this order, each verified
 * before the next is asked for and stored before the next is verified.
 *
 * 1. Floors are written before what they protect.
 * 2. A stored snapshot or targets file is used in place of a request only when every rule accepts it under the new
 *    parent: same version, same length and hashes where stated, signed by the keys of today, not expired.
 * 3. Root and timestamp come from one source: a source that has a new timestamp has the root that signs it.
 */
import { TidegateError } from '../errors.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import { topLevelTargets } from '../trust/targets-role.ts';
import {
  finishRoot,
  restoreTimestamp,
  snapshotLimit,
  type TrustedSet,
  updateSnapshot,
  updateTimestamp,
} from '../trust/trusted-set.ts';
import { fetchFile, tryStored } from './metadata-file.ts';
import { policyOf } from './options.ts';
import { RootWalk } from './root-walk.ts';
import type { Source } from './source.ts';
import { startTimeOf } from './start-time.ts';
import { loadTargets } from './targets-file.ts';
import type { Work } from './work.ts';

export interface Refreshed {
  readonly set: TrustedSet;
  /** Every root after the embedded one. */
  readonly roots: ReadonlyMap<number, Uint8Array>;
}

/** @throws any coded error of trust, network and disk; what was accepted before it stays stored */
export async function refreshRepository(work: Work): Promise<Refreshed> {
  const { settings, keeper } = work;
  const known = { earliestTime: settings.earliestTime, knownTime: keeper.knownTime };
  const now = startTimeOf(settings.clock(), known, settings.clockTolerance);
  const walk = new RootWalk(settings.trustedRoot, policyOf(settings, now), keeper.floors);
  const { repository } = walk.set.root.document;
  checkOwner(work, repository);
  await walk.overStored(work);
  let set = await work.mirrors.first('timestamp.json', (source) => beginAt(source, walk, work));
  set = await loadSnapshot(set, work);
  set = await loadTargets(set, topLevelTargets, work);
  return { set, roots: walk.roots };
}

async function beginAt(source: Source, walk: RootWalk, work: Work): Promise<TrustedSet> {
  const { datastore, keeper, settings, notes } = work;
  await walk.overNetwork(source, work);
  const set = await settleRoot(walk.set, work);
  const limit = settings.limits.maxTimestampLength;
  const stored = await datastore.readRole('timestamp', limit, notes);
  const known = tryStored(stored, (bytes) => restoreTimestamp(set, bytes), work) ?? set;
  const bytes = await fetchFile(source, metadataFileName('timestamp'), limit, work);
  const next = updateTimestamp(known, bytes);
  const { repository } = next.root.document;
  await keeper.save(next.floors, { time: next.policy.now, ...(repository !== undefined && { repository }) });
  if (next.timestamp !== undefined && next.timestamp !== known.timestamp)
    await datastore.writeRole('timestamp', next.timestamp.bytes);
  return next;
}

/** Ends the walk over roots. The newest root is a floor even when it has expired. */
async function settleRoot(walked: TrustedSet, { keeper, datastore }: Work): Promise<TrustedSet> {
  const { floors } = keeper;
  const root = Math.max(floors.root, walked.root.document.version);
  // Not the floors of the walk: another source may have raised them since it began.
  const start = { ...walked, floors };
  let set: TrustedSet;
  try {
    set = finishRoot(start);
  } catch (error) {
    await keeper.save({ ...floors, root });
    throw error;
  }
  const fell = set.floors.timestamp < floors.timestamp || set.floors.snapshot < floors.snapshot;
  if (fell) {
    // A key was revoked (5.3.11): what was signed with it would bring the old floors back.
    await datastore.removeRole('timestamp');
    await datastore.removeRole('snapshot');
  }
  await keeper.save(set.floors);
  return set;
}

async function loadSnapshot(set: TrustedSet, work: Work): Promise<TrustedSet> {
  const { datastore, keeper, mirrors, notes } = work;
  const limit = snapshotLimit(set);
  const stored = await datastore.readRole('snapshot', limit, notes);
  const known = tryStored(stored, (bytes) => updateSnapshot(set, bytes), work);
  if (known !== undefined) {
    await keeper.save(known.floors);
    return known;
  }
  const version = set.root.document.consistentSnapshot ? set.timestamp?.document.snapshot.version : undefined;
  const name = metadataFileName('snapshot', version);
  const next = await mirrors.first(name, async (source) =>
    updateSnapshot(set, await fetchFile(source, name, limit, work)),
  );
  await keeper.save(next.floors);
  if (next.snapshot !== undefined) await datastore.writeRole('snapshot', next.snapshot.bytes);
  return next;
}

/** Two repositories must not share a state directory: the floors of one would be nonsense to the other. */
function checkOwner({ keeper, datastore }: Work, repository: string | undefined): void {
  if (keeper.repository === undefined || repository === undefined || repository === keeper.repository) return;
  throw new TidegateError(
    'identity-mismatch',
    `the state directory ${datastore.directory} belongs to repository "${keeper.repository}", the trusted root is of "${repository}"; give each its own`,
    { found: keeper.repository, expected: repository, path: datastore.directory },
  );
}
