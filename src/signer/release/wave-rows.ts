/** The waves of a release for people: when each begins and ends, which seeds it opens, and how much of the fleet. */
import { formatTime } from '../../metadata/time.ts';
import type { Release } from '../../waves/release.ts';
import { MAX_SEED } from '../../waves/seed.ts';

/** Three cells for each wave, in absolute times; no rows for a release that is open to every host at once. */
export function waveRows({ waves, lastWaveEnds }: Release): readonly (readonly [string, string, string])[] {
  const starts = [...waves];
  return starts.map(([seed, time], index) => {
    const next = starts[index + 1];
    const share = next === undefined ? 100 : Math.round((next[0] * 100) / MAX_SEED);
    const until = next?.[1] ?? lastWaveEnds;
    return [
      formatTime(time),
      until === undefined ? 'at once' : `to ${formatTime(until)}`,
      `seeds above ${seed}, up to ${share} % of hosts`,
    ];
  });
}
