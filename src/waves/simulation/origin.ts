/**
 * What reaches the origin behind caches, second by second: each cache asks once when its copy is too old and somebody
 * wants it, and hands that copy out for `seconds`.
 */
import { streamOf, uniform } from './random.ts';
import { add, valueAt } from './tally.ts';

export interface CachedObject {
  /** Caches that share nothing. */
  readonly count: number;
  /** Whole seconds that each keeps a copy; 0: none does. Infinity: what never changes under its name. */
  readonly seconds: number;
  readonly randomSeed: number;
}

/**
 * @param arrivals requests of one object, by second
 * @returns requests at the origin, by second
 */
export function behindCaches(
  arrivals: Uint32Array,
  { count, seconds, randomSeed }: CachedObject,
): Uint32Array {
  if (seconds === 0) return arrivals;
  const origin = new Uint32Array(arrivals.length);
  // The chance that one host asks another cache.
  const elsewhere = 1 - 1 / count;
  for (let cache = 0; cache < count; cache += 1) {
    const stream = streamOf(randomSeed, cache);
    for (let second = 0; second < arrivals.length; second += 1) {
      const hosts = valueAt(arrivals, second);
      if (hosts === 0 || uniform(stream, second) < elsewhere ** hosts) continue;
      add(origin, second, 1);
      second += seconds - 1;
    }
  }
  return origin;
}

/**
 * As `behindCaches`, of a file that has another name from each of these moments on and never changes under it.
 *
 * @param moments seconds, ascending
 */
export function behindCachesSince(
  arrivals: Uint32Array,
  moments: readonly number[],
  { count, randomSeed }: Omit<CachedObject, 'seconds'>,
): Uint32Array {
  const origin = new Uint32Array(arrivals.length);
  const bounds = [0, ...moments.filter((moment) => moment > 0), arrivals.length];
  for (const [index, from] of bounds.entries()) {
    const part = arrivals.subarray(from, bounds[index + 1]);
    const object = { count, seconds: Number.POSITIVE_INFINITY, randomSeed: randomSeed + index };
    origin.set(behindCaches(part, object), from);
  }
  return origin;
}
