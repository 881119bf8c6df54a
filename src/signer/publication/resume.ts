/**
 * Finishing what somebody began, from the notes in the store alone: no key, no draft and no journal of a workspace is
 * needed. What is finished is what was signed: it is put before the rules of a host, like every publication.
 *
 * 1. A commit that nobody settled is settled: it is noted, and its pin goes.
 * 2. A signed timestamp whose base is still published is committed, when it is not too old and everything that it lists is
 *    there.
 * 3. One whose base has moved lost: publish again.
 * 4. One plan may have been signed twice, on two machines: what was signed last is finished. Of two plans one must be named.
 * 5. Regions that are behind are brought on.
 */
import { TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { formatTime } from '../../metadata/time.ts';
import { requirePublishable } from '../../storage/promises.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { requireClock } from './clock-check.ts';
import { commitTimestamp } from './commit.ts';
import { type PreparedCommit, readPrepared } from './commit-journal.ts';
import { listedFiles, requireFiles } from './listed-files.ts';
import { type LiveRepository, readLive } from './live-repository.ts';
import { pinFiles, requirePinned } from './pin.ts';
import { verifyLater } from './published-check.ts';
import { advanceRegions, type RegionState } from './region.ts';
import { overlaid, readerOf, readRepository } from './repository-reader.ts';
import { settle } from './settle.ts';
import { noteName, readNote, textIn } from './store-note.ts';

export interface ResumeOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment: a machine may sleep meanwhile. Default: `now`. */
  readonly clock?: () => number;
  /** The id of the plan that shall be finished, or how it begins. Default: whatever was begun. */
  readonly plan?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface ResumedRepository {
  readonly repository: string;
  /** `finished`: it was committed now. `settled`: it was, and is noted now. `nothing`: nothing was begun. `lost`: somebody else was first. */
  readonly outcome: 'finished' | 'settled' | 'nothing' | 'lost';
  /** Plans that were finished, settled or lost. */
  readonly plans: readonly string[];
  /** Of the timestamp that is published now; undefined: none. */
  readonly version: number | undefined;
  readonly warnings: readonly string[];
  readonly regions: readonly RegionState[];
}

/**
 * @throws usage when two plans could be finished and none was named, not-found for a plan of which the store knows nothing
 *   and for listed files, expired, clock-skewed, and as `publish`
 */
export async function resumePublications(
  workspace: Workspace,
  options: ResumeOptions,
): Promise<readonly ResumedRepository[]> {
  const { singleWriter } = workspace.settings;
  await requirePublishable(workspace.store, { singleWriter });
  const results: ResumedRepository[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    await requireClock(workspace, place.name, options);
    const done = await whileLocked(workspace, () => resumePlace(workspace, place, options));
    const live = await readLive(workspace, place);
    results.push({ ...done, regions: await advanceRegions(workspace, live, options) });
  }
  const { plan } = options;
  if (plan !== undefined && results.every(({ plans }) => plans.length === 0))
    throw unknownPlan(workspace, plan);
  return results;
}

type Done = Omit<ResumedRepository, 'regions'>;

async function resumePlace(
  workspace: Workspace,
  place: RepositoryPlace,
  { now, clock = () => now, plan = '', signal }: ResumeOptions,
): Promise<Done> {
  const live = asPublished(await readLive(workspace, place, signal));
  const all = await readPrepared(workspace.store, place.name);
  const wanted = all.filter((one) => one.plan.startsWith(plan) || one.part.startsWith(plan));
  const settled = await settleLast(workspace, live, all, now);
  const ready = wanted.filter((one) => one.base?.sha256 === live.published?.sha256);
  const [first, second] = lastOfEachPlan(ready);
  const done = { repository: place.name, version: live.published?.timestamp.version, warnings: [] };
  if (first === undefined) {
    if (settled !== undefined) return { ...done, outcome: 'settled', plans: [settled] };
    const noted = plan === '' ? undefined : await notedPlan(workspace, live);
    if (noted?.startsWith(plan)) return { ...done, outcome: 'nothing', plans: [noted] };
    const oldest = oldestFit(workspace, now);
    const lost = wanted.filter((one) => !isPublished(one, live) && one.preparedAt >= oldest);
    const plans = lost.map((one) => one.plan);
    return { ...done, outcome: lost.length > 0 ? 'lost' : 'nothing', plans };
  }
  if (second !== undefined) throw ambiguous(place.name, ready);
  await requireFit(workspace, live, first, clock);
  await commitTimestamp(workspace.store, live, first.timestamp, signal);
  const after = await settle(workspace, place, now);
  const warnings = await verifyLater(workspace, { before: live, live: after, now });
  return { ...done, outcome: 'finished', plans: [first.plan], version: first.version, warnings };
}

/** A root of this workspace that waits for its publication is no floor: others sign, and hosts read, without it. */
function asPublished(live: LiveRepository): LiveRepository {
  const shown = live.root.version - live.missingRoots.length;
  return { ...live, floors: { ...live.floors, root: Math.min(live.floors.root, shown) } };
}

function lastOfEachPlan(ready: readonly PreparedCommit[]): readonly PreparedCommit[] {
  const ordered = ready.toSorted((one, other) => one.preparedAt - other.preparedAt);
  return [...new Map(ordered.map((one) => [one.part, one])).values()];
}

/** Of what is published. */
async function notedPlan(
  { store }: Workspace,
  { place, published }: LiveRepository,
): Promise<string | undefined> {
  if (published === undefined) return undefined;
  const note = await readNote(store, noteName(place.name, 'journal', published.timestamp.version));
  return note && textIn(note.json, 'plan');
}

/** When hosts could live for a while with what was signed then, in milliseconds. */
function oldestFit({ expiration }: Workspace, now: number): number {
  return now - expiration.timestamp / 2;
}

function isPublished({ timestamp }: PreparedCommit, { published }: LiveRepository): boolean {
  return published !== undefined && Buffer.from(published.bytes.timestamp).equals(timestamp);
}

/** @returns the plan of a commit that somebody did not come to the end of */
async function settleLast(
  workspace: Workspace,
  live: LiveRepository,
  prepared: readonly PreparedCommit[],
  now: number,
): Promise<string | undefined> {
  if (live.published === undefined) return undefined;
  const own = prepared.find((one) => isPublished(one, live));
  const name = noteName(live.place.name, 'journal', live.published.timestamp.version);
  if (own === undefined && (await workspace.store.stat(name)) !== undefined) return undefined;
  await settle(workspace, live.place, now);
  return own?.plan;
}

/** As hosts will see it; and hosts must still be able to live with it for a while. @param clock a machine may sleep meanwhile */
async function requireFit(
  workspace: Workspace,
  live: LiveRepository,
  prepared: PreparedCommit,
  clock: () => number,
): Promise<void> {
  const { place, roots, floors } = live;
  const { store } = workspace;
  const now = clock();
  if (prepared.preparedAt < oldestFit(workspace, now)) {
    const text = `${place.name}: plan ${prepared.plan} was signed at ${formatTime(prepared.preparedAt)}, too long ago to be published now. Plan again`;
    throw new TidegateError('expired', text, { repository: place.name, plan: prepared.plan });
  }
  const name = metadataName(place.folders, 'timestamp');
  const read = overlaid(new Map([[name, prepared.timestamp]]), readerOf(store));
  const request = { folders: place.folders, anchor: hostAnchor(roots), floors };
  const seenAt = async (time: number) =>
    await readRepository(read, { ...request, policy: trustPolicyAt(time) });
  const { set } = await seenAt(now);
  const documents = Array.from(set.targets.values(), ({ document }) => document);
  const listed = listedFiles(place.folders, documents);
  // The pin of whoever began may have run out, and its files may be in the way of a clean-up.
  const files = new Map(listed.map((file) => [file.name, { length: file.length }]));
  const wish = { repository: place.name, plan: prepared.part, versions: new Map(), files };
  await pinFiles(store, wish, now);
  await requireFiles(store, place.name, listed);
  await seenAt(clock());
  requirePinned(live, now, clock());
}

function ambiguous(repository: string, ready: readonly PreparedCommit[]): TidegateError {
  const plans = ready.map(({ plan }) => plan.slice(0, 16)).join(', ');
  const text = `${repository}: ${ready.length} plans wait for their commit: ${plans}. Name one: tidegate publish --resume PLAN`;
  return new TidegateError('usage', text, { repository, plans });
}

function unknownPlan({ store }: Workspace, plan: string): TidegateError {
  const text = `plan ${plan}: nothing that was signed for it waits in ${store.location}: it never got so far, or is the past. Next: tidegate publish`;
  return new TidegateError('not-found', text, { plan, location: store.location });
}
