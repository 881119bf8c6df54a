/**
 * One stage of a job, as far as it goes: tidegate.toml says what is wished, a root that says the same is asked for and
 * taken in, and what it makes necessary is signed and published. What is done already is found done, so that a stage can
 * be carried out again after any accident.
 */

import { isTidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import { parseRoot } from '../../metadata/root.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { proposeRoot } from '../ceremony/propose-root.ts';
import { collectRequests } from '../ceremony/request-folder.ts';
import { takeRequests } from '../ceremony/take-requests.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { requireClock } from '../publication/clock-check.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import type { RepositoryPlan } from '../publication/plan.ts';
import type { PlacePlan } from '../publication/plan-publication.ts';
import { settleInterrupted } from '../publication/publish.ts';
import { publishRepository, type RepositoryResult } from '../publication/publish-repository.ts';
import { roleKeyNames, withRoleKeys } from '../workspace/role-edit.ts';
import { chainOf, rootDifferences } from '../workspace/roots.ts';
import {
  openWorkspace,
  type RepositoryPlace,
  repositoriesOf,
  type Workspace,
  whileLocked,
} from '../workspace/workspace.ts';
import { openKeyRing } from '../workspace/workspace-keys.ts';
import type { Job } from './job.ts';
import { editSettings } from './new-keys.ts';
import { requireOwnRoots } from './own-roots.ts';
import { recoveryOf } from './recovery.ts';
import { planWithSigned, requestMissing, type WaitingRequest, waitingRequest } from './role-requests.ts';
import { needsRoot, type Stage, wishOf } from './stages.ts';

export interface JobRun {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment: a machine may sleep meanwhile. Default: `now`. */
  readonly clock?: () => number;
  readonly unlock: KeyUnlocker;
  /** Requests that came back, beside those in the workspace. */
  readonly files?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface StageRun extends JobRun {
  /** Told of what new keys are about to replace, each time that it is read anew: it stays what is replaced, or nothing is. */
  readonly beforeSwitch?: (live: LiveRepository) => Promise<void>;
}

export interface StageOutcome {
  /** With tidegate.toml and roots as they are now. */
  readonly workspace: Workspace;
  /** Requests that people have to sign first; none: the stage is carried out. */
  readonly waiting: readonly WaitingRequest[];
  readonly published: readonly RepositoryResult[];
}

/** @throws what `acceptRoots` and `publish` throw; base-moved is tried again once */
export async function carryOut(
  start: Workspace,
  job: Job,
  stage: Stage,
  run: StageRun,
): Promise<StageOutcome> {
  const wished = await withWish(start, job, stage);
  const { workspace, waiting } = needsRoot(stage)
    ? await withRoot(wished, run)
    : { workspace: wished, waiting: [] };
  if (waiting.length > 0) return { workspace, waiting, published: [] };
  const requests: WaitingRequest[] = [];
  const published: RepositoryResult[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const outcome = await publishPlace(workspace, place, { ...run, job, stage });
    if (isRequests(outcome)) requests.push(...outcome);
    else published.push(outcome);
  }
  return { workspace, waiting: requests, published };
}

/** tidegate.toml says what the stage wants of the roles of the job; everything else in it stays. */
async function withWish(workspace: Workspace, job: Job, stage: Stage): Promise<Workspace> {
  const wish = wishOf(job, stage);
  const isWished = [...wish].every(
    ([role, names]) => String(roleKeyNames(workspace.settings, role)) === String(names),
  );
  if (isWished) return workspace;
  await whileLocked(workspace, () =>
    editSettings(workspace, (text) =>
      [...wish].reduce((sum, [role, names]) => withRoleKeys(sum, role, names), text),
    ),
  );
  return await reopened(workspace);
}

/** As its files say now, with the store that was opened. */
export async function reopened({ directory, fileSystem, store }: Workspace): Promise<Workspace> {
  return await openWorkspace(directory, { fileSystem, store });
}

async function withRoot(
  start: Workspace,
  { now, files = [], signal }: JobRun,
): Promise<Pick<StageOutcome, 'workspace' | 'waiting'>> {
  const options = { now, rootsOnly: true, ...(signal && { signal }) };
  await requireOwnRoots(start, 'allowed', signal);
  const { workspace } = await takeRequests(start, files, options);
  await requireOwnRoots(workspace, 'refused', signal);
  if (!differs(workspace)) return { workspace, waiting: [] };
  const open = await openRootRequest(workspace);
  if (open !== undefined) return { workspace, waiting: [open] };
  const { request, path } = await proposeRoot(workspace, { now });
  return { workspace, waiting: [waitingRequest(workspace, request, path)] };
}

/** True when the root in force says something else than tidegate.toml. */
function differs({ roots, settings, keys }: Workspace): boolean {
  return rootDifferences(chainOf(roots, 'roots').root.document, settings, keys).length > 0;
}

/** A request for the next root that says what is wished. */
async function openRootRequest(workspace: Workspace): Promise<WaitingRequest | undefined> {
  const { settings, keys, roots } = workspace;
  const next = chainOf(roots, 'roots').root.document.version + 1;
  for (const { request, paths } of await collectRequests(workspace)) {
    const [path] = paths;
    if (request.role !== 'root' || request.version !== next || path === undefined) continue;
    const envelope = { file: path, signed: request.document, canonical: request.payload, signatures: [] };
    const document = parseRoot(envelope, defaultLimits);
    if (rootDifferences(document, settings, keys).length === 0)
      return waitingRequest(workspace, request, path);
  }
  return undefined;
}

type PlaceRun = StageRun & { readonly job: Job; readonly stage: Stage };
type PlaceOutcome = RepositoryResult | readonly WaitingRequest[];

function isRequests(outcome: PlaceOutcome): outcome is readonly WaitingRequest[] {
  return Array.isArray(outcome);
}

async function publishPlace(
  workspace: Workspace,
  place: RepositoryPlace,
  run: PlaceRun,
): Promise<PlaceOutcome> {
  const { now, clock, signal, unlock } = run;
  await requireClock(workspace, place.name, { now, ...(signal && { signal }) });
  if (run.job.honest === undefined)
    await whileLocked(workspace, () => settleInterrupted(workspace, place, now));
  const plan = await planPlaceOf(workspace, place, run);
  if (plan === undefined) return [];
  const waiting = await requestMissing(workspace, plan, now, signal);
  if (waiting.length > 0) return waiting;
  const ring = openKeyRing(workspace, unlock, signal);
  const publishNow = () =>
    whileLocked(workspace, async () => {
      const again = await planPlaceOf(workspace, place, run);
      if (again === undefined) return [];
      if (run.stage === 'switch') await run.beforeSwitch?.(again.live);
      return await publishRepository(workspace, again, {
        ring,
        now,
        ...(clock && { clock }),
        ...(signal && { signal }),
      });
    });
  try {
    return await publishNow();
  } catch (error) {
    // Who refreshes meanwhile may have been faster.
    if (!isTidegateError(error, 'base-moved')) throw error;
    return await publishNow();
  }
}

async function planPlaceOf(
  workspace: Workspace,
  place: RepositoryPlace,
  run: PlaceRun,
): Promise<RepositoryPlan | undefined> {
  const { live, wanted } = await baseOf(workspace, place, run);
  if (live?.published === undefined) return undefined;
  return await planWithSigned(workspace, live, wanted, run.files ?? []);
}

interface Base {
  /** undefined: there is nothing to do here. */
  readonly live: LiveRepository | undefined;
  readonly wanted: Omit<PlacePlan, 'signed'>;
}

async function baseOf(
  workspace: Workspace,
  place: RepositoryPlace,
  { job, stage, now, signal }: PlaceRun,
): Promise<Base> {
  const wanted = { drafts: [], delegations: workspace.settings.delegations, renew: new Set<string>(), now };
  if (job.honest !== undefined) return await recoveryOf(workspace, place, job, wanted);
  const live = await readLive(workspace, place, signal);
  const renew = stage === 'switch' ? new Set(job.changes.map(({ role }) => role)) : wanted.renew;
  const isSwitched = stage === 'switch' && isSignedByNew(workspace, live, job);
  return { live, wanted: { ...wanted, renew: isSwitched ? new Set() : renew } };
}

/** True when what is published of every role of a job has only signatures by keys that stay. */
export function isSignedByNew({ keys }: Workspace, { published }: LiveRepository, { changes }: Job): boolean {
  return changes.every(({ role, after }) => {
    if (!isTopLevelRole(role) || role === 'root' || published === undefined) return true;
    const { signatures } = parseEnvelope(published.bytes[role], defaultLimits, role);
    return signatures.every(({ keyId }) => after.includes(keys.get(keyId)?.name ?? ''));
  });
}
