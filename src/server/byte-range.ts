/**
 * The Range header (RFC 9110, section 14). Pure. The rules:
 *
 * 1. Only the first range counts; what follows the first comma is not read. So an answer never has more bytes than
 *    the file, and many ranges cost no more than one.
 * 2. Another unit, or a range that is not well formed (`9-2`), is ignored: the whole file, 200.
 * 3. A well-formed range that holds no byte of the file: 416.
 * 4. A range that goes beyond the end is cut there.
 */
export interface ByteSpan {
  readonly start: number;
  readonly length: number;
}

/** Undefined when the header asks for nothing that this server gives in parts. */
export function parseRange(header: string, total: number): ByteSpan | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=[ \t,]*(\d*)-(\d*)[ \t]*(?:,|$)/i.exec(header) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return suffix(Number(last), total);
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (isBelow(last, first)) return undefined;
  if (start >= total) return 'unsatisfiable';
  return { start, length: Math.min(end, total - 1) - start + 1 };
}

function suffix(wanted: number, total: number): ByteSpan | 'unsatisfiable' {
  const length = Math.min(wanted, total);
  return length === 0 ? 'unsatisfiable' : { start: total - length, length };
}

/** As numbers of any size, which a number of JavaScript would round. */
function isBelow(last: string, first: string): boolean {
  if (last === '') return false;
  const [a, b] = [last, first].map((digits) => digits.replace(/^0+(?=.)/, ''));
  return a !== undefined && b !== undefined && (a.length < b.length || (a.length === b.length && a < b));
}
