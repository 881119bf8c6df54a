/**
 * Names of files in a store, the same rules for every store, so that what is written to one can be copied to all.
 * - Relative, forward slashes, 1 to 1,024 bytes of UTF-8, well-formed Unicode.
 * - No segment is empty, `.` or `..`; no control character, no backslash.
 * - No segment begins with `.tidegate-`: those are temporary files and locks of the directory store, never listed.
 */
import { TidegateError } from '../errors.ts';

/** What begins a file name that belongs to the machinery of a directory and not to its content. */
export const RESERVED_PREFIX = '.tidegate-';

const LONGEST_NAME = 1024;
/** What common file systems allow for one segment. */
const LONGEST_SEGMENT = 255;

/** Throws target-path-invalid unless `name` can be stored everywhere. */
export function checkStoreName(name: string): void {
  const reason = nameFault(name) ?? segmentsFault(name);
  if (reason !== undefined) {
    throw new TidegateError('target-path-invalid', `The name ${JSON.stringify(name)} ${reason}.`, { name });
  }
}

/** Throws target-path-invalid unless `prefix` can begin a name; it may end anywhere in a segment. */
export function checkStorePrefix(prefix: string): void {
  if (prefix !== '') checkStoreName(/[/.]$/.test(prefix) ? `${prefix}x` : prefix);
}

/** True for a file name that is machinery. */
function isReservedSegment(segment: string): boolean {
  return segment.startsWith(RESERVED_PREFIX);
}

function nameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (!name.isWellFormed()) return 'is not well-formed Unicode';
  if (Buffer.byteLength(name) > LONGEST_NAME) return `is longer than ${LONGEST_NAME} bytes`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'has a control character';
  if (name.includes('\\')) return 'has a backslash';
  return undefined;
}

function segmentsFault(name: string): string | undefined {
  for (const segment of name.split('/')) {
    if (segment === '') return 'has an empty segment (two slashes, or one at an end)';
    if (segment === '.' || segment === '..') return `has the segment "${segment}"`;
    if (isReservedSegment(segment)) return `has a segment beginning with the reserved "${RESERVED_PREFIX}"`;
    if (Buffer.byteLength(segment) > LONGEST_SEGMENT) {
      return `has a segment longer than ${LONGEST_SEGMENT} bytes`;
    }
  }
  return undefined;
}
