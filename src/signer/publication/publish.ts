/**
 * Publishing a plan: everything is signed for all repositories, every image is uploaded once for all of them, and then one
 * repository after another is committed, each whole or not at all. One that fails does not stop those after it.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { recordOverrides } from '../workspace/overrides.ts';
import { readJournal } from '../workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { openKeyRing } from '../workspace/workspace-keys.ts';
import { requireClock } from './clock-check.ts';
import { baseMoved } from './commit.ts';
import { type Failure, failureOf, stopsAll, throwFailures } from './failed-repositories.ts';
import type { VerifyHow } from './listed-files.ts';
import { type LiveRepository, readLive } from './live-repository.ts';
import { closePin, holdPin, pinOf } from './pin.ts';
import type { RepositoryPlan } from './plan.ts';
import { type Plan, planAt, waitingFor } from './plan-publication.ts';
import { requireKept } from './publication-policy.ts';
import {
  beginRepository,
  finishRepository,
  type RepositoryResult,
  type RepositoryRun,
} from './publish-repository.ts';
import { advanceRegions, atEachRegion, type RegionState } from './region.ts';
import { isUnsettled, settle } from './settle.ts';
import { type UploadProgress, uploadTargets, type Written } from './upload.ts';

export interface PublishOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment: an upload may take days. Default: `now`. */
  readonly clock?: () => number;
  readonly unlock: KeyUnlocker;
  readonly progress?: (progress: UploadProgress) => void;
  /** How every listed file is verified before the commit. Default `checksum`. */
  readonly verify?: VerifyHow;
  readonly signal?: AbortSignal;
}

export interface PublishResult {
  readonly plan: string;
  /** In the order of the plan; those that an earlier run had published already are among them. */
  readonly repositories: readonly RepositoryResult[];
  /** Every other region, for every repository: those that are behind are caught up with by the next command. */
  readonly regions: readonly RegionState[];
}

/**
 * Publishes what a plan says, or finishes what an interrupted run of it began. What a store call did before it failed
 * makes no difference: calling this again with a plan made again, or with the same one, comes to the same end.
 *
 * @throws base-moved when somebody published since the plan was made, workspace-invalid when drafts or policies changed
 *   since, policy-violated, signatures-missing, name-taken, hash-mismatch or length-mismatch for an image that changed, locked, cancelled,
 *   not-found for listed files that the store lacks, and what key files and `trust/` throw. Nothing a host sees has
 *   changed then, unless the message says so. Of several repositories those that could be are published.
 */
export async function publish(
  workspace: Workspace,
  plan: Plan,
  options: PublishOptions,
): Promise<PublishResult> {
  requireKept(plan.violations, plan.overrides);
  const { verify, ...rest } = options;
  const ring = openKeyRing(workspace, options.unlock, options.signal);
  const run = { ...rest, ring, planId: plan.id, ...(verify && { verify }) };
  for (const { live } of plan.repositories) await requireClock(workspace, live.place.name, options);
  await whileLocked(workspace, async () => {
    await recordOverrides(workspace.fileSystem, workspace.directory, plan.newOverrides);
    await settleAll(workspace, options.now);
  });
  const done = await beginAll(workspace, plan, run);
  const open = plan.repositories.filter((part) => !done.has(part));
  const [written] = await Promise.all([
    uploadTargets(workspace, open, run),
    atEachRegion(workspace, (store) => uploadEarly({ ...workspace, store }, open, run)),
  ]);
  const failures: Failure[] = [];
  for (const part of open) {
    const finished = finishPart(workspace, part, { ...run, written });
    await finished.then(
      (result) => done.set(part, result),
      (error: unknown) => failures.push(failureOf(part.live.place.name, error)),
    );
  }
  const failed = new Set(failures.map(({ repository }) => repository));
  const regions = await bringRegionsOn(workspace, { open, failed }, options);
  throwFailures(failures, done.size);
  const repositories = plan.repositories.flatMap((part) => done.get(part) ?? []);
  return { plan: plan.id, repositories, regions };
}

/** @returns those that an earlier run has published */
async function beginAll(
  workspace: Workspace,
  { repositories }: Plan,
  run: RepositoryRun,
): Promise<Map<RepositoryPlan, RepositoryResult>> {
  const done = new Map<RepositoryPlan, RepositoryResult>();
  for (const part of repositories) {
    const { place } = part.live;
    const earlier = await beginPart(workspace, part, run).catch(async (error: unknown) => {
      const { drafts } = await waitingFor(workspace, place);
      throw stopsAll(error, { place, drafts }, repositories.length);
    });
    if (earlier !== undefined) done.set(part, earlier);
  }
  return done;
}

/** To a region, under pins of its own: nobody knows when its commit comes. */
async function uploadEarly(
  workspace: Workspace,
  plans: readonly RepositoryPlan[],
  { now, clock = () => now, signal }: RepositoryRun,
): Promise<void> {
  for (const plan of plans) await holdPin(workspace.store, pinOf(plan), clock());
  await uploadTargets(workspace, plans, signal === undefined ? {} : { signal });
}

/** Every repository, not only those of the plan: a region that was down is caught up with. */
async function bringRegionsOn(
  workspace: Workspace,
  { open, failed }: { readonly open: readonly RepositoryPlan[]; readonly failed: ReadonlySet<string> },
  { now, clock, signal, verify }: PublishOptions,
): Promise<readonly RegionState[]> {
  if (workspace.regions.length === 0) return [];
  const states: RegionState[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    if (failed.has(place.name)) continue;
    const live = await readLive(workspace, place, signal);
    const found = await advanceRegions(workspace, live, {
      now,
      ...(clock && { clock }),
      ...(verify && { verify }),
      ...(signal && { signal }),
    });
    states.push(...found);
    const part = open.find((one) => one.live.place.name === place.name);
    await atEachRegion(workspace, async (region) => {
      const isCurrent = found.some((one) => one.region === region.location && one.error === undefined);
      if (isCurrent && part !== undefined) await closePin(region, place.name, part.digest);
    });
  }
  return states;
}

/**
 * Uploading images takes as long as the line is slow, and a job that has to refresh must not wait for it: the
 * workspace is locked before and after, while it is signed and written, and not in between.
 */
async function beginPart(
  workspace: Workspace,
  part: RepositoryPlan,
  run: RepositoryRun,
): Promise<RepositoryResult | undefined> {
  return await whileLocked(workspace, async () => {
    const earlier = await publishedAlready(workspace, part);
    if (earlier !== undefined) return earlier;
    await requireUnchanged(workspace, part, run.signal);
    await beginRepository(workspace, part, run);
    return undefined;
  });
}

async function finishPart(
  workspace: Workspace,
  part: RepositoryPlan,
  run: RepositoryRun & { readonly written: Written },
): Promise<RepositoryResult> {
  return await whileLocked(workspace, async () => {
    const earlier = await publishedAlready(workspace, part);
    if (earlier !== undefined) return earlier;
    const present = await requireUnchanged(workspace, part, run.signal);
    const result = await finishRepository(workspace, present, run);
    if (present.digest !== part.digest) await closePin(workspace.store, part.live.place.name, part.digest);
    return result;
  });
}

/** Finishes what was interrupted between the timestamp and the end. */
async function settleAll(workspace: Workspace, now: number): Promise<void> {
  for (const place of repositoriesOf(workspace.settings)) await settleInterrupted(workspace, place, now);
}

/** The same for one repository. */
export async function settleInterrupted(
  workspace: Workspace,
  place: RepositoryPlace,
  now: number,
): Promise<void> {
  const journal = await readJournal(workspace, place.name);
  if (journal === undefined || journal.done) return;
  if (await isUnsettled(workspace, await readLive(workspace, place))) await settle(workspace, place, now);
}

async function publishedAlready(
  workspace: Workspace,
  part: RepositoryPlan,
): Promise<RepositoryResult | undefined> {
  const { place } = part.live;
  const journal = await readJournal(workspace, place.name);
  if (journal?.plan !== part.digest || !journal.done) return undefined;
  const live = await readLive(workspace, place);
  if (live.published?.sha256 !== journal.timestamp) return undefined;
  // A renewal of the same second signs the very same timestamp, and knows nothing of a root that waits here.
  if (live.missingRoots.length > 0) return undefined;
  const versions = versionsOf(live, part);
  return { repository: place.name, root: live.root.version, versions, written: 0, warnings: [] };
}

function versionsOf({ published }: LiveRepository, part: RepositoryPlan): RepositoryResult['versions'] {
  const delegated = part.roles.flatMap(({ role }) => {
    const version = published?.delegated.get(role)?.document.version;
    return version === undefined ? [] : [[role, version] as const];
  });
  return {
    ...Object.fromEntries(delegated),
    targets: published?.targets.version ?? 0,
    snapshot: published?.snapshot.version ?? 0,
    timestamp: published?.timestamp.version ?? 0,
  };
}

/**
 * The plan is made once more from what is there now: what was shown is what is signed. Where a refresh came between,
 * the same change is planned upon it.
 */
async function requireUnchanged(
  workspace: Workspace,
  part: RepositoryPlan,
  signal: AbortSignal | undefined,
): Promise<RepositoryPlan> {
  const { place, published } = part.live;
  const live = await readLive(workspace, place, signal);
  const moved = live.published?.sha256 !== published?.sha256;
  if (moved && !isOnlyRenewed(part.live, live)) throw baseMoved(place.name, workspace.store.location);
  const waiting = await waitingFor(workspace, place);
  const { renew, now, signed, wavesFrom } = part;
  const again = await planAt(workspace, live, { ...waiting, renew, now, signed, wavesFrom });
  if (again !== undefined && (moved ? saysTheSame(again, part) : again.digest === part.digest)) return again;
  throw new TidegateError(
    'workspace-invalid',
    `${place.name}: drafts, policies or roots changed since the plan was made. Plan again`,
    { repository: place.name, found: again?.digest ?? null, expected: part.digest },
  );
}

/** True when only numbers and dates of snapshot and timestamp moved: the files of targets roles are the very same. */
function isOnlyRenewed(before: LiveRepository, after: LiveRepository): boolean {
  const [old, present] = [before.published, after.published];
  if (old === undefined || present === undefined || before.root.version !== after.root.version) return false;
  const sameDelegated =
    old.delegated.size === present.delegated.size &&
    [...old.delegated].every(([role, { bytes }]) => {
      const now = present.delegated.get(role)?.bytes;
      return now !== undefined && Buffer.compare(bytes, now) === 0;
    });
  return sameDelegated && Buffer.compare(old.bytes.targets, present.bytes.targets) === 0;
}

/** True when two plans sign the same targets, in every role, byte for byte. */
function saysTheSame(one: RepositoryPlan, other: RepositoryPlan): boolean {
  const said = ({ contents, delegations, roles }: RepositoryPlan): string => {
    const signed = roles.filter(({ role }) => role !== 'snapshot' && role !== 'timestamp');
    const texts = signed.map(
      ({ role, to, expires }) =>
        `${role} ${to} ${expires} ${digestOf('sha256', canonicalBytes(contents.get(role) ?? null))}`,
    );
    return [...texts, digestOf('sha256', canonicalBytes(delegations ?? null))].join('\n');
  };
  return said(one) === said(other);
}
