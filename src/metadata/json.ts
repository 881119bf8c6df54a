/**
 * Strict JSON (RFC 8259), for bytes that nobody has vouched for yet. The rules:
 *
 * 1. The bytes are valid UTF-8 without a byte order mark.
 * 2. An object names each member once. Two parsers that keep different duplicates would see two documents
 *    under one signature.
 * 3. Numbers are integers of at most `maxDigits` digits. Canonical JSON has no fractions, and a number that
 *    does not survive reading and printing breaks the signature in every client that prints it again.
 *    Integers beyond 2^53 are kept exactly, as bigint. `-0` is refused: it has no canonical form.
 * 4. Strings hold no lone surrogates: they have no UTF-8 form.
 * 5. Nesting, the number of values and of members of one object are bounded; the cost is linear in the bytes.
 *
 * Objects become Maps: they keep the order of members, also of those that look like numbers, and have no
 * inherited names such as `__proto__` or `constructor`.
 */
import { TidegateError } from '../errors.ts';
import { JsonText, letters } from './json-text.ts';
import { printable } from './printable.ts';

export type JsonValue = null | boolean | number | bigint | string | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

export interface JsonLimits {
  /** Nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Values in the whole document: scalars, arrays and objects together. */
  readonly maxValues: number;
  /** Digits of one integer. */
  readonly maxDigits: number;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Reads one JSON document.
 *
 * @param name what the bytes are, for messages ("timestamp.json")
 * @throws json-invalid with the offset and what stands there; count-limit when a bound of `limits` is passed
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits, name: string): JsonValue {
  return new JsonReader(new JsonText(decodeUtf8(bytes, name), bytes, name), limits).document();
}

/** A document, and of one member the canonical bytes, where they are what is written but for white space. */
export interface JsonWithCanonical {
  readonly value: JsonValue;
  readonly canonical: Uint8Array | undefined;
}

/**
 * As `parseJson`; what most signers write is canonical but for its layout, which spares making it once more.
 *
 * @param member of the object at the top
 */
export function parseJsonWithCanonical(
  bytes: Uint8Array,
  limits: JsonLimits,
  name: string,
  member: string,
): JsonWithCanonical {
  const reader = new JsonReader(new JsonText(decodeUtf8(bytes, name), bytes, name), limits, member);
  return { value: reader.document(), canonical: reader.canonical };
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TidegateError(
      'json-invalid',
      `${name}: ${bytes.length} bytes that are not UTF-8 text, beginning with ${firstBytes(bytes)}`,
      { file: name, bytes: bytes.length },
      { cause },
    );
  }
}

/** The first bytes of something unexpected, safe to print on a terminal. */
function firstBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 16), (byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `"${shown.join('')}"`;
}

const { quote, comma, minus, zero, nine, colon } = letters;
const { openingBrace, closingBrace, openingBracket, closingBracket } = letters;
/** Shared, since a Map for each of a hundred thousand empty objects is what takes the most time and memory. */
const noMembers: JsonObject = new Map();

class JsonReader {
  canonical: Uint8Array | undefined;
  readonly #text: JsonText;
  readonly #limits: JsonLimits;
  /** The member at the top that is copied. */
  readonly #copied: string | undefined;
  #values = 0;

  constructor(text: JsonText, limits: JsonLimits, copied?: string) {
    this.#text = text;
    this.#limits = limits;
    this.#copied = copied;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#text.peek();
    if (this.#text.position < this.#text.length) throw this.#text.unexpected('the end of the document');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) throw this.#text.tooMany('values', this.#limits.maxValues);
    const code = this.#text.peek();
    if (code === quote) return this.#text.string();
    if (code === openingBrace) return this.#object(depth + 1);
    if (code === openingBracket) return this.#array(depth + 1);
    if (code === minus || (code >= zero && code <= nine)) return this.#text.integer(this.#limits.maxDigits);
    return this.#text.word();
  }

  #object(depth: number): JsonObject {
    const text = this.#text;
    this.#enter(depth);
    if (text.peek() === closingBrace) {
      text.position += 1;
      return noMembers;
    }
    const members = new Map<string, JsonValue>();
    let previous = '';
    for (;;) {
      if (text.peek() !== quote) throw text.unexpected('a member name');
      const at = text.position;
      const name = text.string();
      if (text.peek() !== colon) throw text.unexpected('":"');
      text.position += 1;
      if (name < previous) text.dropCopy();
      previous = name;
      const before = members.size;
      members.set(name, depth === 1 && name === this.#copied ? this.#copiedValue() : this.#value(depth));
      if (members.size === before) throw duplicate(text, at, name);
      const next = text.peek();
      if (next !== comma && next !== closingBrace) throw text.unexpected('"," or "}"');
      text.position += 1;
      if (next === closingBrace) return members;
    }
  }

  #array(depth: number): readonly JsonValue[] {
    const text = this.#text;
    this.#enter(depth);
    const items: JsonValue[] = [];
    if (text.peek() === closingBracket) {
      text.position += 1;
      return items;
    }
    for (;;) {
      items.push(this.#value(depth));
      const next = text.peek();
      if (next !== comma && next !== closingBracket) throw text.unexpected('"," or "]"');
      text.position += 1;
      if (next === closingBracket) return items;
    }
  }

  #enter(depth: number): void {
    if (depth > this.#limits.maxDepth) throw this.#text.tooMany('levels of nesting', this.#limits.maxDepth);
    this.#text.position += 1;
  }

  #copiedValue(): JsonValue {
    this.#text.startCopy();
    const value = this.#value(1);
    this.canonical = this.#text.endCopy();
    return value;
  }
}

function duplicate(text: JsonText, at: number, name: string): TidegateError {
  text.position = at;
  return text.invalid(`the member "${printable(name)}" appears twice in one object`);
}
