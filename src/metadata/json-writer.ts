/**
 * From plain data to the JSON of documents. The writer is narrow: what one peer could not read back exactly is
 * never written. Text is in Unicode normalisation form C (some clients normalise before they verify), numbers
 * are safe integers.
 */
import { TidegateError } from '../errors.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';

/** Plain data, as object literals give it. Members that are undefined are left out. */
export type Plain = JsonValue | { readonly [member: string]: Plain | undefined } | readonly Plain[];

/**
 * @param path where the value will stand, for messages
 * @throws document-invalid for a number that is not a safe integer and for text not in normalisation form C
 */
export function jsonOf(value: Plain, path = 'document'): JsonValue {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isSafeInteger(value)))
    throw unwritable(path, `the number ${value}`, 'an integer below 2^53');
  if (typeof value === 'string') return writableText(value, path);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Map) return objectOf(value as JsonObject, path);
  if (Array.isArray(value)) return value.map((item: Plain, index) => jsonOf(item, `${path}[${index}]`));
  const members = Object.entries(value as { readonly [member: string]: Plain | undefined });
  return objectOf(
    members.filter((member): member is [string, Plain] => member[1] !== undefined),
    path,
  );
}

function objectOf(members: Iterable<readonly [string, Plain]>, path: string): JsonObject {
  const object = new Map<string, JsonValue>();
  for (const [name, value] of members) object.set(writableText(name, path), jsonOf(value, `${path}.${name}`));
  return object;
}

function writableText(text: string, path: string): string {
  if (!text.isWellFormed() || text !== text.normalize('NFC')) {
    throw unwritable(path, JSON.stringify(text.slice(0, 80)), 'text in Unicode normalisation form C');
  }
  return text;
}

function unwritable(path: string, found: string, expected: string): TidegateError {
  return new TidegateError(
    'document-invalid',
    `${path} would be ${found}; only ${expected} can be signed portably`,
    {
      path,
      found,
      expected,
    },
  );
}

/** A copy with some members replaced or, where undefined is given, removed. Order and other members stay. */
export function withMembers(
  object: JsonObject,
  changes: { readonly [member: string]: Plain | undefined },
): JsonObject {
  const copy = new Map(object);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) copy.delete(name);
    else copy.set(name, jsonOf(value, name));
  }
  return copy;
}

/** Readable JSON: two spaces, members in their order, a newline at the end. */
export function formatJson(value: JsonValue): string {
  return `${indented(value, '')}\n`;
}

function indented(value: JsonValue, indent: string): string {
  const deeper = `${indent}  `;
  if (isJsonObject(value)) {
    if (value.size === 0) return '{}';
    const members = Array.from(
      value,
      ([name, member]) => `${deeper}${JSON.stringify(name)}: ${indented(member, deeper)}`,
    );
    return `{\n${members.join(',\n')}\n${indent}}`;
  }
  if (isJsonArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => deeper + indented(item, deeper)).join(',\n')}\n${indent}]`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
