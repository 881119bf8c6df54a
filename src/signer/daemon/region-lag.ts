/**
 * For how long regions have been behind. A region lags since the first store got the first timestamp that it lacks, by the
 * journal; where nobody can tell, since it was first seen not to follow.
 */
import { isTidegateError } from '../../errors.ts';
import type { WritableStore } from '../../storage/store.ts';
import { readCommit, readCommits } from '../publication/commit-journal.ts';
import type { RegionState } from '../publication/region.ts';
import { noteName } from '../publication/store-note.ts';

/** Milliseconds for which a region may be behind before a person is told. */
export const longestLag = 3_600_000;

export interface Lag {
  readonly repository: string;
  readonly region: string;
  /** Of its timestamp; undefined: it could not be asked, or shows none. */
  readonly version: number | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number;
}

/**
 * When the first store got what the region lacks, in milliseconds since the epoch; undefined: nobody noted it. A clean-up
 * takes old notes away: the oldest one that is left is of a time at which the region was behind already.
 */
export async function lackingSince(
  store: WritableStore,
  { repository, version }: Pick<RegionState, 'repository' | 'version'>,
): Promise<number | undefined> {
  if (version === undefined) return undefined;
  try {
    const next = await readCommit(store, noteName(repository, 'journal', version + 1));
    if (next !== undefined) return next.time;
    const later = (await readCommits(store, repository)).filter((commit) => commit.version > version);
    return later.length === 0 ? undefined : Math.min(...later.map(({ time }) => time));
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    return undefined;
  }
}

/** Lags after another look; of what could not be looked at the earlier ones stay. */
export async function lagsAfter(
  before: readonly Lag[],
  states: readonly RegionState[],
  { store, now }: { readonly store: WritableStore; readonly now: number },
): Promise<readonly Lag[]> {
  const isOf = (lag: Lag) => (state: RegionState) =>
    state.repository === lag.repository && state.region === lag.region;
  const lags = before.filter((lag) => !states.some(isOf(lag)));
  for (const state of states) {
    const { repository, region, version, standing } = state;
    if (standing === 'current' || standing === 'advanced') continue;
    const known = before.find((lag) => isOf(lag)(state))?.since ?? now;
    const noted = (await lackingSince(store, state)) ?? now;
    lags.push({ repository, region, version, since: Math.min(known, noted) });
  }
  return lags;
}
