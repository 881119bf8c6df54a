/**
 * What a plan breaks of `[policy]` in tidegate.toml. Pure.
 *
 * - `bake-time`: the first waves of two releases for the same hosts are too near to each other.
 * - `release-size`: the images of a release are larger together than is allowed.
 * - `required-fleets`: a version would be published for some of the hosts that must get it together, not for all.
 * - `wave-policy`: a release follows a wave policy that its variant may not, or another pace than any of them.
 *
 * A release that is published already is held against the last two again when it gets other waves or is accelerated.
 * Each may be accepted by its name, on record, for just what it says. That hosts need a target, because a release or a
 * migration in the list names it, is no policy: it never goes (targets-plan.ts).
 */
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { Manifest, Release } from '../../waves/release.ts';
import { releaseKey, releaseName } from '../../waves/release.ts';
import type { Draft } from '../release/draft.ts';
import type { Accelerate, SetWaves, Steering } from '../release/steering-draft.ts';
import type { Override } from '../workspace/overrides.ts';
import { fleetText, type PublicationRules, rulesFor } from '../workspace/publication-rules.ts';
import type { PlannedSteering } from './steering-plan.ts';

export const violationNames = ['bake-time', 'release-size', 'required-fleets', 'wave-policy'] as const;
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
  /** The list as it will be. */
  readonly manifest: Manifest;
}

/** @param now when what has no waves opens, in milliseconds */
export function violationsOf(
  rules: PublicationRules,
  facts: readonly PolicyFacts[],
  now: number,
): readonly Violation[] {
  return [
    ...facts.flatMap((one) => [
      ...one.releases.flatMap((release) => releaseViolations(rules, one, release)),
      ...one.steered.flatMap((steered) => steeringViolations(rules, steered)),
      ...bakeViolations(rules, one, now),
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

/**
 * Of two releases that come or get other waves together, the later one is told of. One that was open to everyone at once,
 * and is published, has left no time in the list.
 */
function bakeViolations(
  rules: PublicationRules,
  { releases, steered, manifest }: PolicyFacts,
  now: number,
): readonly Violation[] {
  const moved = steered.flatMap(({ change, before, after }) => {
    if (before === undefined || after === undefined || !hasOtherWaves(change)) return [];
    return firstWave(before) === firstWave(after) ? [] : [after];
  });
  const changed = new Set([...releases, ...moved].map(releaseKey));
  const begun = manifest.updates.flatMap((release) => {
    const isChanged = changed.has(releaseKey(release));
    const start = firstWave(release) ?? (isChanged ? now : undefined);
    return start === undefined ? [] : [{ release, isChanged, start }];
  });
  const ordered = begun.sort((one, other) => one.start - other.start);
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

function isSameFleet(one: Release, other: Release): boolean {
  return one.variant === other.variant && one.arch === other.arch;
}

function firstWave({ waves }: Release): number | undefined {
  return waves.size === 0 ? undefined : Math.min(...waves.values());
}

function fleetViolations(
  { required }: PublicationRules,
  facts: readonly PolicyFacts[],
): readonly Violation[] {
  const coming = facts.flatMap(({ releases }) => releases);
  const all = facts.flatMap(({ manifest }) => manifest.updates).map(releaseKey);
  const isRequired = ({ variant, arch }: Release): boolean =>
    required.some((fleet) => fleet.variant === variant && fleet.arch === arch);
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
  const text = `${place}: found ${found}, expected ${expected} by [policy] of tidegate.toml. To do it all the same, on record: --override ${name} --reason TEXT`;
  throw new TidegateError('policy-violated', text, { override: name, place, found, expected });
}
