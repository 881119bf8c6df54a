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

/** Text is gathered up to about this many UTF-16 units, which is far cheaper than an encoder call for each piece. */
const gathered = 65_536;
/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const bytesPerUnit = 3;

class CanonicalWriter {
  #text = '';
  #buffer = new Uint8Array(4096);
  #length = 0;
  readonly #encoder = new TextEncoder();

  bytes(): Uint8Array {
    this.#encode();
    return this.#buffer.subarray(0, this.#length);
  }

  value(value: JsonValue): void {
    if (typeof value === 'string') this.#text += quoted(value);
    else if (value === null || typeof value !== 'object') this.#text += String(value);
    else if (value instanceof Map) this.#object(value);
    else this.#array(value as readonly JsonValue[]);
    if (this.#text.length >= gathered) this.#encode();
  }

  #object(object: JsonObject): void {
    const members = isSorted(object) ? object : [...object].sort(([a], [b]) => compareCodePoints(a, b));
    let separator = '{';
    for (const [name, value] of members) {
      this.#text += `${separator}${quoted(name)}:`;
      this.value(value);
      separator = ',';
    }
    this.#text += separator === ',' ? '}' : '{}';
  }

  #array(items: readonly JsonValue[]): void {
    let separator = '[';
    for (const item of items) {
      this.#text += separator;
      this.value(item);
      separator = ',';
    }
    this.#text += separator === ',' ? ']' : '[]';
  }

  #encode(): void {
    this.#reserve(this.#text.length * bytesPerUnit);
    this.#length += this.#encoder.encodeInto(this.#text, this.#buffer.subarray(this.#length)).written;
    this.#text = '';
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

const escaped = /["\\]/;

function quoted(text: string): string {
  return escaped.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** False also for names whose order cannot be seen by `<`. */
function isSorted(object: JsonObject): boolean {
  let previous = '';
  for (const name of object.keys()) {
    if (name < previous || surrogate.test(name)) return false;
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
