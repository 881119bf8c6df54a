/**
 * What a plan breaks of `[policy]` in tidegate.toml. Pure.
 *
 * - `bake-time`: the first wave of a release begins before the one before it has had its time.
 * - `release-size`: the images of a release are larger together than is allowed.
 * - `required-fleets`: a version would be published for some of the hosts that must get it together, not for all.
 * - `wave-policy`: a release follows a wave policy that its variant may not.
 *
 * Each may be accepted by its name, on record, for just what it says. That hosts need a target, because a release or a
 * migration in the list names it, is no policy: it never goes (targets-plan.ts).
 */
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { Manifest, Release } from '../../waves/release.ts';
import { releaseKey, releaseName } from '../../waves/release.ts';
import type { Draft } from '../release/draft.ts';
import type { Override } from '../workspace/overrides.ts';
import { fleetText, type PublicationRules, rulesFor } from '../workspace/publication-rules.ts';

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
  readonly manifest: Manifest;
  readonly drafts: readonly Draft[];
  /** As the drafts will stand in the list. */
  readonly releases: readonly Release[];
}

/** @param now when what has no waves opens, in milliseconds */
export function violationsOf(
  rules: PublicationRules,
  facts: readonly PolicyFacts[],
  now: number,
): readonly Violation[] {
  return [
    ...facts.flatMap((one) => one.releases.flatMap((release) => releaseViolations(rules, one, release, now))),
    ...fleetViolations(rules, facts),
  ];
}

function releaseViolations(
  rules: PublicationRules,
  { manifest, drafts }: PolicyFacts,
  release: Release,
  now: number,
): readonly Violation[] {
  const { minimumBake, largestRelease, waves } = rulesFor(rules, release.variant);
  const draft = drafts.find((candidate) => releaseKey(candidate) === releaseKey(release));
  const place = `release ${releaseName(release)}`;
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
  const before = latestBefore(manifest, release);
  if (minimumBake !== undefined && before !== undefined) {
    const start = firstWave(release) ?? now;
    const earliest = (firstWave(before) ?? 0) + minimumBake;
    if (start < earliest) {
      const begins = `first wave at ${formatTime(start)}`;
      const expected = `${formatTime(earliest)} or later, after ${before.version} has baked`;
      found.push({ name: 'bake-time', place, found: begins, expected });
    }
  }
  return found;
}

/** The release for the same hosts that began last. One that was open at once has left no time in the list. */
function latestBefore({ updates }: Manifest, { variant, arch }: Release): Release | undefined {
  const own = updates.filter(
    (update) => update.variant === variant && update.arch === arch && firstWave(update) !== undefined,
  );
  return own.sort((one, other) => (firstWave(one) ?? 0) - (firstWave(other) ?? 0)).at(-1);
}

function firstWave({ waves }: Release): number | undefined {
  return waves.size === 0 ? undefined : Math.min(...waves.values());
}

function fleetViolations(
  { required }: PublicationRules,
  facts: readonly PolicyFacts[],
): readonly Violation[] {
  const coming = facts.flatMap(({ releases }) => releases);
  const all = [...coming, ...facts.flatMap(({ manifest }) => manifest.updates)].map(releaseKey);
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
