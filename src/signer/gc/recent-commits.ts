/** Which snapshots were current within the grace, by the journal of commits. Pure. */
import type { CommitNote } from '../publication/commit-journal.ts';

export interface RecentSnapshots {
  /** Versions of snapshots, the present one left out. */
  readonly snapshots: ReadonlySet<number>;
  /** False: the journal does not reach back far enough to know them all. */
  readonly complete: boolean;
}

/**
 * A commit was current until the next one. When it was noted is never before it was committed, so that what is counted
 * from there keeps rather more than less. Walked back from the present version, without a gap, up to the first commit that
 * is older than the grace: that one was current when the grace began.
 *
 * A clock that was behind dates a commit too early; it counts as no older than any before it. And what an older timestamp
 * lists stays for as long as that one is valid.
 *
 * @param current the version of the present timestamp
 * @param since when the grace began, in milliseconds since the epoch
 * @param now for timestamps that are still valid; without it none is
 */
export function recentSnapshots(
  commits: readonly CommitNote[],
  current: number,
  since: number,
  now = Number.POSITIVE_INFINITY,
): RecentSnapshots {
  const known = new Map(commits.map((commit) => [commit.version, commit]));
  const valid = commits.filter(({ version, expires = 0 }) => version <= current && expires > now);
  const snapshots = new Set(valid.map(({ snapshot }) => snapshot));
  const times = latestTimes(commits);
  for (let version = current; version > 0; version -= 1) {
    const commit = known.get(version);
    if (commit === undefined && version < current) return { snapshots, complete: false };
    if (commit === undefined) continue;
    snapshots.add(commit.snapshot);
    if ((times.get(version) ?? commit.time) <= since) return { snapshots, complete: true };
  }
  return { snapshots, complete: true };
}

/** Of each commit the latest time that it or one before it was noted at. */
function latestTimes(commits: readonly CommitNote[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  let latest = 0;
  for (const { version, time } of commits.toSorted((one, other) => one.version - other.version)) {
    latest = Math.max(latest, time);
    times.set(version, latest);
  }
  return times;
}
