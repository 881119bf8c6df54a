/**
 * One LZ4 block (lz4_Block_format). Every read and write is checked against its bounds, so that no block can read
 * what is not its own or write beyond what it may.
 */

const LEAST_MATCH = 4;
/** From this length on, copying as a whole is quicker than byte by byte. */
const LONG_COPY = 24;

/**
 * Decodes `input` into `output` from `start` on and returns the end of what was written. Matches may reach back to
 * the beginning of `output`. Throws a RangeError that says what is wrong.
 *
 * @param limit first position that may not be written
 */
export function decodeBlock(input: Uint8Array, output: Uint8Array, start: number, limit: number): number {
  const end = input.byteLength;
  let at = 0;
  let to = start;
  while (at < end) {
    const token = byteAt(input, at);
    at += 1;
    let length = token >>> 4;
    if (length === 15) {
      const counted = countRun(input, at);
      length += counted.sum;
      at = counted.at;
    }
    if (length > end - at) throw new RangeError('literals reach beyond the block');
    if (length > limit - to) throw new RangeError('the block is larger than its frame allows');
    to = copyLiterals(input, at, output, to, length);
    at += length;
    if (at === end) return to;
    if (end - at < 2) throw new RangeError('the block ends inside a match');
    const offset = byteAt(input, at) | (byteAt(input, at + 1) << 8);
    at += 2;
    if (offset === 0 || offset > to) throw new RangeError('a match reaches before the beginning');
    length = token & 15;
    if (length === 15) {
      const counted = countRun(input, at);
      length += counted.sum;
      at = counted.at;
    }
    length += LEAST_MATCH;
    if (length > limit - to) throw new RangeError('the block is larger than its frame allows');
    to = copyMatch(output, to, offset, length);
  }
  throw new RangeError('the block does not end with literals');
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

/** The bytes that lengthen a run: each adds itself, 255 goes on. */
function countRun(input: Uint8Array, start: number): { readonly sum: number; readonly at: number } {
  let at = start;
  let sum = 0;
  for (;;) {
    const value = input[at];
    if (value === undefined) throw new RangeError('the block ends inside a length');
    at += 1;
    sum += value;
    if (value !== 255) return { sum, at };
  }
}

function copyLiterals(input: Uint8Array, at: number, output: Uint8Array, to: number, length: number): number {
  if (length >= LONG_COPY) output.set(input.subarray(at, at + length), to);
  else for (let index = 0; index < length; index += 1) output[to + index] = byteAt(input, at + index);
  return to + length;
}

/** A match may overlap itself: then it repeats its first `offset` bytes. */
function copyMatch(output: Uint8Array, to: number, offset: number, length: number): number {
  const from = to - offset;
  if (length < LONG_COPY) {
    for (let index = 0; index < length; index += 1) output[to + index] = byteAt(output, from + index);
    return to + length;
  }
  // Each round doubles what can be copied without overlap.
  let copied = 0;
  while (copied < length) {
    const count = Math.min(offset + copied, length - copied);
    output.copyWithin(to + copied, from, from + count);
    copied += count;
  }
  return to + length;
}
