/**
 * What reaches the origin behind caches, second by second: each cache asks once when its copy is too old and somebody
 * wants it, and hands that copy out for `cacheTime`.
 */
import { streamOf, uniform } from './random.ts';
import { add, valueAt } from './tally.ts';

export interface Caches {
  /** Caches that share nothing: one with an origin shield, about a dozen regional ones without. */
  readonly count: number;
  /** Whole seconds that each keeps a copy. */
  readonly seconds: number;
  readonly randomSeed: number;
}

/** @param arrivals requests of one object, by second @returns requests at the origin, by second */
export function behindCaches(arrivals: Uint32Array, { count, seconds, randomSeed }: Caches): Uint32Array {
  const origin = new Uint32Array(arrivals.length);
  for (let cache = 0; cache < count; cache += 1) {
    const stream = streamOf(randomSeed, cache);
    let oldAt = 0;
    for (let second = 0; second < arrivals.length; second += 1) {
      if (second < oldAt) continue;
      const nobody = (1 - 1 / count) ** valueAt(arrivals, second);
      if (uniform(stream, second) < nobody) continue;
      add(origin, second, 1);
      oldAt = second + seconds;
    }
  }
  return origin;
}
