/** What a parent says of a file: version, and optionally length and hashes (TUF specification 4.4, 4.6). */
import { digestLength, type HashAlgorithm, hashAlgorithms } from './crypto.ts';
import { inside, integerAt, invalid, objectAt, type Place } from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';

export type Hashes = Readonly<Partial<Record<HashAlgorithm, string>>>;

export interface FileMeta {
  readonly version: number;
  readonly length: number | undefined;
  /** Lower-case hexadecimal. All of them must match. */
  readonly hashes: Hashes | undefined;
}

export function parseFileMeta(value: JsonValue | undefined, place: Place): FileMeta {
  const object = objectAt(value, place);
  const length = object.get('length');
  const hashes = object.get('hashes');
  return {
    version: integerAt(object.get('version'), 1, inside(place, 'version')),
    length: length === undefined ? undefined : integerAt(length, 0, inside(place, 'length')),
    hashes: hashes === undefined ? undefined : parseHashes(hashes, inside(place, 'hashes')),
  };
}

const hexadecimal = /^[0-9a-f]+$/;

/**
 * At least one of SHA-256 and SHA-512 must be there, in lower-case hexadecimal. Hashes of other algorithms are
 * passed over: they can neither replace nor weaken the known ones.
 */
export function parseHashes(value: JsonValue | undefined, place: Place): Hashes {
  const object: JsonObject = objectAt(value, place);
  const hashes: Partial<Record<HashAlgorithm, string>> = {};
  let usable = 0;
  for (const algorithm of hashAlgorithms) {
    const digest = object.get(algorithm);
    if (digest === undefined) continue;
    if (
      typeof digest !== 'string' ||
      digest.length !== digestLength[algorithm] ||
      !hexadecimal.test(digest)
    ) {
      throw invalid(
        inside(place, algorithm),
        `${digestLength[algorithm]} lower-case hexadecimal characters`,
        digest,
      );
    }
    hashes[algorithm] = digest;
    usable += 1;
  }
  if (usable === 0) throw invalid(place, 'at least one usable hash (sha256 or sha512)', value);
  return hashes;
}
