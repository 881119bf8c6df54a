/** When a host's turn for a release comes, by its group or else by its seed, and how far through the fleet a release is. */
import { spreadOf, type WaveSchedule } from './release.ts';
import { MAX_SEED, type Seed } from './seed.ts';
import { opensAt } from './wave.ts';

export interface TurnHost {
  readonly seed: Seed;
  readonly labels?: readonly string[] | undefined;
}

/**
 * Milliseconds, or `always` when no clock decides.
 *
 * @throws config-invalid when the seed is not 0 … 2048
 */
export function turnOf(release: WaveSchedule, { seed, labels = [] }: TurnHost): number | 'always' {
  const group = release.groups?.find((one) => one.labels.some((label) => labels.includes(label)));
  return group?.opens ?? opensAt(release.waves, seed, spreadOf(release), release.lastWaveEnds);
}

/** The hosts that go by their seed become open in the order of seeds: the number of places, 0 … 2048, that are. */
export function openPlaces(release: WaveSchedule, now: number): number {
  let open = 0;
  let above = MAX_SEED;
  while (open < above) {
    const middle = (open + above) >> 1;
    if (isOpenAt(turnOf(release, { seed: middle }), now)) open = middle + 1;
    else above = middle;
  }
  return open;
}

/** When every place of the fleet and every group is open: milliseconds, or `always` */
export function completeAt(release: WaveSchedule): number | 'always' {
  const last = turnOf(release, { seed: MAX_SEED - 1 });
  const { groups = [] } = release;
  if (groups.length === 0) return last;
  return Math.max(last === 'always' ? 0 : last, ...groups.map(({ opens }) => opens));
}

function isOpenAt(turn: number | 'always', now: number): boolean {
  return turn === 'always' || turn <= now;
}
