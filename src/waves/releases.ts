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
 *
 * All throw release-invalid.
 */
import { TidegateError } from '../errors.ts';
import type { Migration } from './migrations.ts';
import {
  imageLayouts,
  type Manifest,
  type Release,
  type ReleaseId,
  releaseKey,
  releaseName,
} from './release.ts';
import { MAX_SEED } from './seed.ts';
import { compareVersions, readVersion, type Version } from './version.ts';
import type { Spread, Waves } from './wave.ts';
import { formatTime, isTime, timeRange } from './wave-time.ts';

export const emptyManifest: Manifest = { updates: [], migrations: [] };

export type NewRelease = Omit<Release, 'maxVersion'> & { readonly maxVersion?: string };

/** Who updates when; `scheduleOf` makes it from a policy. */
export interface WaveSchedule {
  readonly waves: Waves;
  readonly spread?: Spread;
  readonly lastWaveEnds?: number;
}

export function addRelease(manifest: Manifest, release: NewRelease): Manifest {
  const version = checkedVersion(release.version, release, 'version');
  if (indexOf(manifest, release) !== undefined) {
    throw invalid(release, 'found it in the manifest already, expected a version that is not listed');
  }
  checkImages(release);
  const maxVersion = release.maxVersion ?? defaultMaxVersion(manifest, release, version);
  if (compareVersions(version, checkedVersion(maxVersion, release, 'maxVersion')) > 0) {
    throw invalid(release, `maxVersion: found ${maxVersion}, expected at least the version itself`);
  }
  const added = scheduled({ ...release, maxVersion }, release);
  return {
    ...manifest,
    updates: [
      ...manifest.updates.map((other) => (isSibling(other, release) ? { ...other, maxVersion } : other)),
      added,
    ],
  };
}

export function removeRelease(manifest: Manifest, id: ReleaseId): Manifest {
  const index = requireIndex(manifest, id);
  return { ...manifest, updates: manifest.updates.toSpliced(index, 1) };
}

/** Gives a release other waves. Those it had are forgotten, with their spread and end. */
export function setWaves(manifest: Manifest, id: ReleaseId, schedule: WaveSchedule): Manifest {
  const index = requireIndex(manifest, id);
  const updates = manifest.updates.map((release, at) =>
    at === index ? scheduled(release, schedule) : release,
  );
  return { ...manifest, updates };
}

/**
 * Sets the highest version that anyone of a variant and architecture should run. Lowering it calls hosts
 * back: those above go down to the highest release that it allows, as the waves of that release open.
 */
export function setMaxVersion(
  manifest: Manifest,
  fleet: Pick<ReleaseId, 'variant' | 'arch'>,
  maxVersion: string,
): Manifest {
  const id = { ...fleet, version: maxVersion };
  checkedVersion(maxVersion, id, 'maxVersion');
  if (!manifest.updates.some((release) => isSibling(release, fleet))) {
    throw invalid(id, 'found no release of this variant and architecture, expected at least one');
  }
  const updates = manifest.updates.map((other) =>
    isSibling(other, fleet) ? { ...other, maxVersion } : other,
  );
  return { ...manifest, updates };
}

/** Replaces all migrations, as upstream's tools do from Release.toml. */
export function setMigrations(manifest: Manifest, migrations: readonly Migration[]): Manifest {
  return { ...manifest, migrations };
}

function scheduled(release: Release, schedule: WaveSchedule): Release {
  const { spread: _spread, lastWaveEnds: _end, ...rest } = release;
  const { waves, spread = 'linear', lastWaveEnds } = schedule;
  checkWaves(release, waves);
  if (lastWaveEnds === undefined) return { ...rest, waves, spread };
  if (spread !== 'linear') {
    throw invalid(
      release,
      `lastWaveEnds: found it with spread ${spread}, expected linear, the only one to heed it`,
    );
  }
  const lastStart = Math.max(...waves.values());
  if (waves.size === 0 || !isTime(lastWaveEnds) || lastWaveEnds < lastStart) {
    throw invalid(release, `lastWaveEnds: found ${lastWaveEnds}, expected a time not before the last wave`);
  }
  return { ...rest, waves, spread, lastWaveEnds };
}

function checkWaves(release: ReleaseId, waves: Waves): void {
  const entries = [...waves].sort(([a], [b]) => a - b);
  let before: number | undefined;
  for (const [seed, time] of entries) {
    if (before === undefined ? seed !== 0 : !Number.isInteger(seed) || seed >= MAX_SEED) {
      throw invalid(release, `waves: found key ${seed}, expected 0 first, then integers below ${MAX_SEED}`);
    }
    if (!isTime(time))
      throw invalid(release, `waves: found time ${time} at key ${seed}, expected ${timeRange}`);
    if (before !== undefined && time <= before) {
      throw invalid(
        release,
        `waves: found ${formatTime(time)} at key ${seed}, expected after ${formatTime(before)}`,
      );
    }
    before = time;
  }
}

function checkImages(release: NewRelease): void {
  const kinds = Object.keys(release.images).sort().join(', ');
  const layouts = Object.values(imageLayouts).map((layout) => [...layout].sort().join(', '));
  if (layouts.includes(kinds)) return;
  throw invalid(release, `images: found ${kinds || 'none'}, expected ${layouts.join(' or ')}`);
}

function defaultMaxVersion(manifest: Manifest, release: ReleaseId, version: Version): string {
  let highest = { version, text: release.version };
  for (const other of manifest.updates) {
    if (!isSibling(other, release)) continue;
    const inForce = checkedVersion(other.maxVersion, other, 'maxVersion');
    if (compareVersions(inForce, highest.version) > 0) highest = { version: inForce, text: other.maxVersion };
  }
  return highest.text;
}

function isSibling(a: Pick<ReleaseId, 'variant' | 'arch'>, b: Pick<ReleaseId, 'variant' | 'arch'>): boolean {
  return a.variant === b.variant && a.arch === b.arch;
}

function indexOf(manifest: Manifest, id: ReleaseId): number | undefined {
  const key = releaseKey(id);
  const index = manifest.updates.findIndex((release) => releaseKey(release) === key);
  return index === -1 ? undefined : index;
}

function requireIndex(manifest: Manifest, id: ReleaseId): number {
  const index = indexOf(manifest, id);
  if (index === undefined) throw invalid(id, 'found no such release in the manifest, expected one');
  return index;
}

function checkedVersion(text: string, release: ReleaseId, what: string): Version {
  const version = readVersion(text);
  if (version === undefined) {
    throw invalid(release, `${what}: found ${JSON.stringify(text)}, expected SemVer without leading v`);
  }
  return version;
}

function invalid(release: ReleaseId, problem: string): TidegateError {
  return new TidegateError('release-invalid', `release ${releaseName(release)}: ${problem}`, {
    release: releaseName(release),
  });
}
