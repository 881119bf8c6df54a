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
  return new JsonReader(decodeUtf8(bytes, name), limits, name).document();
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

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openingBrace = 0x7b;
const closingBrace = 0x7d;
const openingBracket = 0x5b;
const closingBracket = 0x5d;
const zero = 0x30;
const nine = 0x39;
const minus = 0x2d;
const smallestBigDigits = 16;
const fraction = /[.eE]/;
/** Shared, since a Map for each of a hundred thousand empty objects is what takes the most time and memory. */
const noMembers: JsonObject = new Map();
const simpleEscapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class JsonReader {
  readonly #text: string;
  readonly #limits: JsonLimits;
  readonly #name: string;
  // Patterns find the ends of runs, not loops: a process that reads one document ends before its loops are fast.
  readonly #space = /[ \n\r\t]*/y;
  readonly #plainRun = /[^"\\\u0000-\u001f]*/y;
  readonly #digits = /[0-9]*/y;
  #position = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits, name: string) {
    this.#text = text;
    this.#limits = limits;
    this.#name = name;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#peek();
    if (this.#position < this.#text.length) throw this.#unexpected('the end of the document');
    return value;
  }

  #value(depth: number): JsonValue {
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) throw this.#tooMany('values', this.#limits.maxValues);
    const code = this.#peek();
    if (code === quote) return this.#string();
    if (code === openingBrace) return this.#object(depth + 1);
    if (code === openingBracket) return this.#array(depth + 1);
    if (code === minus || (code >= zero && code <= nine)) return this.#integer();
    return this.#word();
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    if (this.#take(closingBrace)) return noMembers;
    const members = new Map<string, JsonValue>();
    for (;;) {
      if (this.#peek() !== quote) throw this.#unexpected('a member name');
      const at = this.#position;
      const name = this.#string();
      if (!this.#take(colon)) throw this.#unexpected('":"');
      const before = members.size;
      members.set(name, this.#value(depth));
      if (members.size === before) {
        this.#position = at;
        throw this.#invalid(`the member ${JSON.stringify(shorten(name))} appears twice in one object`);
      }
      if (this.#take(comma)) continue;
      if (this.#take(closingBrace)) return members;
      throw this.#unexpected('"," or "}"');
    }
  }

  #array(depth: number): readonly JsonValue[] {
    this.#enter(depth);
    const items: JsonValue[] = [];
    if (this.#take(closingBracket)) return items;
    for (;;) {
      items.push(this.#value(depth));
      if (this.#take(comma)) continue;
      if (this.#take(closingBracket)) return items;
      throw this.#unexpected('"," or "]"');
    }
  }

  #enter(depth: number): void {
    if (depth > this.#limits.maxDepth) throw this.#tooMany('levels of nesting', this.#limits.maxDepth);
    this.#position += 1;
  }

  /** Moves past space; the code of the character there, NaN at the end. */
  #peek(): number {
    const code = this.#text.charCodeAt(this.#position);
    if (!(code <= 0x20)) return code;
    this.#space.lastIndex = this.#position;
    this.#space.test(this.#text);
    this.#position = this.#space.lastIndex;
    return this.#text.charCodeAt(this.#position);
  }

  /** Moves past space, and past the character if it is this one. */
  #take(code: number): boolean {
    if (this.#peek() !== code) return false;
    this.#position += 1;
    return true;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#position + 1;
    const run = this.#plainRun;
    run.lastIndex = start;
    run.test(text);
    const end = run.lastIndex;
    const code = text.charCodeAt(end);
    if (code === backslash) return this.#escapedString(start, end);
    if (code !== quote) {
      this.#position = end;
      throw this.#unexpected('the rest of a string');
    }
    this.#position = end + 1;
    return text.slice(start, end);
  }

  /** Text between escapes is taken over in one piece, so that a long string costs no more than its length. */
  #escapedString(start: number, firstEscape: number): string {
    const text = this.#text;
    let value = text.slice(start, firstEscape);
    this.#position = firstEscape;
    let run = firstEscape;
    for (;;) {
      const code = text.charCodeAt(this.#position);
      if (code === quote) break;
      if (!(code >= 0x20)) throw this.#unexpected('the rest of a string');
      if (code !== backslash) this.#position += 1;
      else {
        value += text.slice(run, this.#position) + this.#escape();
        run = this.#position;
      }
    }
    value += text.slice(run, this.#position);
    this.#position += 1;
    if (!value.isWellFormed()) throw this.#invalid('a string holds half of a surrogate pair');
    return value;
  }

  #escape(): string {
    const letter = this.#text.charAt(this.#position + 1);
    const simple = Object.hasOwn(simpleEscapes, letter) ? simpleEscapes[letter] : undefined;
    if (simple !== undefined) {
      this.#position += 2;
      return simple;
    }
    const digits = this.#text.slice(this.#position + 2, this.#position + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#unexpected('an escape sequence');
    this.#position += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #integer(): number | bigint {
    const text = this.#text;
    const start = this.#position;
    const negative = text.charCodeAt(start) === minus;
    const firstDigit = negative ? start + 1 : start;
    this.#digits.lastIndex = firstDigit;
    this.#digits.test(text);
    const end = this.#digits.lastIndex;
    const digits = end - firstDigit;
    const leadingZero = text.charCodeAt(firstDigit) === zero && (digits > 1 || negative);
    if (digits === 0 || leadingZero) throw this.#invalid('a number is not a plain decimal integer');
    if (digits > this.#limits.maxDigits) throw this.#tooMany('digits in one number', this.#limits.maxDigits);
    if (fraction.test(text.charAt(end)))
      throw this.#invalid('a number has a fraction or an exponent; only integers are allowed');
    this.#position = end;
    const literal = text.slice(start, end);
    const value = Number(literal);
    return digits < smallestBigDigits || Number.isSafeInteger(value) ? value : BigInt(literal);
  }

  #word(): null | boolean {
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (this.#text.startsWith(word, this.#position)) {
        this.#position += word.length;
        return value;
      }
    }
    throw this.#unexpected('a value');
  }

  #unexpected(expected: string): TidegateError {
    const found = this.#text.slice(this.#position, this.#position + 12);
    const shown = found === '' ? 'the text ends' : `there is ${JSON.stringify(found.toWellFormed())}`;
    return this.#invalid(`${shown} where ${expected} is expected`);
  }

  #invalid(problem: string): TidegateError {
    return new TidegateError('json-invalid', `${this.#name}: at character ${this.#position} ${problem}`, {
      file: this.#name,
      offset: this.#position,
    });
  }

  #tooMany(what: string, limit: number): TidegateError {
    return new TidegateError('count-limit', `${this.#name}: more than ${limit} ${what}`, {
      file: this.#name,
      limit,
    });
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
