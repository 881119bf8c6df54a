/**
 * Migrations: programs that carry a host's settings from one version to another, hop by hop.
 *
 * The search walks up from the lower version. At each version it takes the longest hop that starts exactly there
 * and does not pass the goal. It never goes back: a long hop into a dead end fails although a shorter way exists,
 * because hosts with updog would fail there too, and a publisher must see that. Going down runs the same list
 * in reverse. A hop that does not lead upwards is never taken, so that a cycle ends as a missing link.
 */
import { TidegateError } from '../errors.ts';
import { compareVersions, parseVersion, readVersion, type Version } from './version.ts';

/** One declared hop. No targets = nothing to run, but the hop is legal. */
export interface Migration {
  readonly from: string;
  readonly to: string;
  /** Target paths, in the order in which they run on the way up. */
  readonly targets: readonly string[];
}

/**
 * The target paths to run from one version to another, in order.
 *
 * @throws migration-missing naming the version at which the chain breaks; config-invalid for a wrong version
 */
export function findMigrations(
  migrations: readonly Migration[],
  from: string,
  to: string,
): readonly string[] {
  const start = parseVersion(from, 'running version');
  const goal = parseVersion(to, 'new version');
  const down = compareVersions(start, goal) > 0;
  const [low, high] = down ? [goal, start] : [start, goal];
  const hops = hopsByStart(migrations);
  const path: string[] = [];
  let current = low;
  while (compareVersions(current, high) < 0) {
    const hop = longestHop(hops.get(current.version) ?? [], current, high);
    if (hop === undefined) throw missingLink(from, to, current, high);
    path.push(...hop.targets);
    current = hop.to;
  }
  return down ? path.reverse() : path;
}

/** The two versions of a key such as `(1.2.0, 1.3.0)`; undefined when it holds no such pair. */
export function readMigrationKey(key: string): { from: string; to: string } | undefined {
  // Text around the pair is tolerated, as Bottlerocket's reader tolerates it.
  const match = /\(([^\s,()]+),\s*([^\s,()]+)\)/.exec(key);
  if (match === null) return undefined;
  const [, from = '', to = ''] = match;
  return readVersion(from) && readVersion(to) && { from, to };
}

/** The key of a hop in a manifest. */
export function migrationKey(migration: Pick<Migration, 'from' | 'to'>): string {
  return `(${migration.from}, ${migration.to})`;
}

interface Hop {
  readonly to: Version;
  readonly targets: readonly string[];
}

function hopsByStart(migrations: readonly Migration[]): ReadonlyMap<string, readonly Hop[]> {
  const hops = new Map<string, Hop[]>();
  for (const migration of migrations) {
    const where = `migration ${migrationKey(migration)}`;
    const hop = { to: parseVersion(migration.to, where), targets: migration.targets };
    const start = parseVersion(migration.from, where).version;
    const others = hops.get(start);
    if (others === undefined) hops.set(start, [hop]);
    else others.push(hop);
  }
  return hops;
}

function longestHop(hops: readonly Hop[], current: Version, high: Version): Hop | undefined {
  let longest: Hop | undefined;
  for (const hop of hops) {
    if (compareVersions(hop.to, current) <= 0 || compareVersions(hop.to, high) > 0) continue;
    if (longest === undefined || compareVersions(hop.to, longest.to) > 0) longest = hop;
  }
  return longest;
}

function missingLink(from: string, to: string, current: Version, high: Version): TidegateError {
  return new TidegateError(
    'migration-missing',
    `migrations ${from} → ${to}: found no hop from ${current.version}, expected one to at most ${high.version}`,
    { from, to, stuckAt: current.version },
  );
}
