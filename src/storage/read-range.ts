/** Which bytes of a file a reader wants, and whether it may have them. Pure. */
import { TidegateError } from '../errors.ts';
import { type ReadOptions, SWAP_LIMIT } from './store.ts';

export interface ByteRange {
  /** First byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
}

/** The wanted range within a file of `total` bytes. Codes length-mismatch, usage. */
export function rangeWithin(name: string, total: number, options: ReadOptions): ByteRange {
  checkRange(name, options);
  const { start = 0, length = Number.POSITIVE_INFINITY } = options;
  if (start > total) {
    const text = `${name} has ${total} bytes; byte ${start} was to be the first one read.`;
    throw new TidegateError('length-mismatch', text, { name, found: total, expected: start });
  }
  return { start, end: Math.min(total, start + length) };
}

/** Throws usage unless start and length are whole numbers from 0. */
export function checkRange(name: string, { start = 0, length = 0 }: ReadOptions): void {
  if (Number.isSafeInteger(start) && start >= 0 && Number.isSafeInteger(length) && length >= 0) return;
  const text = `Cannot read ${length} bytes from byte ${start} of ${name}: expected whole numbers from 0.`;
  throw new TidegateError('usage', text, { name });
}

/** Throws store-conflict unless the file still has the etag that the reader pinned. */
export function checkPinned(name: string, found: string, { etag }: ReadOptions): void {
  if (etag === undefined || (etag !== '' && etag === found)) return;
  const text = `${name} has the etag ${JSON.stringify(found)}; expected ${JSON.stringify(etag)}: it has changed.`;
  throw new TidegateError('store-conflict', text, { name, found, expected: etag });
}

/** Throws length-limit when the bytes are more than a swap takes. */
export function checkSwapLength(name: string, bytes: Uint8Array): void {
  if (bytes.byteLength <= SWAP_LIMIT) return;
  const text = `${name} would have ${bytes.byteLength} bytes; a file that is swapped may have ${SWAP_LIMIT}.`;
  throw new TidegateError('length-limit', text, { name, found: bytes.byteLength, limit: SWAP_LIMIT });
}

/** The error of a whole read that meets too large a file. */
export function tooLarge(name: string, location: string, limit: number): TidegateError {
  const text = `${name} in ${location} is larger than ${limit} bytes.`;
  return new TidegateError('length-limit', text, { name, location, limit });
}

/** The order of `list`: by code point, which is the order of the names' UTF-8. */
export function compareNames(first: string, second: string): number {
  return Buffer.compare(Buffer.from(first), Buffer.from(second));
}
