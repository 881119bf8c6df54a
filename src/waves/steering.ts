/**
 * Steering a release that is under way. Each takes a manifest and gives a new one, for readers that know nothing of
 * steering: what is said here is said by the waves themselves, which updog reads, too.
 *
 * 1. In both spreads the open seeds are the lowest ones. A pause closes all seeds above the highest open one by a wave
 *    that begins in ten years; whoever is open stays open. `everyone` closes these, too (but seed 0 of updog, which
 *    no wave can close), also in a pause that is under way. The plan that it interrupts is kept beside it.
 * 2. To resume is to move that whole plan by the length of the pause: what was open is open, and the next seed opens
 *    after the time that was left when it was paused. Exact in both spreads, since both keep their shape when moved.
 * 3. To accelerate by a factor is to bring every moment of the plan nearer to now; by a policy, to enter that policy at
 *    the point where it has as many seeds open as are open now. Neither closes a seed that is open, and neither may
 *    end later than the plan before.
 * 4. To withdraw is to strike the release from the list and to remember it, so that it does not come back by mistake.
 *    Hosts that run it stay, unless they are called back: then max_version goes down to a release that is left, and
 *    they follow as that one's waves open. A barrier stays as long as there is something above it.
 * 5. Times of a manifest are whole seconds. What is computed is rounded to the earlier one: nothing open closes.
 *
 * All throw release-invalid.
 */
import { type FleetName, isSameFleet } from '../metadata/repository-layout.ts';
import type { HostGroup, Manifest, Pause, Release, ReleaseId, WaveSchedule } from './release.ts';
import { releaseKey, spreadOf } from './release.ts';
import {
  inSpread,
  releaseInvalid,
  removeRelease,
  requireRelease,
  setMaxVersion,
  setWaves,
} from './releases.ts';
import { MAX_SEED } from './seed.ts';
import { completeAt, openPlaces, turnOf } from './turn.ts';
import { compareVersions, parseVersion } from './version.ts';
import type { Waves } from './wave.ts';
import { scheduleOf, type WavePolicy } from './wave-policy.ts';
import { formatTime } from './wave-time.ts';

const second = 1000;
/** Far enough, and near enough that updog can count with it. */
const endOfPause = 3653 * 24 * 3_600_000;

export interface PauseOptions {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Close hosts whose turn has come, too. */
  readonly everyone?: boolean;
}

export function pauseRelease(manifest: Manifest, id: ReleaseId, options: PauseOptions): Manifest {
  const release = requireRelease(manifest, id);
  const at = wholeSecond(options.at);
  const everyone = options.everyone === true;
  if (release.pause !== undefined && (!everyone || isPausedForAll(release))) {
    throw releaseInvalid(id, `found it paused since ${formatTime(release.pause.at)}, expected it under way`);
  }
  requireHeldBack(release, at, everyone);
  const { waves, lastWaveEnds, groups } = release;
  const plan = { waves, ...(lastWaveEnds !== undefined && { lastWaveEnds }), ...withGroups(groups) };
  const pause: Pause = release.pause ?? { at, ...plan };
  const until = at + endOfPause;
  const open = everyone ? 0 : openPlaces(release, at);
  const held = groups?.map((group) => (everyone || group.opens > at ? { ...group, opens: until } : group));
  const schedule = { waves: heldWaves(waves, open, at, until), ...withGroups(held) };
  return changed(manifest, id, { ...schedule, ...spreadIn(release) }, pause);
}

/** Whether the pause of a release closes those, too, whose turn had come. */
export function isPausedForAll(release: Release): boolean {
  const { pause, groups = [] } = release;
  return (
    pause !== undefined &&
    openPlaces(release, pause.at) === 0 &&
    groups.every(({ opens }) => opens > pause.at)
  );
}

function requireHeldBack(release: Release, at: number, everyone: boolean): void {
  if (release.waves.size === 0)
    throw releaseInvalid(release, 'found no waves: it is open to every host, and can only be withdrawn');
  if (everyone || Number(completeAt(release)) > at) return;
  const expected = 'some to hold back; pause everyone, or withdraw it';
  throw releaseInvalid(release, `found every host open already, expected ${expected}`);
}

/** Waves in which the lowest `open` places are open at `at` and all others close until `until`. */
function heldWaves(waves: Waves, open: number, at: number, until: number): Waves {
  if (open >= MAX_SEED) return waves;
  if (open === 0) return new Map([[0, until]]);
  const highest = open - 1;
  const earlier = [...waves].filter(([seed, time]) => seed < highest && time < at);
  // Waves of another tool may begin above seed 0, where all below is open.
  const first: (readonly [number, number])[] = earlier.length === 0 && highest > 0 ? [[0, at - second]] : [];
  return new Map([...first, ...earlier, [highest, at], [open, until]]);
}

export function resumeRelease(manifest: Manifest, id: ReleaseId, now: number): Manifest {
  const { pause, ...release } = requireRelease(manifest, id);
  if (pause === undefined) throw releaseInvalid(id, 'found it under way, expected it to be paused');
  const shift = Math.max(0, wholeSecond(now) - pause.at);
  return changed(
    manifest,
    id,
    moved({ ...pause, ...spreadIn(release) }, (time) => time + shift),
  );
}

/** Exactly one of `factor` and `policy`. */
export interface AccelerateOptions {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How many times as fast: above 1. */
  readonly factor?: number;
  readonly policy?: WavePolicy;
}

export function accelerateRelease(manifest: Manifest, id: ReleaseId, options: AccelerateOptions): Manifest {
  const release = requireRelease(manifest, id);
  if (release.pause !== undefined)
    throw releaseInvalid(id, 'found it paused, expected it to be resumed first');
  const end = completeAt(release);
  if (end === 'always' || end <= options.at)
    throw releaseInvalid(id, 'found every host open already, expected some to wait');
  const open = openPlaces(release, options.at);
  const { at, factor, policy } = options;
  const faster = policy === undefined ? contracted(release, at, factor) : entered(release, policy, at, open);
  const newEnd = Number(completeAt(faster));
  if (newEnd > end) {
    const text = `found its last host at ${formatTime(newEnd)}, expected no later than now planned, ${formatTime(end)}`;
    throw releaseInvalid(id, text);
  }
  return changed(manifest, id, faster);
}

function contracted(release: Release, at: number, factor = Number.NaN): WaveSchedule {
  if (!(factor > 1 && factor <= 1000))
    throw releaseInvalid(release, `factor: found ${factor}, expected above 1 and up to 1000`);
  const near = (time: number): number => wholeSecond(at + (time - at) / factor);
  const schedule = moved(release, near);
  return { ...schedule, waves: rising(schedule.waves) };
}

/** Waves that fell into one second are a second apart, the earlier ones earlier. */
function rising(waves: Waves): Waves {
  let next = Number.POSITIVE_INFINITY;
  const entries = [...waves].sort(([a], [b]) => b - a);
  const apart = entries.map(([seed, time]): [number, number] => {
    next = Math.min(time, next - second);
    return [seed, next];
  });
  return new Map(apart.reverse());
}

/** A policy, entered where it has `open` places open. */
function entered(release: Release, policy: WavePolicy, at: number, open: number): WaveSchedule {
  const start = wholeSecond(at);
  const fresh = inSpread(scheduleOf(policy, start), spreadOf(release));
  const groups = earlierGroups(fresh.groups, release.groups, at);
  if (open === 0) return { ...fresh, ...groups };
  const reached = turnOf(fresh, { seed: open - 1 });
  const ahead = reached === 'always' ? 0 : Math.max(0, Math.ceil((reached - start) / second) * second);
  return { ...moved(fresh, (time) => time - ahead), ...groups };
}

/** Groups that are open stay so; the others come when the policy says. */
function earlierGroups(
  fresh: readonly HostGroup[] | undefined,
  present: readonly HostGroup[] | undefined,
  at: number,
): { readonly groups?: readonly HostGroup[] } {
  const open = present?.filter(({ opens }) => opens <= at) ?? [];
  const groups = [...open, ...(fresh ?? [])];
  return groups.length === 0 ? {} : { groups };
}

export interface WithdrawOptions {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason?: string;
  /** Hosts above this version go down to it: a version, or the highest that is left. */
  readonly callBack?: string | 'highest';
}

export function withdrawRelease(manifest: Manifest, id: ReleaseId, options: WithdrawOptions): Manifest {
  const release = requireRelease(manifest, id);
  const { variant, arch, version } = release;
  requireNobodyBeyond(manifest, release);
  const { reason, callBack } = options;
  const withdrawal = { variant, arch, version, at: wholeSecond(options.at), ...(reason && { reason }) };
  const rest = {
    ...removeRelease(manifest, id),
    withdrawn: [...(manifest.withdrawn ?? []), withdrawal],
  };
  return callBack === undefined ? rest : calledBack(rest, release, callBack);
}

/** Without its barrier a release above it would be open to hosts that must not jump to it. */
function requireNobodyBeyond(manifest: Manifest, barrier: Release): void {
  if (barrier.barrier !== true) return;
  const beyond = releasesOf(manifest, barrier).filter((version) => isAbove(version, barrier.version));
  if (beyond.length === 0) return;
  const text = `found it a barrier below ${beyond.join(', ')}, expected nothing that hosts would jump to: withdraw that first, or pause this one, or say that it is none (tidegate waves barrier --off)`;
  throw releaseInvalid(barrier, text);
}

function isAbove(version: string, other: string): boolean {
  return compareVersions(parseVersion(version, 'version'), parseVersion(other, 'version')) > 0;
}

/** Versions of a fleet, highest first. */
function releasesOf(manifest: Manifest, fleet: FleetName): readonly string[] {
  return manifest.updates
    .filter((release) => isSameFleet(release, fleet))
    .map(({ version }) => version)
    .sort((a, b) => compareVersions(parseVersion(b, 'version'), parseVersion(a, 'version')));
}

/** Never up: what is above the highest version was called back itself. */
function calledBack(manifest: Manifest, { maxVersion: highest, ...id }: Release, callBack: string): Manifest {
  const left = releasesOf(manifest, id).filter((version) => !isAbove(version, highest));
  const goal = callBack === 'highest' ? left[0] : left.find((version) => version === callBack);
  if (goal === undefined) {
    const found = left.length === 0 ? `no release is left up to ${highest}` : `found ${left.join(', ')}`;
    throw releaseInvalid(id, `call back to ${callBack}: ${found}, expected a release to go down to`);
  }
  return setMaxVersion(manifest, id, goal);
}

function moved(plan: WaveSchedule, move: (time: number) => number): WaveSchedule {
  const { lastWaveEnds, groups } = plan;
  return {
    waves: new Map([...plan.waves].map(([seed, time]) => [seed, move(time)])),
    ...(lastWaveEnds !== undefined && { lastWaveEnds: move(lastWaveEnds) }),
    ...withGroups(groups?.map((group) => ({ ...group, opens: move(group.opens) }))),
    ...spreadIn(plan),
  };
}

function changed(manifest: Manifest, id: ReleaseId, schedule: WaveSchedule, pause?: Pause): Manifest {
  const done = setWaves(manifest, id, schedule);
  if (pause === undefined) return done;
  const key = releaseKey(id);
  const updates = done.updates.map((one) => (releaseKey(one) === key ? { ...one, pause } : one));
  return { ...done, updates };
}

/** A release that states no spread has to say how it is read once it is written anew. */
function spreadIn(release: Pick<WaveSchedule, 'spread'>): Pick<WaveSchedule, 'spread'> {
  return { spread: spreadOf(release) };
}

function withGroups(groups: readonly HostGroup[] | undefined): { readonly groups?: readonly HostGroup[] } {
  return groups === undefined ? {} : { groups };
}

function wholeSecond(time: number): number {
  return Math.floor(time / second) * second;
}
