/**
 * Canonical JSON as TUF uses it (specification 4.1, OLPC rules): the bytes that are hashed and signed.
 *
 * 1. No white space; members sorted by code point of their names (UTF-16 order differs for astral characters).
 * 2. In strings only `"` and `\` are escaped; every other character, control characters too, stands as it is.
 * 3. Integers only. Text is never normalised: what was read is what is signed.
 */
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { Utf8Writer } from './utf8-writer.ts';

/**
 * The canonical bytes of a value. Linear in its size, but for the sorting of unsorted members.
 *
 * @param expectedLength about how many bytes there will be; spares the growing
 */
export function canonicalBytes(value: JsonValue, expectedLength = 0): Uint8Array {
  const writer = new CanonicalWriter(expectedLength);
  writer.value(value);
  return writer.bytes();
}

/** The same value with the members of all objects in canonical order, so that only its layout has to be taken away. */
export function inCanonicalOrder(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(inCanonicalOrder);
  if (!isJsonObject(value)) return value;
  const members = [...value].sort(byName);
  return new Map(members.map(([name, member]) => [name, inCanonicalOrder(member)]));
}

class CanonicalWriter {
  readonly #out: Utf8Writer;
  #separator = '{';
  readonly #member = (value: JsonValue, name: string): void => {
    this.#out.append(`${this.#separator}${quoted(name)}:`);
    this.value(value);
    this.#separator = ',';
  };

  constructor(expectedLength: number) {
    this.#out = new Utf8Writer(expectedLength);
  }

  bytes(): Uint8Array {
    return this.#out.bytes();
  }

  value(value: JsonValue): void {
    if (typeof value === 'string') this.#out.append(quoted(value));
    else if (value === null || typeof value !== 'object') this.#out.append(String(value));
    else if (value instanceof Map) this.#object(value);
    else this.#array(value as readonly JsonValue[]);
  }

  #object(object: JsonObject): void {
    this.#separator = '{';
    if (isSorted(object)) object.forEach(this.#member);
    else for (const [name, value] of [...object].sort(byName)) this.#member(value, name);
    this.#out.append(this.#separator === '{' ? '{}' : '}');
  }

  #array(items: readonly JsonValue[]): void {
    let separator = '[';
    for (const item of items) {
      this.#out.append(separator);
      this.value(item);
      separator = ',';
    }
    this.#out.append(separator === ',' ? ']' : '[]');
  }
}

const escaped = /["\\]/;

function quoted(text: string): string {
  if (!escaped.test(text)) return `"${text}"`;
  // Parting and joining costs a fraction of replacing when a text is nothing but backslashes.
  return `"${text.split('\\').join('\\\\').split('"').join('\\"')}"`;
}

/** False also for names whose order cannot be seen by `<`. */
function isSorted(object: JsonObject): boolean {
  if (object.size < 2) return true;
  let previous = '';
  let ordered = true;
  object.forEach((_, name) => {
    ordered &&= name >= previous && !surrogate.test(name);
    previous = name;
  });
  return ordered;
}

function byName([a]: readonly [string, JsonValue], [b]: readonly [string, JsonValue]): number {
  return compareCodePoints(a, b);
}

const surrogate = /[\ud800-\udfff]/;

/** Orders text by code point. `<` orders by UTF-16 unit and puts U+1F600 before U+FF5E. */
export function compareCodePoints(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < shorter; index += 1) {
    const one = a.charCodeAt(index);
    const other = b.charCodeAt(index);
    if (one !== other) return codePointRank(one) - codePointRank(other);
  }
  return a.length - b.length;
}

/** Moves surrogates above the rest of the basic plane, where their code points belong. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
