/**
 * Changes to a manifest. Each takes a manifest and returns a new one; nothing is changed in place.
 *
 * Bottlerocket's editing rules (update_metadata), and where these are stricter:
 * 1. A new release's max_version, when not stated, is the higher of its version and the max_version already in force
 *    for its variant and architecture. (Upstream asks the first entry of the list, whichever variant that is; the
 *    two agree in a manifest of one variant and architecture.)
 * 2. That max_version is then written onto every release of the same variant and architecture.
 * 3. Removing a release leaves max_version alone: hosts stay on it, unless `setMaxVersion` calls them back.
 * 4. Stricter: a release that is there already is not added again; a change that meets no release is an error, where
 *    a mistyped version would otherwise open a release for everyone at once.
 * 5. Stricter: waves start at seed 0, have keys within the fleet and times that rise.
 * 6. Releases changed here state their spread, `linear` unless asked otherwise.
 * 7. Stricter: a version that was withdrawn is not added again, unless it is readmitted by name.
 *
 * All throw release-invalid.
 */
import { TidegateError } from '../errors.ts';
import { type FleetName, isSameFleet } from '../metadata/repository-layout.ts';
import type { Migration } from './migrations.ts';
import { isLabel, labelForm } from './own-members.ts';
import {
  type HostGroup,
  imageLayouts,
  type Manifest,
  type Release,
  type ReleaseId,
  releaseKey,
  releaseName,
  type Schedule,
  type WaveSchedule,
  type Withdrawal,
} from './release.ts';
import { MAX_SEED } from './seed.ts';
import { compareVersions, readVersion, type Version } from './version.ts';
import type { Spread, Waves } from './wave.ts';
import { formatTime, isTime, timeRange } from './wave-time.ts';

export const emptyManifest: Manifest = { updates: [], migrations: [] };

export type NewRelease = Omit<Release, 'maxVersion'> & { readonly maxVersion?: string };

/** A schedule as a spread can hold it: `shipped` has no end of the last wave. */
export function inSpread({ lastWaveEnds, ...schedule }: Schedule, spread: Spread): WaveSchedule {
  const ends = spread === 'linear' && lastWaveEnds !== undefined;
  return { ...schedule, spread, ...(ends && { lastWaveEnds }) };
}

export interface AddOptions {
  /** Add it although it was withdrawn: it is no longer remembered as such. */
  readonly readmit?: boolean;
}

export function addRelease(manifest: Manifest, release: NewRelease, options: AddOptions = {}): Manifest {
  const version = checkedVersion(release.version, release, 'version');
  if (findRelease(manifest, release) !== undefined) {
    throw releaseInvalid(release, 'found it in the manifest already, expected a version that is not listed');
  }
  if (options.readmit !== true) requireNotWithdrawn(manifest, release);
  checkImages(release);
  const maxVersion = release.maxVersion ?? defaultMaxVersion(manifest, release, version);
  if (compareVersions(version, checkedVersion(maxVersion, release, 'maxVersion')) > 0) {
    throw releaseInvalid(release, `maxVersion: found ${maxVersion}, expected at least the version itself`);
  }
  const added = scheduled({ ...release, maxVersion }, release);
  const key = releaseKey(release);
  const { withdrawn, ...rest } = manifest;
  return {
    ...rest,
    ...(withdrawn !== undefined && { withdrawn: withdrawn.filter((one) => releaseKey(one) !== key) }),
    updates: [
      ...manifest.updates.map((other) => (isSameFleet(other, release) ? { ...other, maxVersion } : other)),
      added,
    ],
  };
}

/** @throws release-invalid saying when it was withdrawn, and why */
export function requireNotWithdrawn(manifest: Manifest, id: ReleaseId): void {
  const withdrawal = findWithdrawal(manifest, id);
  if (withdrawal === undefined) return;
  const { at, reason } = withdrawal;
  const why = reason === undefined ? '' : ` (${reason})`;
  const expected = 'a version that was never withdrawn, or to readmit this one by name';
  throw releaseInvalid(id, `found it withdrawn at ${formatTime(at)}${why}, expected ${expected}`);
}

export function removeRelease(manifest: Manifest, id: ReleaseId): Manifest {
  const found = requireRelease(manifest, id);
  return { ...manifest, updates: manifest.updates.filter((release) => release !== found) };
}

/** Gives a release other waves; of `opened` whole seconds are kept. Those it had are forgotten, with their spread, end, groups and pause. */
export function setWaves(manifest: Manifest, id: ReleaseId, schedule: WaveSchedule): Manifest {
  const found = requireRelease(manifest, id);
  const updates = manifest.updates.map((release) =>
    release === found ? scheduled(release, schedule) : release,
  );
  return { ...manifest, updates };
}

/** Makes a release a barrier, or makes it none. */
export function setBarrier(manifest: Manifest, id: ReleaseId, isBarrier: boolean): Manifest {
  const found = requireRelease(manifest, id);
  const { barrier: _, ...plain } = found;
  const changed: Release = isBarrier ? { ...plain, barrier: true } : plain;
  return { ...manifest, updates: manifest.updates.map((release) => (release === found ? changed : release)) };
}

/**
 * Sets the highest version that anyone of a variant and architecture should run. Lowering it calls hosts
 * back: those above go down to the highest release that it allows, as the waves of that release open.
 */
export function setMaxVersion(manifest: Manifest, fleet: FleetName, maxVersion: string): Manifest {
  const id = { ...fleet, version: maxVersion };
  const highest = checkedVersion(maxVersion, id, 'maxVersion');
  const siblings = manifest.updates.filter((release) => isSameFleet(release, fleet));
  if (siblings.length === 0)
    throw releaseInvalid(id, 'found no release of this variant and architecture, expected at least one');
  const isAllowed = ({ version }: Release): boolean =>
    compareVersions(checkedVersion(version, id, 'version'), highest) <= 0;
  if (!siblings.some(isAllowed)) {
    const expected = `one to go down to; ${siblings.map(({ version }) => version).join(', ')} are above it`;
    throw releaseInvalid(id, `maxVersion: found no release up to ${maxVersion}, expected ${expected}`);
  }
  const updates = manifest.updates.map((other) =>
    isSameFleet(other, fleet) ? { ...other, maxVersion } : other,
  );
  return { ...manifest, updates };
}

/** Releases that were above the highest version, and are not any more: hosts are offered them again, with all that is open. */
export function offeredAgain(before: Manifest, after: Manifest): readonly Release[] {
  const barred = new Set(before.updates.filter(isAboveMaximum).map(releaseKey));
  return after.updates.filter((release) => barred.has(releaseKey(release)) && !isAboveMaximum(release));
}

function isAboveMaximum(release: Release): boolean {
  const highest = checkedVersion(release.maxVersion, release, 'maxVersion');
  return compareVersions(checkedVersion(release.version, release, 'version'), highest) > 0;
}

/** Replaces all migrations, as upstream's tools do from Release.toml. */
export function setMigrations(manifest: Manifest, migrations: readonly Migration[]): Manifest {
  return { ...manifest, migrations };
}

function scheduled(release: Release, schedule: WaveSchedule): Release {
  const {
    spread: _,
    lastWaveEnds: _end,
    groups: _groups,
    pause: _pause,
    opened: _opened,
    ...before
  } = release;
  const { waves, spread = 'linear', lastWaveEnds, groups, opened } = schedule;
  checkWaves(release, waves);
  checkGroups(release, groups);
  const begun = waves.size === 0 && opened !== undefined && { opened: Math.floor(opened / 1000) * 1000 };
  const rest = { ...before, ...(groups !== undefined && { groups }), ...begun };
  if (lastWaveEnds === undefined) return { ...rest, waves, spread };
  if (spread !== 'linear') {
    throw releaseInvalid(
      release,
      `lastWaveEnds: found it with spread ${spread}, expected linear, the only one to heed it`,
    );
  }
  const lastStart = Math.max(...waves.values());
  if (waves.size === 0 || !isTime(lastWaveEnds) || lastWaveEnds < lastStart) {
    throw releaseInvalid(
      release,
      `lastWaveEnds: found ${lastWaveEnds}, expected a time not before the last wave`,
    );
  }
  return { ...rest, waves, spread, lastWaveEnds };
}

function checkWaves(release: ReleaseId, waves: Waves): void {
  const entries = [...waves].sort(([a], [b]) => a - b);
  let before: number | undefined;
  for (const [seed, time] of entries) {
    if (before === undefined ? seed !== 0 : !Number.isInteger(seed) || seed >= MAX_SEED) {
      throw releaseInvalid(
        release,
        `waves: found key ${seed}, expected 0 first, then integers below ${MAX_SEED}`,
      );
    }
    if (!isTime(time))
      throw releaseInvalid(release, `waves: found time ${time} at key ${seed}, expected ${timeRange}`);
    if (before !== undefined && time <= before) {
      throw releaseInvalid(
        release,
        `waves: found ${formatTime(time)} at key ${seed}, expected after ${formatTime(before)}`,
      );
    }
    before = time;
  }
}

function checkGroups(release: ReleaseId, groups: readonly HostGroup[] = []): void {
  for (const { labels, opens } of groups) {
    const wrong = labels.length === 0 ? 'none' : labels.find((label) => !isLabel(label));
    if (wrong !== undefined)
      throw releaseInvalid(release, `groups: label: found ${wrong}, expected ${labelForm}`);
    if (!isTime(opens)) throw releaseInvalid(release, `groups: found time ${opens}, expected ${timeRange}`);
  }
}

function checkImages(release: NewRelease): void {
  const kinds = Object.keys(release.images).sort().join(', ');
  const layouts = Object.values(imageLayouts).map((layout) => [...layout].sort().join(', '));
  if (layouts.includes(kinds)) return;
  throw releaseInvalid(release, `images: found ${kinds || 'none'}, expected ${layouts.join(' or ')}`);
}

function defaultMaxVersion(manifest: Manifest, release: ReleaseId, version: Version): string {
  let highest = { version, text: release.version };
  for (const other of manifest.updates) {
    if (!isSameFleet(other, release)) continue;
    const inForce = checkedVersion(other.maxVersion, other, 'maxVersion');
    if (compareVersions(inForce, highest.version) > 0) highest = { version: inForce, text: other.maxVersion };
  }
  return highest.text;
}

export function findRelease({ updates }: Pick<Manifest, 'updates'>, id: ReleaseId): Release | undefined {
  const key = releaseKey(id);
  return updates.find((release) => releaseKey(release) === key);
}

export function findWithdrawal({ withdrawn }: Manifest, id: ReleaseId): Withdrawal | undefined {
  const key = releaseKey(id);
  return withdrawn?.find((one) => releaseKey(one) === key);
}

export function requireRelease(manifest: Manifest, id: ReleaseId): Release {
  const found = findRelease(manifest, id);
  if (found === undefined) throw releaseInvalid(id, 'found no such release in the manifest, expected one');
  return found;
}

function checkedVersion(text: string, release: ReleaseId, what: string): Version {
  const version = readVersion(text);
  if (version === undefined) {
    throw releaseInvalid(
      release,
      `${what}: found ${JSON.stringify(text)}, expected SemVer without leading v`,
    );
  }
  return version;
}

export function releaseInvalid(release: ReleaseId, problem: string): TidegateError {
  return new TidegateError('release-invalid', `release ${releaseName(release)}: ${problem}`, {
    release: releaseName(release),
  });
}
