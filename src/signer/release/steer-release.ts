/** A change to what is published enters the workspace, checked against what is published now; it waits for publication. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { type FleetName, isSameFleet } from '../../metadata/repository-layout.ts';
import { requireMigrations } from '../../waves/migration-rules.ts';
import { findRelease, findWithdrawal, requireRelease, setMigrations } from '../../waves/releases.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import { type Violation, violationsOf } from '../publication/publication-policy.ts';
import { baseOf, isSteered, type PlannedSteering, planSteering } from '../publication/steering-plan.ts';
import { severalAtOnce } from '../workspace/several-at-once.ts';
import {
  type RepositoryPlace,
  readWavePolicy,
  repositoriesOf,
  type Workspace,
  whileLocked,
} from '../workspace/workspace.ts';
import {
  fleetSteeringName,
  isSteeringOf,
  readSteering,
  releaseSteeringName,
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

/** What changes of several fleets come to. */
export interface SteeringPlans {
  readonly planned: readonly SteeringPlan[];
  /** Where there is nothing to do, and why. */
  readonly passedOver: readonly { readonly name: string; readonly why: string }[];
}

/**
 * @returns what it would come to if it were published now
 * @throws release-invalid for a release that is not published or cannot be steered so, wave-policy-invalid, config-invalid,
 *   migration-missing
 */
export async function steerRelease(workspace: Workspace, wish: Wish, run: SteerRun): Promise<SteeringPlan> {
  const { planned } = await steerReleases(workspace, [wish], run);
  const [only] = planned;
  if (only === undefined) throw new TidegateError('internal', 'a change was planned and is not there');
  return only;
}

/**
 * Several changes of one kind: all of them wait afterwards, or none.
 *
 * @param passOver leave those out where the release is not published, or is so already, as long as one is left
 * @throws as `steerRelease`; release-invalid telling of every change that is refused
 */
export async function steerReleases(
  workspace: Workspace,
  wishes: readonly Wish[],
  run: SteerRun & { readonly passOver?: boolean },
): Promise<SteeringPlans> {
  const live = await readAll(workspace, wishes, run.signal);
  const waiting = await readSteering(workspace);
  const outcomes: Outcome[] = [];
  for (const wish of wishes) {
    const repository = live.get(placeFor(workspace, wish).name);
    if (repository === undefined)
      throw new TidegateError('internal', 'a repository was read and is not there');
    outcomes.push(await outcomeOf(workspace, wish, { live: repository, waiting, at: run.now }));
  }
  const planned = outcomes.flatMap((one) => (one.kind === 'planned' ? [one.plan] : []));
  const isPassable = ({ kind }: Outcome): boolean => kind === 'nothing-to-do' && planned.length > 0;
  requireAll(outcomes.filter((one) => !(run.passOver === true && isPassable(one))));
  if (run.dryRun !== true) {
    await whileLocked(workspace, async () => {
      for (const { change } of planned) await writeSteering(workspace, change);
    });
  }
  const passedOver = outcomes.flatMap((one) =>
    one.kind === 'nothing-to-do' ? [{ name: one.name, why: one.why }] : [],
  );
  return { planned, passedOver };
}

/** The repositories that changes are for, by name, each read once. */
async function readAll(
  workspace: Workspace,
  wishes: readonly Wish[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, LiveRepository>> {
  const places = new Map(wishes.map((wish) => placeFor(workspace, wish)).map((place) => [place.name, place]));
  const live = new Map<string, LiveRepository>();
  const read = (place: RepositoryPlace) => readLive(workspace, place, signal);
  for await (const one of severalAtOnce(places.values(), read)) live.set(one.place.name, one);
  return live;
}

type Outcome =
  | { readonly kind: 'planned'; readonly plan: SteeringPlan }
  | {
      readonly kind: 'nothing-to-do';
      readonly name: string;
      readonly why: string;
      readonly error: TidegateError;
    }
  | { readonly kind: 'refused'; readonly error: TidegateError };

interface Present {
  readonly live: LiveRepository;
  /** Changes that wait. */
  readonly waiting: readonly Steering[];
  /** In milliseconds. */
  readonly at: number;
}

async function outcomeOf(workspace: Workspace, wish: Wish, { live, waiting, at }: Present): Promise<Outcome> {
  const reason = nothingToDo(live, wish);
  if (reason !== undefined) {
    const name = steeringName(wish as Steering);
    const other = waiting.find((one) => steeringName(one) === name);
    const left = other === undefined ? '' : `; a change of it waits (${other.kind}): tidegate waves drop`;
    const why = reason + left;
    const error = new TidegateError('release-invalid', `${name}: ${why}`, { release: name });
    return { kind: 'nothing-to-do', name, why, error };
  }
  try {
    return { kind: 'planned', plan: await planned(workspace, wish, live, at) };
  } catch (error) {
    if (!isTidegateError(error, 'release-invalid')) throw error;
    return { kind: 'refused', error };
  }
}

/** Why a change has nothing to change; undefined when it has. */
function nothingToDo({ manifest }: LiveRepository, wish: Wish): string | undefined {
  const change = wish as Steering;
  if ('version' in wish && findRelease(manifest, wish) === undefined) {
    const withdrawn = findWithdrawal(manifest, wish) !== undefined;
    const versions = manifest.updates.filter((one) => isSameFleet(one, wish)).map(({ version }) => version);
    const known = versions.join(', ') || 'none';
    return `it is ${withdrawn ? 'withdrawn already' : `not published; those that are: ${known}`}`;
  }
  if (wish.kind === 'max-version' && !manifest.updates.some((one) => isSameFleet(one, wish)))
    return 'it has no release';
  return isSteered(change, manifest) ? `it is so already: ${stateText(change)}` : undefined;
}

async function planned(
  workspace: Workspace,
  wish: Wish,
  { manifest }: LiveRepository,
  at: number,
): Promise<SteeringPlan> {
  const change = {
    ...wish,
    ...('version' in wish && { base: baseOf(requireRelease(manifest, wish)) }),
  } as Steering;
  const name = 'policy' in change ? change.policy : undefined;
  const policy = name === undefined ? {} : { policy: await readWavePolicy(workspace, name) };
  const after = planSteering({ manifest, steering: [{ change, ...policy }], at });
  const [steered] = after.steered;
  if (steered === undefined) throw new TidegateError('internal', 'a change was planned and is not there');
  // Which programs will be targets is known when it is planned.
  if (change.kind === 'migrations') requireMigrations(setMigrations(manifest, change.migrations), () => true);
  const facts = { ...after, drafts: [], releases: [], published: manifest, at };
  const violations = violationsOf(workspace.settings, [facts]);
  return { ...steered, violations };
}

function requireAll(outcomes: readonly Outcome[]): void {
  const errors = outcomes.flatMap((one) => (one.kind === 'planned' ? [] : [one.error]));
  const [first] = errors;
  if (first === undefined) return;
  if (outcomes.length === 1) throw first;
  const refused = new Map<string, string[]>();
  for (const { message, details } of errors) {
    const name = String(details.release ?? 'a release');
    const [reason] = message.split(`${name}: `).slice(-1);
    const key = reason ?? message;
    refused.set(key, [...(refused.get(key) ?? []), name]);
  }
  const all = Array.from(refused, ([reason, names]) => `${shownNames(names)}: ${reason}`).join('; ');
  const text = `nothing was changed, since ${errors.length} of ${outcomes.length} cannot be: ${all}`;
  const names = [...refused.values()].flat();
  throw new TidegateError('release-invalid', text, { refused: names });
}

const mostShown = 5;

function shownNames(names: readonly string[]): string {
  const more = names.length - mostShown;
  return names.slice(0, mostShown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** What to take back: the change of a release, or of the highest version of a fleet. */
export type Waiting = FleetName & { readonly version?: string };

/**
 * Takes changes back that wait, all or none, or only says which.
 *
 * @param passOver leave those out for which none waits, as long as one does
 * @throws release-invalid when none does
 */
export async function dropSteering(
  workspace: Workspace,
  asked: readonly Waiting[],
  { dryRun = false, passOver = false }: { readonly dryRun?: boolean; readonly passOver?: boolean } = {},
): Promise<readonly Steering[]> {
  return await whileLocked(workspace, async () => {
    const waiting = await readSteering(workspace);
    const names = asked.map(({ variant, arch, version }) =>
      version === undefined
        ? fleetSteeringName({ variant, arch })
        : releaseSteeringName({ variant, arch, version }),
    );
    const dropped = waiting.filter((one) => names.includes(steeringName(one)));
    const absent = names.filter((name) => !dropped.some((one) => steeringName(one) === name));
    if (absent.length > 0 && (!passOver || dropped.length === 0)) {
      const known = waiting.map(steeringName).join(', ') || 'none';
      const text = `${absent.join(', ')}: no change waits; those that do: ${known}`;
      throw new TidegateError('release-invalid', text);
    }
    if (!dryRun) for (const change of dropped) await removeSteering(workspace, change);
    return dropped;
  });
}

function placeFor({ settings }: Workspace, wish: Wish): RepositoryPlace {
  const places = repositoriesOf(settings);
  const place = places.find((one) => isSteeringOf(one, wish as Steering));
  if (place !== undefined) return place;
  const name = wish.kind === 'migrations' ? `repository ${wish.repository}` : `${wish.variant} ${wish.arch}`;
  const known = places.flatMap((one) =>
    wish.kind === 'migrations' ? [one.name] : one.fleets.map(({ variant, arch }) => `${variant} ${arch}`),
  );
  const text = `${name} is not in tidegate.toml; expected one of ${known.join(', ')}`;
  throw new TidegateError('release-invalid', text);
}

function stateText(change: Steering): string {
  if (change.kind === 'pause') return 'paused';
  if (change.kind === 'resume') return 'under way';
  if (change.kind === 'barrier') return change.on ? 'a barrier' : 'no barrier';
  return change.kind === 'max-version' ? `highest version ${change.maxVersion}` : 'the same';
}
