/** Readers of single members of a manifest. Each error names the member, what was found and what was expected. */
import { TidegateError } from '../errors.ts';
import { describe } from '../metadata/fields.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../metadata/json.ts';
import { readVersion } from './version.ts';
import { readTime, timeForm } from './wave-time.ts';

/** @returns the error to throw for a member at `where`, such as `updates[3].version` */
export function manifestInvalid(
  where: string,
  found: JsonValue | undefined,
  expected: string,
): TidegateError {
  const shown = describe(found);
  return new TidegateError(
    'manifest-invalid',
    `manifest.json: ${where}: found ${shown}, expected ${expected}`,
    {
      file: 'manifest.json',
      where,
      found: shown,
      expected,
    },
  );
}

export function objectOf(value: JsonValue | undefined, where: string): JsonObject {
  if (!isJsonObject(value)) throw manifestInvalid(where, value, 'an object');
  return value;
}

export function arrayOf(value: JsonValue | undefined, where: string): readonly JsonValue[] {
  if (!isJsonArray(value)) throw manifestInvalid(where, value, 'an array');
  return value;
}

/** A text with something in it and without control characters, so that it can be shown and compared. */
export function textOf(value: JsonValue | undefined, where: string): string {
  if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f-\u009f]/.test(value)) {
    throw manifestInvalid(where, value, 'a string without control characters');
  }
  return value;
}

export function versionOf(value: JsonValue | undefined, where: string): string {
  if (typeof value !== 'string' || readVersion(value) === undefined) {
    throw manifestInvalid(where, value, 'a SemVer version without leading v');
  }
  return value;
}

export function timeOf(value: JsonValue | undefined, where: string): number {
  const time = typeof value === 'string' ? readTime(value) : undefined;
  if (time === undefined) throw manifestInvalid(where, value, timeForm);
  return time;
}

/** The members that are not in `known`, or nothing when there are none. */
export function unknownMembers(object: JsonObject, known: readonly string[]): Map<string, JsonValue> {
  return new Map([...object].filter(([name]) => !known.includes(name)));
}
