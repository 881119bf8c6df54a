/**
 * When a host's turn comes. Bottlerocket's wave map, bottlerocket update_metadata.
 *
 * 1. A key K with time T means: the wave just above seed K starts at T. A wave owns the seeds
 *    (its key, next key], and ends when the next wave starts. An empty map opens for everyone at once.
 * 2. Inside a wave the hosts come one after another, one step apart: the wave's length divided by its
 *    number of seeds, cut to whole nanoseconds. All arithmetic is on integers.
 * 3. The last wave has no end; all of it opens at its start. A stated end spreads it too (`linear` only).
 * 4. Two spreads differ in where inside its wave a host stands:
 *    - `linear`: seed − key steps after the start. The share of open seeds follows the line from wave to wave.
 *    - `shipped`: seed steps after the start, at the wave's end at the latest. This is what updog does: right
 *      in the first wave, while later waves open mostly in one burst at their end.
 * 5. Seeds up to the first key (seed 0, usually) belong to no wave. `shipped` opens them before any wave has
 *    started, as updog does. In `linear` they open with the first wave: a release that is not to start before
 *    Monday starts on no host before Monday.
 * 6. Keys above 2048 are beyond the fleet and open nothing, as in updog.
 */
import { checkSeed, MAX_SEED, type Seed } from './seed.ts';

export const spreads = ['shipped', 'linear'] as const;
export type Spread = (typeof spreads)[number];

/** Start seed → start time in milliseconds since the epoch. The order of entries has no meaning. */
export type Waves = ReadonlyMap<number, number>;

const nanosecondsPerMillisecond = 1_000_000n;

/**
 * The first whole millisecond at which a host may take the release, or `always` when no clock decides.
 *
 * @param lastWaveEnds the moment at which the last wave is through, in milliseconds; `linear` only
 * @throws config-invalid when the seed is not 0 … 2048
 */
export function opensAt(waves: Waves, seed: Seed, spread: Spread, lastWaveEnds?: number): number | 'always' {
  const moment = opensAtNanoseconds(waves, seed, spread, lastWaveEnds);
  if (moment === 'always') return moment;
  const whole = moment / nanosecondsPerMillisecond;
  return Number(whole * nanosecondsPerMillisecond < moment ? whole + 1n : whole);
}

/** As `opensAt`, exactly: nanoseconds since the epoch. */
export function opensAtNanoseconds(
  waves: Waves,
  seed: Seed,
  spread: Spread,
  lastWaveEnds?: number,
): bigint | 'always' {
  checkSeed(seed);
  const wave = waveOf(waves, seed);
  if (wave === undefined) return spread === 'shipped' ? 'always' : firstStart(waves);
  const start = nanoseconds(wave.start);
  const end = wave.end ?? (spread === 'linear' ? endOfFleet(lastWaveEnds) : undefined);
  if (end === undefined) return start;
  const step = (nanoseconds(end.time) - start) / BigInt(end.seed - wave.seed);
  const place = spread === 'linear' ? seed - wave.seed : seed;
  return earlier(start + step * BigInt(place), nanoseconds(end.time));
}

interface Boundary {
  readonly seed: number;
  readonly time: number;
}

interface Wave {
  /** The key: the wave owns the seeds above it. */
  readonly seed: number;
  readonly start: number;
  /** The next wave, or undefined in the last one. */
  readonly end: Boundary | undefined;
}

/** The wave that owns a seed; undefined for seeds below all waves. */
function waveOf(waves: Waves, seed: Seed): Wave | undefined {
  let start: Boundary | undefined;
  let end: Boundary | undefined;
  for (const [key, time] of waves) {
    if (key < seed) {
      if (start === undefined || key > start.seed) start = { seed: key, time };
    } else if (key <= MAX_SEED && (end === undefined || key < end.seed)) {
      end = { seed: key, time };
    }
  }
  return start && { seed: start.seed, start: start.time, end };
}

function endOfFleet(lastWaveEnds: number | undefined): Boundary | undefined {
  return lastWaveEnds === undefined ? undefined : { seed: MAX_SEED, time: lastWaveEnds };
}

function firstStart(waves: Waves): bigint | 'always' {
  let first: Boundary | undefined;
  for (const [seed, time] of waves) {
    if (first === undefined || seed < first.seed) first = { seed, time };
  }
  return first === undefined ? 'always' : nanoseconds(first.time);
}

function nanoseconds(milliseconds: number): bigint {
  return BigInt(milliseconds) * nanosecondsPerMillisecond;
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
