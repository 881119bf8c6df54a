/**
 * Role names. Readers take any name that can be made into one file name: not empty, no control characters,
 * bounded. It is always percent-encoded before it becomes part of a path or address. Writers keep to names
 * that no client encodes differently.
 */
import { TidegateError } from '../errors.ts';
import { printable } from './printable.ts';

export const topLevelRoles = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type TopLevelRole = (typeof topLevelRoles)[number];

export function isTopLevelRole(name: string): name is TopLevelRole {
  return (topLevelRoles as readonly string[]).includes(name);
}

/** File names have at most 255 bytes; a version, `.json`, a bin's number and a temporary suffix take up to 55. */
const maxEncodedLength = 200;

/** @throws role-name-invalid when the name cannot be a file name on every system */
export function checkRoleName(name: string): string {
  if (name === '' || /[\u0000-\u001f\u007f]/.test(name) || !name.isWellFormed())
    throw refused(name, 'text without control characters');
  if (encodeSegment(name).length > maxEncodedLength)
    throw refused(name, `at most ${maxEncodedLength} bytes when percent-encoded`);
  return name;
}

/** What our own delegated roles may be called: no client treats such a name specially. */
export function checkPortableRoleName(name: string): string {
  if (!/^[a-z][a-z0-9._-]{0,79}$/.test(name) || isTopLevelRole(name)) {
    throw refused(
      name,
      'lower-case letters, digits, ".", "_" and "-", beginning with a letter, and not the name of a top-level role',
    );
  }
  return name;
}

/** Percent-encodes everything but letters, digits and `_.-~`, as python-tuf, tough and go-tuf do. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function refused(name: string, expected: string): TidegateError {
  return new TidegateError('role-name-invalid', `role name "${printable(name)}" should be ${expected}`, {
    role: printable(name),
    expected,
  });
}
