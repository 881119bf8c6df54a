/**
 * Keeping a repository fresh: a job signs the timestamp again and again, and the other roles when they near their end.
 * The same way as a publication, with the same safety; drafts are left alone.
 *
 * 1. The timestamp is due when a fourteenth of its life is over: a weekly one twice a day. Run twice, the second run
 *    finds nothing to do.
 * 2. The timestamp's share can be chosen up to the half of its life, at which alarms begin.
 * 3. Snapshot, targets and delegated roles, empty ones too, are due at half of their life, as long as their keys are at
 *    hand; without them they are reported, and the timestamp is refreshed all the same.
 * 4. Roots that wait for publication are left alone, as drafts are.
 * 5. The workspace is locked only where something is signed, each repository by itself.
 * 6. Regions that are behind are brought on, whether anything was due or not.
 * 7. A root that somebody else published, with keys that nobody here knows, is said each time; hosts follow it, and so the
 *    repository is kept fresh all the same.
 * 8. Nothing is signed by a clock that is known to be wrong, and nothing upon a store that shows less than was seen.
 */
import { isTidegateError, TidegateError } from '../errors.ts';
import type { KeyUnlocker } from './keys/key-context.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { clockTolerance, requireClock } from './publication/clock-check.ts';
import { type LiveRepository, readLive } from './publication/live-repository.ts';
import { planPlace } from './publication/plan-publication.ts';
import { settleInterrupted } from './publication/publish.ts';
import { publishRepository } from './publication/publish-repository.ts';
import { advanceRegions, type RegionState } from './publication/region.ts';
import type { PublishedRole } from './publication/role-plan.ts';
import type { Versions } from './publication/sign-plan.ts';
import { strangeRoot } from './publication/strange-root.ts';
import { signersOf } from './role-signers.ts';
import type { Expiration } from './workspace/expiration.ts';
import { readJournal } from './workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace, whileLocked } from './workspace/workspace.ts';
import { hasPrivateKey, openKeyRing } from './workspace/workspace-keys.ts';

export interface RefreshOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment: a machine may sleep meanwhile. Default: `now`. */
  readonly clock?: () => number;
  readonly unlock: KeyUnlocker;
  /** Sign the timestamp again even if it is not due. */
  readonly force?: boolean;
  /** Only say what is due: nothing is signed, written or locked, and `unlock` is not called. */
  readonly dryRun?: boolean;
  /** The share of its life after which the timestamp is due, up to 1/2. Default 1/14. */
  readonly timestampDueAfter?: number;
  /** Told what failed, repository by repository; the others are refreshed. Without it the first failure is thrown. */
  readonly onFailure?: (repository: string, error: TidegateError) => void;
  readonly signal?: AbortSignal;
}

export interface RefreshResult {
  readonly repository: string;
  /** `due`: would be refreshed. `unpublished`: there is nothing to refresh yet. `current`: nothing was due. */
  readonly outcome: 'refreshed' | 'due' | 'current' | 'unpublished';
  /** Those that were signed, or would be. */
  readonly roles: readonly string[];
  readonly versions: Versions | undefined;
  /** Roles that are due and whose keys are not here. */
  readonly waiting: readonly string[];
  /** How far the other regions are; none where nothing was to be done. */
  readonly regions?: readonly RegionState[];
  /** What is strange about the last root: a person must look. */
  readonly strangeRoot?: string;
}

/** The share of its life after which a role is due. */
const dueAfter: Readonly<Record<PublishedRole, number>> = {
  targets: 1 / 2,
  snapshot: 1 / 2,
  timestamp: 1 / 14,
};

/** Roles that should be signed again. Pure. */
export function dueRoles(
  { published }: Pick<LiveRepository, 'published'>,
  expiration: Expiration,
  now: number,
  timestampDueAfter = dueAfter.timestamp,
): ReadonlySet<string> {
  const shares = { ...dueAfter, timestamp: timestampDueAfter };
  const due = new Set<string>();
  if (published === undefined) return due;
  for (const [role, { document }] of published.delegated) {
    if (document.expires - now <= expiration.targets * (1 - shares.targets)) due.add(role);
  }
  for (const role of ['targets', 'snapshot', 'timestamp'] as const) {
    const remaining = published[role].expires - now;
    const lapses = remaining <= expiration[role] * (1 - shares[role]);
    const outlives = role !== 'targets' && remaining > expiration[role] + clockTolerance;
    if (lapses || outlives) due.add(role);
  }
  return due;
}

/**
 * Refreshes every repository of a workspace.
 *
 * @throws signatures-missing when the keys of the timestamp are not at hand, clock-behind, clock-skewed, rollback, locked,
 *   cancelled, and what key files and `trust/` throw. Repositories before the one that failed are refreshed.
 */
export async function refreshRepositories(
  workspace: Workspace,
  options: RefreshOptions,
): Promise<readonly RefreshResult[]> {
  const ring = openKeyRing(workspace, options.unlock, options.signal);
  const results: RefreshResult[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    try {
      const result = await refreshPlace(workspace, place, { ...options, ring });
      results.push(await withRegions(workspace, place, result, options));
    } catch (error) {
      if (options.onFailure === undefined || !isTidegateError(error)) throw error;
      if (error.code === 'cancelled') throw error;
      options.onFailure(place.name, error);
    }
  }
  return results;
}

/** Regions follow, also one that was down when the last publication came. */
async function withRegions(
  workspace: Workspace,
  place: RepositoryPlace,
  result: RefreshResult,
  { now, clock, dryRun = false, signal }: RefreshOptions,
): Promise<RefreshResult> {
  if (workspace.regions.length === 0 || dryRun) return result;
  const live = await readPublished(workspace, place, signal);
  const regions = await advanceRegions(workspace, live, {
    now,
    ...(clock && { clock }),
    ...(signal && { signal }),
  });
  return { ...result, regions };
}

type RefreshRun = RefreshOptions & { readonly ring: KeyRing };

async function refreshPlace(
  workspace: Workspace,
  place: RepositoryPlace,
  run: RefreshRun,
): Promise<RefreshResult> {
  await requireClock(workspace, place.name, run);
  const journal = await readJournal(workspace, place.name);
  const interrupted = journal !== undefined && !journal.done;
  const look = await refreshOnce(workspace, place, { ...run, dryRun: true });
  if (run.dryRun === true || (look.outcome !== 'due' && !interrupted)) return look;
  return await whileLocked(workspace, async () => {
    await settleInterrupted(workspace, place, run.now);
    return await refreshAgain(workspace, place, run);
  });
}

/** Of two jobs at once one wins; the other looks again, and finds that nothing is due any more. */
async function refreshAgain(
  workspace: Workspace,
  place: RepositoryPlace,
  run: RefreshRun,
): Promise<RefreshResult> {
  try {
    return await refreshOnce(workspace, place, run);
  } catch (error) {
    if (!isTidegateError(error, 'base-moved')) throw error;
    return await refreshOnce(workspace, place, { ...run, force: false });
  }
}

async function refreshOnce(
  workspace: Workspace,
  place: RepositoryPlace,
  run: RefreshRun,
): Promise<RefreshResult> {
  const { now, force = false } = run;
  const live = await readPublished(workspace, place, run.signal);
  const due = new Set(dueRoles(live, workspace.expiration, now, run.timestampDueAfter));
  const waiting: string[] = [];
  for (const role of due) {
    if (role === 'timestamp' || (await canSign(workspace, live, role))) continue;
    due.delete(role);
    waiting.push(role);
  }
  // What lists them has to be signed with them.
  if (!(await canSign(workspace, live, 'snapshot'))) {
    for (const role of due) if (role !== 'timestamp') due.delete(role);
  }
  const strange = strangeRoot(workspace, live);
  const result = {
    ...{ repository: place.name, roles: [], versions: undefined, waiting },
    ...(strange !== undefined && { strangeRoot: strange }),
  };
  if (live.published === undefined) return { ...result, outcome: 'unpublished' };
  if (due.size === 0 && !force) return { ...result, outcome: 'current' };
  const plan = await planPlace(workspace, live, { drafts: [], renew: due.add('timestamp'), now });
  if (plan === undefined)
    throw new TidegateError('internal', `${place.name}: a refresh that changes nothing`);
  if (run.dryRun === true) return { ...result, outcome: 'due', roles: plan.roles.map(({ role }) => role) };
  const { versions } = await publishRepository(workspace, plan, run);
  return { ...result, outcome: 'refreshed', roles: plan.roles.map(({ role }) => role), versions };
}

/**
 * A root that is signed and not published waits for whoever publishes it, as drafts do: its targets may still have to be
 * signed elsewhere, and the timestamp is due before that.
 */
async function readPublished(
  workspace: Workspace,
  place: RepositoryPlace,
  signal: AbortSignal | undefined,
): Promise<LiveRepository> {
  const live = await readLive(workspace, place, signal);
  if (live.missingRoots.length === 0 || live.published === undefined) return live;
  const { firstRoot } = workspace.settings;
  const roots = workspace.roots.filter((_, index) => !live.missingRoots.includes(firstRoot + index));
  return roots.length === 0 ? live : await readLive({ ...workspace, roots }, place, signal);
}

async function canSign(workspace: Workspace, live: LiveRepository, role: string): Promise<boolean> {
  const signers = signersOf(live, role);
  if (signers === undefined) return false;
  let atHand = 0;
  for (const id of signers.role.keyIds) {
    const name = workspace.keys.get(id)?.name;
    if (name !== undefined && (await hasPrivateKey(workspace, name))) atHand += 1;
  }
  return atHand >= signers.role.threshold;
}
