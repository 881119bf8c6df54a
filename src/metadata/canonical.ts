/**
 * Canonical JSON as TUF uses it (specification 4.1, OLPC rules): the bytes that are hashed and signed.
 *
 * 1. No white space; members sorted by code point of their names (UTF-16 order differs for astral characters).
 * 2. In strings only `"` and `\` are escaped; every other character, control characters too, stands as it is.
 * 3. Integers only. Text is never normalised: what was read is what is signed.
 */
import type { JsonObject, JsonValue } from './json.ts';

/** The canonical bytes of a value. Linear in its size, but for the sorting of unsorted members. */
export function canonicalBytes(value: JsonValue): Uint8Array {
  const writer = new CanonicalWriter();
  writer.value(value);
  return writer.bytes();
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
/** UTF-8 needs at most three bytes for one UTF-16 unit, an escape two; two more for the quotes. */
const bytesPerUnit = 3;

class CanonicalWriter {
  #buffer = new Uint8Array(4096);
  #length = 0;
  readonly #encoder = new TextEncoder();

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  value(value: JsonValue): void {
    if (typeof value === 'string') this.#string(value);
    else if (value === null || typeof value !== 'object') this.#ascii(String(value));
    else if (value instanceof Map) this.#object(value);
    else this.#array(value as readonly JsonValue[]);
  }

  #object(object: JsonObject): void {
    const members = isSorted(object) ? object : [...object].sort(([a], [b]) => compareCodePoints(a, b));
    let separator = 0x7b;
    for (const [name, value] of members) {
      this.#byte(separator);
      this.#string(name);
      this.#byte(colon);
      this.value(value);
      separator = comma;
    }
    if (separator !== comma) this.#byte(separator);
    this.#byte(0x7d);
  }

  #array(items: readonly JsonValue[]): void {
    let separator = 0x5b;
    for (const item of items) {
      this.#byte(separator);
      this.value(item);
      separator = comma;
    }
    if (separator !== comma) this.#byte(separator);
    this.#byte(0x5d);
  }

  /** Most text is ASCII: it is copied unit by unit, which is several times faster than an encoder call each. */
  #string(text: string): void {
    this.#reserve(text.length * bytesPerUnit + 2);
    const buffer = this.#buffer;
    const start = this.#length;
    let length = start;
    buffer[length++] = quote;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      if (unit >= 0x80) {
        this.#length = start;
        this.#encoded(`"${text.replaceAll(/["\\]/g, '\\$&')}"`);
        return;
      }
      if (unit === quote || unit === backslash) buffer[length++] = backslash;
      buffer[length++] = unit;
    }
    buffer[length++] = quote;
    this.#length = length;
  }

  #ascii(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#byte(text.charCodeAt(index));
  }

  #encoded(text: string): void {
    this.#reserve(text.length * bytesPerUnit);
    this.#length += this.#encoder.encodeInto(text, this.#buffer.subarray(this.#length)).written;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.bytes());
    this.#buffer = larger;
  }
}

function isSorted(object: JsonObject): boolean {
  let previous: string | undefined;
  for (const name of object.keys()) {
    if (previous !== undefined && compareCodePoints(previous, name) > 0) return false;
    previous = name;
  }
  return true;
}

const surrogate = /[\ud800-\udfff]/;

/** Orders text by code point. `<` orders by UTF-16 unit and puts U+1F600 before U+FF5E. */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  if (!surrogate.test(a) && !surrogate.test(b)) return a < b ? -1 : 1;
  let index = 0;
  while (a.charCodeAt(index) === b.charCodeAt(index)) index += 1;
  return codePointRank(a.charCodeAt(index)) - codePointRank(b.charCodeAt(index));
}

/** Moves surrogates above the rest of the basic plane, where their code points belong; -1 for the end. */
function codePointRank(unit: number): number {
  if (Number.isNaN(unit)) return -1;
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
