/**
 * From the request line to the name of a file in the store. Pure. The rules:
 *
 * 1. Origin form alone: one slash first, printable ASCII, at most 4,096 characters before the `?`; what follows it
 *    is ignored.
 * 2. Decoded once, per segment, as strict UTF-8. An encoded slash, a backslash, a control character, and an empty,
 *    `.` or `..` segment are refused however they are spelled: 400.
 * 3. A folder, the root included, and any segment that begins with a dot do not exist: 404.
 * 4. What remains is a store name, letter by letter. Nothing is normalised, repaired or redirected.
 */
import { isTidegateError } from '../errors.ts';
import { checkStoreName } from '../storage/store-name.ts';

export type RequestPath = { readonly name: string } | { readonly refused: 400 | 404 };

const LONGEST_PATH = 4096;

/** The usual path: nothing in it can be encoded, empty, or begin with a dot. */
const plainPath = /^(?:\/[A-Za-z0-9_-][A-Za-z0-9._+-]*)+$/;

const badRequest: RequestPath = { refused: 400 };
const absent: RequestPath = { refused: 404 };

export function parseRequestPath(target: string): RequestPath {
  const path = withoutQuery(target);
  if (path.length > LONGEST_PATH || !/^\/[!-~]*$/.test(path) || /[\\#]/.test(path)) return badRequest;
  if (plainPath.test(path)) return storeName(path.slice(1));
  if (path === '/') return absent;
  const segments = path.slice(1).split('/');
  const folder = segments.at(-1) === '';
  const decoded = (folder ? segments.slice(0, -1) : segments).map(decodeSegment);
  if (decoded.includes(undefined)) return badRequest;
  if (folder || decoded.some((segment) => segment?.startsWith('.'))) return absent;
  return storeName(decoded.join('/'));
}

/** The part of a request target that names a file. */
export function withoutQuery(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

function decodeSegment(segment: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  return decoded === '' || /^\.{1,2}$|[/\\\u0000-\u001f\u007f-\u009f]/.test(decoded) ? undefined : decoded;
}

function storeName(name: string): RequestPath {
  try {
    checkStoreName(name);
    return { name };
  } catch (error) {
    if (isTidegateError(error, 'target-path-invalid')) return badRequest;
    throw error;
  }
}
