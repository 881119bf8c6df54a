/**
 * Typed access to members of parsed JSON. A `Place` says where a value stands ("targets.json:
 * signed.version"), so that each refusal names the file and the member. All throw document-invalid.
 */
import { TidegateError } from '../errors.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { printable } from './printable.ts';

export interface Place {
  /** The file or role that is read. */
  readonly file: string;
  /** Members from the top of the file, joined by dots. */
  readonly path: string;
}

export function inside(place: Place, member: string | number): Place {
  const name = typeof member === 'number' ? `[${member}]` : `.${printable(member)}`;
  return { file: place.file, path: place.path + name };
}

export function invalid(place: Place, expected: string, found: JsonValue | undefined): TidegateError {
  return new TidegateError(
    'document-invalid',
    `${place.file}: ${place.path} should be ${expected}, found ${describe(found)}`,
    { file: place.file, path: place.path, expected, found: describe(found) },
  );
}

/** A short, printable description of a value, for messages. */
export function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (isJsonObject(value)) return 'an object';
  if (isJsonArray(value)) return 'a list';
  return typeof value === 'string' ? `"${printable(value)}"` : String(value);
}

export function objectAt(value: JsonValue | undefined, place: Place): JsonObject {
  if (!isJsonObject(value)) throw invalid(place, 'an object', value);
  return value;
}

export function listAt(value: JsonValue | undefined, place: Place): readonly JsonValue[] {
  if (!isJsonArray(value)) throw invalid(place, 'a list', value);
  return value;
}

export function textAt(value: JsonValue | undefined, place: Place): string {
  if (typeof value !== 'string') throw invalid(place, 'text', value);
  return value;
}

export function booleanAt(value: JsonValue | undefined, place: Place): boolean {
  if (typeof value !== 'boolean') throw invalid(place, 'true or false', value);
  return value;
}

/** An integer of at least `min` and at most 2^53 - 1. */
export function integerAt(value: JsonValue | undefined, min: number, place: Place): number {
  if (typeof value !== 'number' || value < min)
    throw invalid(place, `an integer from ${min} to 2^53 - 1`, value);
  return value;
}

/** Refuses more entries than a named limit. */
export function checkCount(count: number, limit: number, what: string, place: Place): void {
  if (count <= limit) return;
  throw new TidegateError(
    'count-limit',
    `${place.file}: ${place.path} has ${count} ${what}, at most ${limit} are allowed`,
    {
      file: place.file,
      path: place.path,
      found: count,
      limit,
    },
  );
}
