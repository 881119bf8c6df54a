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
 * @param current the version of the present timestamp
 * @param since when the grace began, in milliseconds since the epoch
 */
export function recentSnapshots(
  commits: readonly CommitNote[],
  current: number,
  since: number,
): RecentSnapshots {
  const known = new Map(commits.map((commit) => [commit.version, commit]));
  const snapshots = new Set<number>();
  for (let version = current; version > 0; version -= 1) {
    const commit = known.get(version);
    if (commit === undefined && version < current) return { snapshots, complete: false };
    if (commit === undefined) continue;
    snapshots.add(commit.snapshot);
    if (commit.time <= since) return { snapshots, complete: true };
  }
  return { snapshots, complete: true };
}
