/** Plans for the repositories of a workspace: reads what planning needs, decides nothing itself. */

import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { jsonOf } from '../../metadata/json-writer.ts';
import { targetName } from '../../metadata/repository-layout.ts';
import { scheduleOf } from '../../waves/wave-policy.ts';
import { type Draft, readDrafts } from '../release/draft.ts';
import { isSteeringOf, readSteering, type Steering } from '../release/steering-draft.ts';
import { readTargetDrafts, type TargetDraft } from '../release/target-draft.ts';
import type { OverrideWish } from '../workspace/accept-weaknesses.ts';
import type { DelegationSetting } from '../workspace/delegation-settings.ts';
import { type Override, readOverrides } from '../workspace/overrides.ts';
import { readJournal } from '../workspace/state-file.ts';
import {
  type RepositoryPlace,
  readWavePolicy,
  repositoriesOf,
  requireNamedWaves,
  type Workspace,
} from '../workspace/workspace.ts';
import { hasPrivateKey } from '../workspace/workspace-keys.ts';
import { violationsAccepted } from './accept-violations.ts';
import { clockBehind, clockTolerance } from './clock-check.ts';
import { stopsAll } from './failed-repositories.ts';
import { type LiveRepository, readLive } from './live-repository.ts';
import { planRepository, type RepositoryPlan } from './plan.ts';
import { planWarnings, rootWarnings, storeWarnings } from './plan-warnings.ts';
import { changesOf, type PlannedChange } from './planned-change.ts';
import { type PolicyFacts, type Violation, violationsOf } from './publication-policy.ts';
import type { ScheduledDraft } from './release-plan.ts';
import type { PlannedRole, SignedRole } from './role-plan.ts';
import type { ScheduledSteering } from './steering-plan.ts';

export interface PlanOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Files that were signed elsewhere, by role, for each repository by the name of its place. */
  readonly signed?: ReadonlyMap<string, ReadonlyMap<string, SignedRole>>;
  /** From when waves count that shall begin when they are published, in milliseconds. Default: `now`. */
  readonly wavesFrom?: number | undefined;
  /** What a person accepts though it breaks [policy]. */
  readonly override?: OverrideWish | undefined;
  readonly signal?: AbortSignal;
}

/** One signature set that is needed. */
export interface PlannedSignature extends Omit<PlannedRole, 'keys'> {
  readonly repository: string;
  readonly threshold: number;
  /** Those of `keyNames` whose private half lies in the workspace. */
  readonly atHand: readonly string[];
}

export interface PlannedUpload {
  /** In the store. */
  readonly name: string;
  readonly length: number;
  readonly sha256: string;
  /** True when a file of this length is there already: an interrupted publication put it there. */
  readonly present: boolean;
}

export interface Plan {
  /** SHA-256 of `json`. */
  readonly id: string;
  /** Canonical JSON: all that the publication will say. */
  readonly json: string;
  /** Repositories that change; empty when there is nothing to do. */
  readonly repositories: readonly RepositoryPlan[];
  readonly changes: readonly PlannedChange[];
  readonly signatures: readonly PlannedSignature[];
  readonly uploads: readonly PlannedUpload[];
  /** Sentences for people: what expires soon, what opens late. */
  readonly warnings: readonly string[];
  /** What it breaks of [policy]; one that nobody has accepted stops the publication. */
  readonly violations: readonly Violation[];
  /** Those that count for it, recorded or not. */
  readonly overrides: readonly Override[];
  /** What was accepted for it and is not recorded yet. */
  readonly newOverrides: readonly Override[];
}

/**
 * What publishing would do now. Writes nothing, asks for no passphrase.
 *
 * @throws rollback when the store shows less than was seen, clock-behind, name-taken, release-invalid, and what reading
 *   the store throws
 */
export async function planPublication(
  workspace: Workspace,
  { now, signed, wavesFrom, override, signal }: PlanOptions,
): Promise<Plan> {
  const repositories: RepositoryPlan[] = [];
  const warnings = [...rootWarnings(workspace), ...storeWarnings(workspace)];
  const facts: PolicyFacts[] = [];
  const places = repositoriesOf(workspace.settings);
  for (const place of places) {
    const stops = (error: unknown, drafts?: readonly Draft[]): never => {
      throw stopsAll(error, { place, ...(drafts && { drafts }) }, places.length);
    };
    const live = await readLive(workspace, place, signal).catch((error: unknown) => stops(error));
    const waiting = await waitingFor(workspace, place);
    const own = signed?.get(place.name) ?? new Map();
    const request = { ...waiting, renew: new Set<string>(), signed: own, now, wavesFrom };
    const planning = planPlace(workspace, live, request);
    const plan = await planning.catch((error: unknown) => stops(error, waiting.drafts));
    warnings.push(...planWarnings(live, plan, now));
    const { releases = [], steered = [], manifest = live.manifest, steeredAt = now } = plan ?? {};
    // What was approved or signed earlier reaches hosts now, with all of its waves that are past.
    const at = Math.max(steeredAt, now);
    facts.push({ drafts: waiting.drafts, releases, steered, published: live.manifest, manifest, at });
    if (plan !== undefined) repositories.push(plan);
  }
  if (facts.some(({ releases, steered }) => releases.length + steered.length > 0))
    await requireNamedWaves(workspace);
  const violations = violationsOf(workspace.settings, facts);
  const recorded = await readOverrides(workspace.fileSystem, workspace.directory);
  const newOverrides = violationsAccepted(violations, recorded, override);
  const overrides = [...recorded, ...newOverrides];
  const kept = { warnings, violations, overrides, newOverrides };
  return await planOf(workspace, repositories, kept);
}

/** What waits for publication. */
export interface Waiting {
  readonly drafts: readonly Draft[];
  /** Default: none. */
  readonly targets?: readonly TargetDraft[];
  /** Changes to releases that are published. Default: none. */
  readonly steering?: readonly Steering[];
  /** Default: delegations stay as they are published. */
  readonly delegations?: readonly DelegationSetting[] | undefined;
}

export interface PlacePlan extends Waiting {
  readonly renew: ReadonlySet<string>;
  /** Files that were signed elsewhere, by role. */
  readonly signed?: ReadonlyMap<string, SignedRole>;
  readonly now: number;
  readonly wavesFrom?: number | undefined;
}

/** What waits for one repository of a workspace. */
export async function waitingFor(workspace: Workspace, place: RepositoryPlace): Promise<Waiting> {
  const drafts = await readDrafts(workspace);
  const targets = await readTargetDrafts(workspace);
  const steering = await readSteering(workspace);
  return {
    drafts: drafts.filter((draft) => servedBy(place, draft)),
    targets: targets.filter(({ repository }) => repository === place.name),
    steering: steering.filter((change) => isSteeringOf(place, change)),
    delegations: workspace.settings.delegations,
  };
}

/**
 * The plan of one repository. One that was interrupted, and that nothing has overtaken, is taken up again at its own
 * time, so that what was signed then can be published.
 */
export async function planPlace(
  workspace: Workspace,
  live: LiveRepository,
  request: PlacePlan,
): Promise<RepositoryPlan | undefined> {
  const journal = await readJournal(workspace, live.place.name);
  if (journal === undefined) return await planAt(workspace, live, request);
  if (request.now < journal.now - clockTolerance) throw clockBehind(request.now, journal.now);
  const age = request.now - journal.now;
  if (!journal.done && age < workspace.expiration.timestamp / 2) {
    const earlier = await planAt(workspace, live, { ...request, now: journal.now });
    if (earlier?.digest === journal.plan) return earlier;
  }
  return await planAt(workspace, live, request);
}

export async function planAt(
  workspace: Workspace,
  live: LiveRepository,
  { drafts, targets = [], steering = [], delegations, renew, signed = new Map(), now, wavesFrom }: PlacePlan,
): Promise<RepositoryPlan | undefined> {
  // Waves that begin when they are published begin when the list of releases was signed.
  const planned = signed.get('targets')?.plannedAt ?? wavesFrom ?? now;
  const scheduled: ScheduledDraft[] = [];
  for (const draft of drafts)
    scheduled.push({ draft, schedule: await scheduleFor(workspace, draft, planned) });
  const { settings, expiration, keys: names } = workspace;
  return planRepository({
    repository: settings.name,
    live,
    drafts: scheduled,
    steering: await scheduledSteering(workspace, steering),
    steeredAt: planned,
    targets,
    delegations,
    expiration,
    names,
    renew,
    signed,
    now,
    wavesFrom,
  });
}

export function servedBy(place: RepositoryPlace, draft: Pick<Draft, 'variant' | 'arch'>): boolean {
  return place.fleets.some(({ variant, arch }) => variant === draft.variant && arch === draft.arch);
}

async function scheduleFor(
  workspace: Workspace,
  draft: Draft,
  now: number,
): Promise<ScheduledDraft['schedule']> {
  if (draft.wavePolicy === undefined) return { waves: new Map(), opened: now };
  return scheduleOf(await readWavePolicy(workspace, draft.wavePolicy), draft.startTime ?? now);
}

async function scheduledSteering(
  workspace: Workspace,
  steering: readonly Steering[],
): Promise<readonly ScheduledSteering[]> {
  const scheduled: ScheduledSteering[] = [];
  for (const change of steering) {
    const name = 'policy' in change ? change.policy : undefined;
    const policy = name === undefined ? {} : { policy: await readWavePolicy(workspace, name) };
    scheduled.push({ change, ...policy });
  }
  return scheduled;
}

async function planOf(
  workspace: Workspace,
  repositories: readonly RepositoryPlan[],
  kept: Pick<Plan, 'warnings' | 'violations' | 'overrides' | 'newOverrides'>,
): Promise<Plan> {
  const json = canonicalBytes(
    jsonOf({ tidegate_plan: 1, repositories: repositories.map((plan) => plan.json) }),
  );
  return {
    id: digestOf('sha256', json),
    json: new TextDecoder().decode(json),
    repositories,
    changes: repositories.flatMap(changesOf),
    signatures: await signaturesOf(workspace, repositories),
    uploads: await uploadsOf(workspace, repositories),
    ...kept,
  };
}

async function signaturesOf(
  workspace: Workspace,
  repositories: readonly RepositoryPlan[],
): Promise<readonly PlannedSignature[]> {
  const signatures: PlannedSignature[] = [];
  for (const { live, roles } of repositories) {
    for (const { keys, ...role } of roles) {
      const atHand: string[] = [];
      for (const name of role.keyNames) {
        if (await hasPrivateKey(workspace, name)) atHand.push(name);
      }
      signatures.push({ ...role, repository: live.place.name, threshold: keys.threshold, atHand });
    }
  }
  return signatures;
}

/** Shared targets are uploaded once, whichever repositories list them. */
async function uploadsOf(
  { store }: Workspace,
  repositories: readonly RepositoryPlan[],
): Promise<readonly PlannedUpload[]> {
  const uploads = new Map<string, PlannedUpload>();
  for (const { live, added } of repositories) {
    for (const { target, length, sha256 } of added) {
      const name = targetName(live.place.folders, target, sha256);
      const present = (await store.stat(name))?.length === length;
      uploads.set(name, { name, length, sha256, present });
    }
  }
  return [...uploads.values()];
}
