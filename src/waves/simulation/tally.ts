/**
 * What a run counts: what the repository is asked by the second, all else by the minute. Its size depends on the
 * duration, not on the fleet, and the tallies of two parts of a fleet add up to that of both.
 */

export const second = 1000;
export const minute = 60_000;

/** Times are milliseconds since the start of the run; what lies after its end is dropped. */
export interface Tally {
  /** Polls that were answered, by second. */
  readonly polls: Uint32Array;
  /** Polls that learned of a publication for the first time, by second. */
  readonly informed: Uint32Array;
  /** Tries that were not answered, by second. */
  readonly unanswered: Uint32Array;
  /** Hosts that came to run a release, by minute. */
  readonly updated: Uint32Array;
  readonly reverted: Uint32Array;
  /** Polls that met an expired timestamp, by minute. */
  readonly expired: Uint32Array;
  /** Downloads that were started, by second. */
  readonly downloads: Uint32Array;
  /**
   * Bytes of images, by minute: partial minutes, and the change of the bytes of every whole minute from here on. Whole
   * bytes, so that the sum of parts does not depend on their order.
   */
  readonly imageEdges: Float64Array;
  readonly imageChange: Float64Array;
}

export function emptyTally(duration: number): Tally {
  const minutes = Math.ceil(duration / minute);
  const counts = (): Uint32Array => new Uint32Array(minutes);
  const seconds = (): Uint32Array => new Uint32Array(Math.ceil(duration / second));
  return {
    polls: seconds(),
    informed: seconds(),
    unanswered: seconds(),
    updated: counts(),
    reverted: counts(),
    expired: counts(),
    downloads: seconds(),
    imageEdges: new Float64Array(minutes),
    imageChange: new Float64Array(minutes),
  };
}

/** Adds one at a time. @param width of an entry, `second` or `minute` */
export function count(counts: Uint32Array, time: number, width: number): void {
  const index = Math.floor(time / width);
  if (index < counts.length) counts[index] = Number(counts[index]) + 1;
}

/** What lies beyond the end is dropped. */
export function add(values: Uint32Array | Float64Array, index: number, amount: number): void {
  const before = values[index];
  if (before !== undefined) values[index] = before + amount;
}

/** @param index within the array */
export function valueAt(values: Uint32Array | Float64Array, index: number): number {
  return Number(values[index]);
}

/** Spreads the bytes of one download evenly over its time, to the byte. */
export function countImage(
  { imageEdges, imageChange }: Tally,
  from: number,
  until: number,
  bytes: number,
): void {
  const first = Math.floor(from / minute);
  const last = Math.floor(until / minute);
  if (first === last) {
    add(imageEdges, first, bytes);
    return;
  }
  const rate = bytes / (until - from);
  const whole = Math.round(rate * minute);
  const begun = Math.min(bytes, Math.round(rate * ((first + 1) * minute - from)));
  add(imageEdges, first, begun);
  add(imageEdges, last, bytes - begun - whole * (last - first - 1));
  add(imageChange, first + 1, whole);
  add(imageChange, last, -whole);
}

/** Bytes of images in every minute. */
export function imageBytes({ imageEdges, imageChange }: Tally): Float64Array {
  const bytes = new Float64Array(imageEdges.length);
  let whole = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    whole += valueAt(imageChange, index);
    bytes[index] = whole + valueAt(imageEdges, index);
  }
  return bytes;
}

/** Adds a part of the fleet to another. */
export function addTally(sum: Tally, part: Tally): void {
  for (const name of Object.keys(sum) as (keyof Tally)[]) {
    const [to, from] = [sum[name], part[name]];
    for (let index = 0; index < to.length; index += 1) to[index] = valueAt(to, index) + valueAt(from, index);
  }
}

export function sum(values: Uint32Array | Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
