/**
 * Ranges in HTTP, and what an answer to them is worth. Pure.
 * - An answer to a range is believed only when it says, in bytes, exactly the range that was asked for.
 * - A whole file in answer to a range is of use only from byte 0; nothing is ever skipped or mixed.
 */
import type { ByteRange } from './read-range.ts';
import type { ReadOptions } from './store.ts';

/** The Range header; undefined when the whole file is wanted. `length` must not be 0. */
export function rangeHeader({ start = 0, length }: ReadOptions): string | undefined {
  if (start === 0 && length === undefined) return undefined;
  return `bytes=${start}-${length === undefined ? '' : start + length - 1}`;
}

export interface ContentRange extends ByteRange {
  /** Bytes of the whole file; undefined when the server does not tell. */
  readonly total: number | undefined;
}

/** Reads `bytes 0-9/100` or `bytes 0-9/*`; undefined for anything else. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || total === undefined) return undefined;
  const range = {
    start: Number(first),
    end: Number(last) + 1,
    total: total === '*' ? undefined : Number(total),
  };
  if (range.end <= range.start || (range.total !== undefined && range.end > range.total)) return undefined;
  return range;
}

// "bytes */100", the answer to a range that cannot be satisfied.
/** Reads the total of an unsatisfied range; undefined for anything else. */
export function parseUnsatisfiedRange(header: string | undefined): number | undefined {
  const [, total] = /^bytes \*\/(\d{1,15})$/i.exec(header ?? '') ?? [];
  return total === undefined ? undefined : Number(total);
}

/** Whether an answered range is all of what was asked for, cut only by the end of the file. */
export function isAskedRange(answered: ContentRange, { start = 0, length }: ReadOptions): boolean {
  if (answered.start !== start) return false;
  if (answered.total === undefined) return length !== undefined && answered.end === start + length;
  const end = length === undefined ? answered.total : Math.min(answered.total, start + length);
  return answered.end === end;
}

/** The ETag header when it is a strong one, otherwise empty: a weak one does not vouch for bytes. */
export function strongEtag(header: string | undefined): string {
  return header !== undefined && /^"[\u0021\u0023-\u007e\u0080-\u00ff]*"$/.test(header) ? header : '';
}

/** A Content-Length; undefined when there is none, or none that can be believed. */
export function parseContentLength(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
