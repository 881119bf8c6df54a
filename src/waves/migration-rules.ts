/**
 * What a publisher owes hosts that migrate:
 *
 * 1. Every hop leads upwards; the way down is the same list in reverse.
 * 2. Where there are migrations at all, there is an unbroken chain between every two releases of one variant and
 *    architecture, withdrawn ones too (hosts run them). A manifest without any migration is one of hosts that have none.
 * 3. Every program is among the targets.
 */
import { TidegateError } from '../errors.ts';
import { findMigrations, type Migration, migrationKey } from './migrations.ts';
import type { Manifest, ReleaseId } from './release.ts';
import { releaseKey } from './release.ts';
import { compareVersions, parseVersion } from './version.ts';

/**
 * @param has whether a trusted role will list the target path
 * @param news keys of releases that are new; chains between others are left as they were. undefined: all are checked
 * @throws migration-missing naming the missing link, release-invalid
 */
export function requireMigrations(
  manifest: Manifest,
  has: (path: string) => boolean,
  news?: ReadonlySet<string>,
): void {
  if (manifest.migrations.length === 0) return;
  for (const hop of manifest.migrations) requireHop(hop, has);
  const releases: readonly ReleaseId[] = [...manifest.updates, ...(manifest.withdrawn ?? [])];
  for (const from of releases) {
    for (const to of releases) {
      const concerned = news === undefined || news.has(releaseKey(from)) || news.has(releaseKey(to));
      if (concerned && isAbove(to, from)) findMigrations(manifest.migrations, from.version, to.version);
    }
  }
}

function requireHop(hop: Migration, has: (path: string) => boolean): void {
  const name = migrationKey(hop);
  if (compareVersions(parseVersion(hop.from, name), parseVersion(hop.to, name)) >= 0) {
    const text = `migration ${name}: found a hop that does not lead upwards, expected the lower version first; the way down is the same hop`;
    throw new TidegateError('release-invalid', text, { migration: name });
  }
  const missing = hop.targets.find((target) => !has(target));
  if (missing === undefined) return;
  const text = `migration ${name}: found no target ${JSON.stringify(missing)}, expected it to be published or to wait (tidegate target add)`;
  throw new TidegateError('release-invalid', text, { migration: name, target: missing });
}

function isAbove(to: ReleaseId, from: ReleaseId): boolean {
  if (to.variant !== from.variant || to.arch !== from.arch) return false;
  return compareVersions(parseVersion(to.version, 'version'), parseVersion(from.version, 'version')) > 0;
}
