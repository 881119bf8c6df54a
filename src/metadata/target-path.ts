/**
 * Target paths become addresses and file names, so only checked ones get the type `TargetPath`. The rules:
 * relative, forward slashes, no empty, `.` or `..` segment, no backslash, no control character, bounded.
 * Everything else (spaces, `?`, `#`, `%`, non-ASCII) is legal and is encoded where it becomes an address.
 */
import { TidegateError } from '../errors.ts';
import { printable } from './printable.ts';

declare const checked: unique symbol;
export type TargetPath = string & { readonly [checked]: true };

/** Object stores take names of 1,024 bytes, a prefix included. */
const maxPathLength = 1024;
const unsafe = /^\/|\/$|\/\/|(?:^|\/)\.\.?(?:\/|$)|[\\\u0000-\u001f\u007f]/;

export function isTargetPath(text: string): text is TargetPath {
  return text !== '' && text.length <= maxPathLength && !unsafe.test(text) && text.isWellFormed();
}

/** @throws target-path-invalid */
export function parseTargetPath(text: string): TargetPath {
  if (isTargetPath(text)) return text;
  throw refused(
    text,
    `a relative path of at most ${maxPathLength} characters without "." or ".." segments, backslashes or control characters`,
  );
}

/** File names on most systems have at most 255 bytes; the hash prefix of consistent snapshots takes 65 (SHA-256). */
const maxPortableLength = 180;

/**
 * Names that every client asks for at the same address: flat, and of characters that nobody encodes.
 *
 * @throws target-path-invalid
 */
export function parsePortableTargetPath(text: string): TargetPath {
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(text) && text.length <= maxPortableLength)
    return parseTargetPath(text);
  throw refused(
    text,
    `a flat name of at most ${maxPortableLength} letters, digits, ".", "_", "+" and "-" that begins with a letter or digit`,
  );
}

function refused(text: string, expected: string): TidegateError {
  return new TidegateError('target-path-invalid', `target path "${printable(text)}" should be ${expected}`, {
    target: printable(text),
    expected,
  });
}
