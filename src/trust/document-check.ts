/** Verified documents against what is trusted already: identity, version, expiry, key ids. */
import { TidegateError } from '../errors.ts';
import type { Document } from '../metadata/document.ts';
import { hasHashedId, type KeySet } from '../metadata/keys.ts';
import { printable } from '../metadata/printable.ts';
import { formatTime } from '../metadata/time.ts';
import type { TrustPolicy } from './policy.ts';

/** @throws identity-mismatch; a root without a name asks for none */
export function checkIdentity(document: Document, expected: string | undefined): void {
  const { file, repository } = document;
  if (expected === undefined || repository === expected) return;
  const found = repository === undefined ? 'no repository' : `repository "${printable(repository)}"`;
  throw new TidegateError(
    'identity-mismatch',
    `${file}: belongs to ${found}, expected is "${printable(expected)}"`,
    { file, found, expected: printable(expected) },
  );
}

/** @throws version-mismatch */
export function checkVersion(file: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new TidegateError('version-mismatch', `${file}: version ${found}, expected is ${expected}`, {
    file,
    found,
    expected,
  });
}

/** Strict: at the very moment that a document names, it has expired. @throws expired */
export function checkExpiry(document: Document, now: number, file: string): void {
  if (now < document.expires) return;
  const expired = formatTime(document.expires);
  throw new TidegateError('expired', `${file}: version ${document.version} expired at ${expired}`, {
    file,
    version: document.version,
    expired,
  });
}

/** @throws document-invalid where the policy wants key ids to be hashes and one is not */
export function checkKeyIds(keys: KeySet, policy: TrustPolicy, file: string): void {
  if (!policy.requireHashedKeyIds) return;
  for (const key of keys.values()) {
    if (hasHashedId(key)) continue;
    throw new TidegateError(
      'document-invalid',
      `${file}: key id ${printable(key.id)} is not the hash of its key`,
      { file, keyId: printable(key.id) },
    );
  }
}

/** The error of a version below its floor, or (found undefined) of an entry that vanished. */
export function rollback(
  file: string,
  what: string,
  found: number | undefined,
  floor: number,
): TidegateError {
  const name = printable(what);
  const message =
    found === undefined
      ? `${file}: ${name} is gone; version ${floor} was seen before`
      : `${file}: ${name} has version ${found} < ${floor}, which was seen before`;
  return new TidegateError('rollback', message, { file, what: name, found: found ?? null, floor });
}
