/** A change to what is published enters the workspace, checked against what is published now; it waits for publication. */
import { TidegateError } from '../../errors.ts';
import { requireMigrations } from '../../waves/migration-rules.ts';
import { type Release, releaseKey, releaseName } from '../../waves/release.ts';
import { setMigrations } from '../../waves/releases.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import { type Violation, violationsOf } from '../publication/publication-policy.ts';
import { baseOf, isSteered, type PlannedSteering, planSteering } from '../publication/steering-plan.ts';
import { readWavePolicy, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import {
  isSteeringOf,
  readSteering,
  removeSteering,
  type Steering,
  steeringName,
  writeSteering,
} from './steering-draft.ts';

/** A change as it is asked for: what it is made for is found here. */
export type Wish = Steering extends infer Change
  ? Change extends unknown
    ? Omit<Change, 'base'>
    : never
  : never;

export interface SteerRun {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Check, but write nothing. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** A change, and what it breaks of tidegate.toml: to publish it, somebody has to answer for that. */
export interface SteeringPlan extends PlannedSteering {
  readonly violations: readonly Violation[];
}

/**
 * @returns what it would come to if it were published now
 * @throws release-invalid for a release that is not published or cannot be steered so, wave-policy-invalid, config-invalid,
 *   migration-missing
 */
export async function steerRelease(workspace: Workspace, wish: Wish, run: SteerRun): Promise<SteeringPlan> {
  const live = await readLive(workspace, placeFor(workspace, wish), run.signal);
  const change = { ...wish, ...('version' in wish && { base: baseOf(published(live, wish)) }) } as Steering;
  const name = 'policy' in change ? change.policy : undefined;
  const policy = name === undefined ? {} : { policy: await readWavePolicy(workspace, name) };
  const { manifest } = live;
  if (isSteered(change, manifest)) {
    const text = `${steeringName(change)}: it is so already: ${stateText(change)}`;
    throw new TidegateError('release-invalid', text);
  }
  const at = run.now;
  const after = planSteering({ manifest, steering: [{ change, ...policy }], at });
  const [planned] = after.steered;
  if (planned === undefined) throw new TidegateError('internal', 'a change was planned and is not there');
  // Which programs will be targets is known when it is planned.
  if (change.kind === 'migrations') requireMigrations(setMigrations(manifest, change.migrations), () => true);
  if (run.dryRun !== true) await whileLocked(workspace, () => writeSteering(workspace, change));
  const violations = violationsOf(workspace.settings, [{ ...after, drafts: [], releases: [], at }]);
  return { ...planned, violations };
}

/** Takes the change back that waits for a release or fleet, or only says which. @throws release-invalid when none does */
export async function dropSteering(
  workspace: Workspace,
  name: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Steering> {
  return await whileLocked(workspace, async () => {
    const waiting = await readSteering(workspace);
    const change = waiting.find((one) => steeringName(one) === name);
    if (change !== undefined) {
      if (!dryRun) await removeSteering(workspace, change);
      return change;
    }
    const known = waiting.map(steeringName).join(', ') || 'none';
    throw new TidegateError('release-invalid', `${name}: no change waits; those that do: ${known}`);
  });
}

function placeFor({ settings }: Workspace, wish: Wish) {
  const places = repositoriesOf(settings);
  const place = places.find((one) => isSteeringOf(one, wish as Steering));
  if (place !== undefined) return place;
  const name = wish.kind === 'migrations' ? `repository ${wish.repository}` : `${wish.variant} ${wish.arch}`;
  throw new TidegateError('release-invalid', `${name} is not in tidegate.toml`);
}

function published(
  { manifest }: LiveRepository,
  id: { readonly variant: string; readonly arch: string; readonly version: string },
): Release {
  const key = releaseKey(id);
  const release = manifest.updates.find((one) => releaseKey(one) === key);
  if (release !== undefined) return release;
  const withdrawn = manifest.withdrawn?.some((one) => releaseKey(one) === key) === true;
  const text = `release ${releaseName(id)} is ${withdrawn ? 'withdrawn already' : 'not published (see tidegate waves show)'}`;
  throw new TidegateError('release-invalid', text, { release: releaseName(id) });
}

function stateText(change: Steering): string {
  if (change.kind === 'pause') return 'paused';
  if (change.kind === 'resume') return 'under way';
  if (change.kind === 'barrier') return change.on ? 'a barrier' : 'no barrier';
  return change.kind === 'max-version' ? `highest version ${change.maxVersion}` : 'the same';
}
