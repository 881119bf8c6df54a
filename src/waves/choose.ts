/**
 * Which release a host should take now, or why it takes none, and when that answer changes by itself.
 * updog's rules (bottlerocket sources/updater/updog), with reasons added:
 *
 * 1. A release is for a host when variant and architecture are equal, byte for byte.
 * 2. It is allowed when its version is not above its max_version, and open when the host's wave moment has come.
 *    `ignoreWaves` opens everything.
 * 3. Lock to a version: that version, up or down, once it is allowed and open; nothing when it runs already.
 * 4. No lock: among allowed releases that are newer than the running one, or whose max_version is below it, the highest
 *    open one. So a lower release is taken while a higher one waits for its wave, and a host above max_version
 *    goes down to it, in its wave.
 * 5. Ours: a version that has failed on this host is not taken again.
 * 6. Ours: a version that the manifest calls withdrawn is not there, listed or not.
 * 7. Ours: a host that states a label of one of the release's groups has its turn with the group, not by its seed.
 * 8. Ours: of a paused release the hosts whose turn had come stay open. The waves say the same (steering.ts), so that
 *    updog obeys, too; here the host is told that it is a pause.
 * 9. Ours: a release that is a barrier stands between a host below it and all that is above it: the host takes nothing
 *    higher before it runs the barrier, whatever waves, lock and failures say. Going down, barriers do not count.
 *
 * Reasons for none: `variant` nothing for this variant and architecture; `current` nothing newer; `locked` the lock
 * runs already or is not listed; `barrier` something newer, or the lock, is listed but above its max_version, or the lock
 * above a barrier;
 * `failed` all that is left has failed here; `wave` it opens at `opensAt`; `paused` it opens when it is resumed.
 */
import { TidegateError } from '../errors.ts';
import { type Manifest, type Release, releaseKey, releaseName } from './release.ts';
import { checkSeed, type Seed } from './seed.ts';
import { turnOf } from './turn.ts';
import { compareVersions, parseVersion, readVersion, type Version } from './version.ts';

/** What a choice depends on, besides manifest and time. */
export interface Host {
  readonly variant: string;
  readonly arch: string;
  /** The running version. */
  readonly version: string;
  readonly seed: Seed;
  /** `latest` (default) or a version, with or without leading v. */
  readonly versionLock?: string | undefined;
  readonly ignoreWaves?: boolean | undefined;
  /** Versions that this host has tried and fallen back from. */
  readonly failedVersions?: readonly string[] | undefined;
  /** What the host says of itself, such as `canary`. */
  readonly labels?: readonly string[] | undefined;
}

export type NoneReason = 'current' | 'locked' | 'wave' | 'variant' | 'barrier' | 'failed' | 'paused';

export interface UpdateChoice {
  readonly kind: 'update';
  readonly release: Release;
  /** The release is older than what runs. */
  readonly downgrade: boolean;
  /** When a higher release opens, in milliseconds; absent = time alone changes nothing. */
  readonly changesAt?: number;
}

export interface NoneChoice {
  readonly kind: 'none';
  readonly reason: NoneReason;
  /** The release that waits, is barred or has failed. */
  readonly release?: Release;
  /** Reason `wave`: when `release` opens for this host, in milliseconds. */
  readonly opensAt?: number;
  /** When the answer changes, in milliseconds; absent = time alone changes nothing. */
  readonly changesAt?: number;
}

export type Choice = UpdateChoice | NoneChoice;

/**
 * @param now milliseconds since the epoch
 * @throws config-invalid for a seed, running version or lock that is none; manifest-invalid when two releases are
 * the same for this host
 */
export function choose(manifest: Manifest, host: Host, now: number): Choice {
  const running = parseVersion(host.version, 'running version');
  const lock = parseVersionLock(host.versionLock);
  const listed = candidatesFor(manifest, host);
  if (lock !== 'latest' && compareVersions(lock, running) === 0) return { kind: 'none', reason: 'locked' };
  if (listed.length === 0) return { kind: 'none', reason: 'variant' };
  const barrier = barrierAbove(listed, running);
  const wanted =
    lock === 'latest'
      ? listed.filter((one) => isNewer(one, running) || isCalledBack(one, running))
      : listed.filter((one) => compareVersions(one.version, lock) === 0);
  const reached = wanted.filter((one) => isReached(one, barrier));
  if (barrier !== undefined && wanted.length > 0 && reached.length === 0)
    return { kind: 'none', reason: 'barrier', release: barrier.release };
  const allowed = reached.filter(isAllowed);
  const [highest] = allowed;
  if (highest === undefined) return noneAllowed(reached, lock === 'latest' ? 'current' : 'locked');
  const usable = withoutFailed(allowed, host.failedVersions);
  if (usable.length === 0) return { kind: 'none', reason: 'failed', release: highest.release };
  return pickOpen(usable, running, now);
}

/** All releases that are allowed and open for a host, highest first, older ones too. */
export function openReleases(manifest: Manifest, host: Host, now: number): readonly Release[] {
  const listed = candidatesFor(manifest, host);
  const barrier = barrierAbove(listed, parseVersion(host.version, 'running version'));
  return listed
    .filter((one) => isReached(one, barrier) && isAllowed(one) && isOpen(one, now))
    .map((one) => one.release);
}

/** What a new host may begin with, highest first: waves, pauses and barriers are for hosts that run already. */
export function allowedReleases(
  manifest: Manifest,
  fleet: Pick<Host, 'variant' | 'arch'>,
): readonly Release[] {
  return candidatesFor(manifest, { ...fleet, version: '', seed: 0 })
    .filter(isAllowed)
    .map(({ release }) => release);
}

/**
 * A version lock as a host's settings hold it: `latest`, or a version with an optional leading v.
 *
 * @throws config-invalid
 */
export function parseVersionLock(text: string | undefined): Version | 'latest' {
  if (text === undefined || text === 'latest') return 'latest';
  const version = readVersion(text.startsWith('v') ? text.slice(1) : text);
  if (version !== undefined) return version;
  const expected = '"latest" or a version such as "v1.2.3"';
  throw new TidegateError(
    'config-invalid',
    `version lock: found ${JSON.stringify(text)}, expected ${expected}`,
    {
      where: 'version lock',
      found: text,
      expected,
    },
  );
}

interface Candidate {
  readonly release: Release;
  readonly version: Version;
  readonly maxVersion: Version;
  /** Milliseconds; minus infinity when no clock decides, infinity when only the publisher does. */
  readonly opensAt: number;
}

/** The releases for the host's variant and architecture, highest first. */
function candidatesFor(manifest: Manifest, host: Host): readonly Candidate[] {
  checkSeed(host.seed);
  const withdrawn = new Set((manifest.withdrawn ?? []).map(releaseKey));
  const candidates = manifest.updates
    .filter((release) => release.variant === host.variant && release.arch === host.arch)
    .filter((release) => withdrawn.size === 0 || !withdrawn.has(releaseKey(release)))
    .map((release) => ({
      release,
      version: parseVersion(release.version, `version of ${releaseName(release)}`),
      maxVersion: parseVersion(release.maxVersion, `max_version of ${releaseName(release)}`),
      opensAt: opensFor(release, host),
    }))
    .sort((a, b) => compareVersions(b.version, a.version));
  refuseTwins(candidates);
  return candidates;
}

function opensFor(release: Release, host: Host): number {
  const moment = host.ignoreWaves === true ? 'always' : turnOf(release, host);
  if (moment === 'always') return Number.NEGATIVE_INFINITY;
  return release.pause !== undefined && moment > release.pause.at ? Number.POSITIVE_INFINITY : moment;
}

function refuseTwins(candidates: readonly Candidate[]): void {
  let higher: Candidate | undefined;
  for (const one of candidates) {
    if (higher !== undefined && compareVersions(one.version, higher.version) === 0) {
      const name = releaseName(one.release);
      throw new TidegateError('manifest-invalid', `manifest.json: found ${name} twice, expected it once`, {
        name,
      });
    }
    higher = one;
  }
}

function noneAllowed(wanted: readonly Candidate[], otherwise: NoneReason): NoneChoice {
  const [barred] = wanted;
  if (barred === undefined) return { kind: 'none', reason: otherwise };
  return { kind: 'none', reason: 'barrier', release: barred.release };
}

function withoutFailed(
  candidates: readonly Candidate[],
  failed: readonly string[] = [],
): readonly Candidate[] {
  const versions = failed.map((text) => parseVersion(text, 'failed version'));
  return candidates.filter((one) => !versions.some((version) => compareVersions(version, one.version) === 0));
}

/** @param candidates at least one, highest first */
function pickOpen(candidates: readonly Candidate[], running: Version, now: number): Choice {
  const index = candidates.findIndex((one) => isOpen(one, now));
  const chosen = candidates[index];
  if (chosen === undefined) {
    const { release, opensAt } = soonest(candidates);
    if (opensAt === Number.POSITIVE_INFINITY) return { kind: 'none', reason: 'paused', release };
    return { kind: 'none', reason: 'wave', release, opensAt, changesAt: opensAt };
  }
  const { release, version } = chosen;
  const downgrade = compareVersions(version, running) < 0;
  const changesAt = index === 0 ? Number.POSITIVE_INFINITY : soonest(candidates.slice(0, index)).opensAt;
  return { kind: 'update', release, downgrade, ...(changesAt < Number.POSITIVE_INFINITY && { changesAt }) };
}

function soonest(candidates: readonly Candidate[]): Candidate {
  return candidates.reduce((first, one) => (one.opensAt < first.opensAt ? one : first));
}

function isNewer(one: Candidate, running: Version): boolean {
  return compareVersions(one.version, running) > 0;
}

function isCalledBack(one: Candidate, running: Version): boolean {
  return compareVersions(running, one.maxVersion) > 0;
}

/** The lowest barrier that is above what runs. */
function barrierAbove(listed: readonly Candidate[], running: Version): Candidate | undefined {
  return listed.findLast((one) => one.release.barrier === true && isNewer(one, running));
}

function isReached(one: Candidate, barrier: Candidate | undefined): boolean {
  return barrier === undefined || compareVersions(one.version, barrier.version) <= 0;
}

function isAllowed(one: Candidate): boolean {
  return compareVersions(one.version, one.maxVersion) <= 0;
}

function isOpen(one: Candidate, now: number): boolean {
  return one.opensAt <= now;
}
