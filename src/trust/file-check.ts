/** Bytes against what a trusted parent says of them: limit, length, hashes. Before anything is parsed. */
import { TidegateError } from '../errors.ts';
import { digestOf, hashAlgorithms } from '../metadata/crypto.ts';
import type { FileMeta, Hashes } from '../metadata/file-meta.ts';
import { printable } from '../metadata/printable.ts';
import type { Limits } from './limits.ts';

/** @throws length-limit */
export function checkLimit(bytes: Uint8Array, limit: number, file: string): void {
  if (bytes.length <= limit) return;
  throw new TidegateError('length-limit', `${file}: ${bytes.length} bytes, at most ${limit} are allowed`, {
    file,
    found: bytes.length,
    limit,
  });
}

/**
 * Bytes that a file may have: the length that its parent states, or the role's own limit where it states none.
 *
 * @throws length-limit when the stated length is more than the role's own limit, beside a hash `maxStatedLength`
 */
export function statedLimit(meta: FileMeta, ownLimit: number, limits: Limits, role: string): number {
  const most = meta.hashes === undefined ? ownLimit : limits.maxStatedLength;
  const { length = ownLimit } = meta;
  if (length <= most) return length;
  const name = printable(role);
  const without = meta.hashes === undefined ? ' without a hash' : '';
  throw new TidegateError(
    'length-limit',
    `${name}: a length of ${length} bytes is stated${without}, at most ${most} are allowed`,
    { role: name, found: length, limit: most },
  );
}

/**
 * Length and hashes, where the parent states them. All stated hashes must match.
 *
 * @throws length-mismatch, hash-mismatch
 */
export function checkFile(bytes: Uint8Array, meta: Pick<FileMeta, 'length' | 'hashes'>, file: string): void {
  if (meta.length !== undefined && meta.length !== bytes.length)
    throw lengthMismatch(file, bytes.length, meta.length);
  checkHashes(meta.hashes ?? {}, (algorithm) => digestOf(algorithm, bytes), file);
}

/** Compares every stated hash with the one found. @throws hash-mismatch */
export function checkHashes(stated: Hashes, found: (algorithm: keyof Hashes) => string, file: string): void {
  for (const algorithm of hashAlgorithms) {
    const expected = stated[algorithm];
    if (expected === undefined) continue;
    const actual = found(algorithm);
    if (actual === expected) continue;
    throw new TidegateError('hash-mismatch', `${file}: ${algorithm} is ${actual}, signed is ${expected}`, {
      file,
      algorithm,
      found: actual,
      expected,
    });
  }
}

export function lengthMismatch(file: string, found: number, expected: number): TidegateError {
  return new TidegateError('length-mismatch', `${file}: ${found} bytes, signed are ${expected}`, {
    file,
    found,
    expected,
  });
}
