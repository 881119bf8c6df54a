/**
 * What a plan breaks of `[policy]` in tidegate.toml, and of `[waves] minimum_bake`. Pure.
 *
 * - `bake-time`: the first waves of two releases for the same hosts are too near to each other.
 * - `wave-bake`: two waves of one release are too near to each other (waves/bake.ts).
 * - `release-size`: the images of a release are larger together than is allowed.
 * - `required-fleets`: a version would be published for some of the hosts that must get it together, not for all.
 * - `wave-policy`: a release follows a wave policy that its variant may not, or another pace than any of them.
 *
 * A release that is published already is held against waves and bake times again when it gets other waves or is accelerated,
 * and against `wave-bake` when a higher highest version lets hosts have it again.
 * Each may be accepted by its name, on record, for just what it says. That hosts need a target, because a release or a
 * migration in the list names it, is no policy: it never goes (targets-plan.ts).
 */
import { TidegateError } from '../../errors.ts';
import { isSameFleet } from '../../metadata/repository-layout.ts';
import { formatTime } from '../../metadata/time.ts';
import { earlyWave } from '../../waves/bake.ts';
import { beginOf, type Manifest, type Release, releaseKey, releaseName } from '../../waves/release.ts';
import { offeredAgain } from '../../waves/releases.ts';
import type { Draft } from '../release/draft.ts';
import type { Accelerate, SetWaves, Steering } from '../release/steering-draft.ts';
import type { Override } from '../workspace/overrides.ts';
import { fleetText, type PublicationRules, rulesFor } from '../workspace/publication-rules.ts';
import type { PlannedSteering } from './steering-plan.ts';

export const violationNames = [
  'bake-time',
  'release-size',
  'required-fleets',
  'wave-bake',
  'wave-policy',
] as const;
export type ViolationName = (typeof violationNames)[number];

export interface Violation {
  readonly name: ViolationName;
  /** The release or version. */
  readonly place: string;
  readonly found: string;
  readonly expected: string;
}

/** One repository as it is, and what would come to it. */
export interface PolicyFacts {
  readonly drafts: readonly Draft[];
  /** As the drafts will stand in the list. */
  readonly releases: readonly Release[];
  /** Releases that are published, and get other waves or more speed. */
  readonly steered: readonly PlannedSteering[];
  /** The list as it is published. */
  readonly published: Manifest;
  /** The list as it will be. */
  readonly manifest: Manifest;
  /** When hosts come to know it, in milliseconds. */
  readonly at: number;
}

/** What tidegate.toml asks. */
export interface PolicyOfWorkspace {
  readonly rules: PublicationRules;
  /** Between two waves of one release, in milliseconds. */
  readonly minimumBake: number | undefined;
}

export function violationsOf(
  { rules, minimumBake }: PolicyOfWorkspace,
  facts: readonly PolicyFacts[],
): readonly Violation[] {
  return [
    ...facts.flatMap((one) => [
      ...one.releases.flatMap((release) => releaseViolations(rules, one, release)),
      ...one.steered.flatMap((steered) => steeringViolations(rules, steered)),
      ...bakeViolations(rules, one),
      ...(minimumBake === undefined ? [] : waveViolations(minimumBake, one)),
    ]),
    ...fleetViolations(rules, facts),
  ];
}

function releaseViolations(
  rules: PublicationRules,
  { drafts }: PolicyFacts,
  release: Release,
): readonly Violation[] {
  const { largestRelease, waves } = rulesFor(rules, release.variant);
  const draft = drafts.find((candidate) => releaseKey(candidate) === releaseKey(release));
  const place = placeOf(release);
  const found: Violation[] = [];
  const size = draft?.images.reduce((sum, { length }) => sum + length, 0) ?? 0;
  if (largestRelease !== undefined && size > largestRelease) {
    const expected = `at most ${largestRelease}`;
    found.push({ name: 'release-size', place, found: `${size} bytes of images`, expected });
  }
  const policy = draft?.wavePolicy ?? 'none';
  if (draft !== undefined && waves !== undefined && !waves.includes(policy)) {
    found.push({ name: 'wave-policy', place, found: `waves ${policy}`, expected: waves.join(' or ') });
  }
  return found;
}

/** Other waves are a policy like that of a release; those that only run faster are none of the allowed ones any more. */
function steeringViolations(
  rules: PublicationRules,
  { change, after }: PlannedSteering,
): readonly Violation[] {
  if (after === undefined || !hasOtherWaves(change)) return [];
  const { waves } = rulesFor(rules, after.variant);
  const policy = change.policy ?? 'none';
  const faster = change.kind === 'accelerate' && change.policy === undefined;
  if (waves === undefined || (!faster && waves.includes(policy))) return [];
  const found = faster ? `waves ${change.factor} times as fast` : `waves ${policy}`;
  return [{ name: 'wave-policy', place: placeOf(after), found, expected: waves.join(' or ') }];
}

function hasOtherWaves(change: Steering): change is SetWaves | Accelerate {
  return change.kind === 'set' || change.kind === 'accelerate';
}

function placeOf(release: Release): string {
  return `release ${releaseName(release)}`;
}

/** Waves that come too soon after the one before, of releases that come, come again or get other waves. */
function waveViolations(
  minimum: number,
  { releases, steered, published, manifest, at }: PolicyFacts,
): readonly Violation[] {
  const changed = steered.filter(({ change }) => hasOtherWaves(change) || change.kind === 'resume');
  const coming = [...releases, ...offeredAgain(published, manifest)];
  const added = coming.map((after) => ({ before: undefined, after }));
  return [...added, ...changed].flatMap(({ before, after }) => {
    const early = after && earlyWave({ minimum, before, after, at });
    if (after === undefined || early === undefined) return [];
    const { wave, gap } = early;
    const found = `${Math.floor(gap / 60_000)} minutes before ${wave === undefined ? 'all hosts at once' : `wave ${wave}`}`;
    const expected = `at least ${minimum / 60_000} minutes (minimum_bake)`;
    return [{ name: 'wave-bake' as const, place: placeOf(after), found, expected }];
  });
}

interface Begin {
  readonly release: Release;
  /** It is the plan that decides when. */
  readonly isChanged: boolean;
  readonly start: number;
}

/** Of two releases that come or get other waves together, the later one is told of. */
function bakeViolations(rules: PublicationRules, facts: PolicyFacts): readonly Violation[] {
  const ordered = beginsOf(facts).sort((one, other) => one.start - other.start);
  return ordered.flatMap(({ release, isChanged, start }, index) => {
    const { minimumBake } = rulesFor(rules, release.variant);
    if (!isChanged || minimumBake === undefined) return [];
    const near = ordered.findLast((other, place) => {
      if (other.release === release || !isSameFleet(other.release, release)) return false;
      const decides = place < index || !other.isChanged;
      return decides && Math.abs(other.start - start) < minimumBake;
    });
    if (near === undefined) return [];
    const found = `first wave at ${formatTime(start)}`;
    const expected =
      near.start <= start
        ? `${formatTime(near.start + minimumBake)} or later, after ${near.release.version} has baked`
        : `${formatTime(near.start - minimumBake)} or earlier, to bake before ${near.release.version}`;
    return [{ name: 'bake-time' as const, place: placeOf(release), found, expected }];
  });
}

/** When each release begins. One that has begun keeps its beginning, whatever its waves become. */
function beginsOf({ releases, steered, manifest, at }: PolicyFacts): Begin[] {
  const changes = steered.filter(({ change }) => hasOtherWaves(change));
  const earlier = new Map(
    changes.flatMap(({ before }) => (before === undefined ? [] : [[releaseKey(before), before] as const])),
  );
  const news = new Set(releases.map(releaseKey));
  return manifest.updates.flatMap((release) => {
    const before = earlier.get(releaseKey(release));
    const stays = before !== undefined && hasBegun(before, at);
    const start = beginOf(stays ? before : release);
    const isChanged = !stays && (before !== undefined || news.has(releaseKey(release)));
    if (start === undefined) return [];
    // No host knew of it earlier; and what is open was not opened later, whatever clock wrote that down.
    const isOpen = (stays ? before : release).waves.size === 0;
    const known = isOpen ? Math.min(start, at) : start;
    return [{ release, isChanged, start: isChanged ? Math.max(start, at) : known }];
  });
}

function hasBegun(release: Release, at: number): boolean {
  const start = beginOf(release);
  return release.waves.size === 0 || (start !== undefined && start <= at);
}

function fleetViolations(
  { required }: PublicationRules,
  facts: readonly PolicyFacts[],
): readonly Violation[] {
  const coming = facts.flatMap(({ releases }) => releases);
  const all = facts.flatMap(({ manifest }) => manifest.updates).map(releaseKey);
  const isRequired = (release: Release): boolean => required.some((fleet) => isSameFleet(fleet, release));
  const versions = new Set(coming.filter(isRequired).map(({ version }) => version));
  return [...versions].flatMap((version) => {
    const missing = required.filter((fleet) => !all.includes(releaseKey({ ...fleet, version })));
    if (missing.length === 0) return [];
    const found = `none for ${missing.map(fleetText).join(', ')}`;
    const expected = `one for each of ${required.map(fleetText).join(', ')}`;
    return [{ name: 'required-fleets' as const, place: `version ${version}`, found, expected }];
  });
}

/** What an override is for: only just this. */
export function violationText({ place, found }: Violation): string {
  return `${place}: ${found}`;
}

export function isAccepted(violation: Violation, overrides: readonly Override[]): boolean {
  const what = violationText(violation);
  return overrides.some((override) => override.name === violation.name && override.what === what);
}

/** @throws policy-violated naming the first that nobody has accepted, and how to accept it */
export function requireKept(violations: readonly Violation[], overrides: readonly Override[]): void {
  const open = violations.find((violation) => !isAccepted(violation, overrides));
  if (open === undefined) return;
  const { name, place, found, expected } = open;
  const text = `${place}: found ${found}, expected ${expected} by tidegate.toml. To do it all the same, on record: --override ${name} --reason TEXT`;
  throw new TidegateError('policy-violated', text, { override: name, place, found, expected });
}
