/**
 * The text of a JSON document and a place in it: what is a string, a number, a word, and what is wrong. Where a value
 * begins and what may follow it is the reader's business.
 *
 * While it moves it can copy what it moves over, but for the space. The copy of a value is its canonical form when
 * no string in it has an escape and every object lists its members in order: numbers and words have only one form.
 * Copied are bytes, so text that is not ASCII is left out: its places are not those of its bytes.
 */
import { TidegateError } from '../errors.ts';
import { printable } from './printable.ts';

export const letters = {
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openingBracket: 0x5b,
  backslash: 0x5c,
  closingBracket: 0x5d,
  openingBrace: 0x7b,
  closingBrace: 0x7d,
} as const;
const { quote, backslash, minus, zero } = letters;
const smallestBigDigits = 16;
const fraction = /[.eE]/;
const words = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

export class JsonText {
  position = 0;
  readonly #text: string;
  readonly #bytes: Uint8Array;
  readonly #name: string;
  // Patterns find the ends of runs, not loops: a process that reads one document ends before its loops are fast.
  readonly #space = /[ \n\r\t]*/y;
  readonly #plainRun = /[^"\\\u0000-\u001f]*/y;
  readonly #digits = /[0-9]*/y;
  readonly #escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
  #copy: Uint8Array | undefined;
  #copyLength = 0;
  /** Up to where the copy goes. */
  #copied = 0;

  /** @param bytes of the text */
  constructor(text: string, bytes: Uint8Array, name: string) {
    this.#text = text;
    this.#bytes = bytes;
    this.#name = name;
  }

  get length(): number {
    return this.#text.length;
  }

  /** Begins a copy at the next value. */
  startCopy(): void {
    this.peek();
    this.#copied = this.position;
    this.#copyLength = 0;
    this.#copy = this.#bytes.length === this.#text.length ? new Uint8Array(this.#bytes) : undefined;
  }

  /** Says that the copy would not be canonical. */
  dropCopy(): void {
    this.#copy = undefined;
  }

  /** The copy up to here, if it is canonical. */
  endCopy(): Uint8Array | undefined {
    const copy = this.#copy;
    if (copy !== undefined) this.#copyUpTo(copy, this.position);
    this.#copy = undefined;
    return copy?.subarray(0, this.#copyLength);
  }

  #copyUpTo(copy: Uint8Array, end: number): void {
    copy.copyWithin(this.#copyLength, this.#copied, end);
    this.#copyLength += end - this.#copied;
  }

  /** Moves past space; the code of the character there, NaN at the end. */
  peek(): number {
    const code = this.#text.charCodeAt(this.position);
    return code <= 0x20 ? this.#afterSpace() : code;
  }

  #afterSpace(): number {
    const start = this.position;
    this.#space.lastIndex = start;
    this.#space.test(this.#text);
    this.position = this.#space.lastIndex;
    if (this.#copy !== undefined) {
      this.#copyUpTo(this.#copy, start);
      this.#copied = this.position;
    }
    return this.#text.charCodeAt(this.position);
  }

  /** At a quote. */
  string(): string {
    const text = this.#text;
    const start = this.position + 1;
    const run = this.#plainRun;
    run.lastIndex = start;
    run.test(text);
    const end = run.lastIndex;
    const code = text.charCodeAt(end);
    if (code === backslash) return this.#escapedString(start, end);
    if (code !== quote) {
      this.position = end;
      throw this.unexpected('the rest of a string');
    }
    this.position = end + 1;
    return text.slice(start, end);
  }

  /**
   * The engine decodes the escapes, at a fraction of the cost of doing it here. Its strings are RFC 8259's; what it
   * does not say is where one is wrong.
   */
  #escapedString(start: number, firstEscape: number): string {
    this.dropCopy();
    const end = this.#closingQuote(firstEscape);
    const value = decodedString(this.#text.slice(start - 1, end + 1));
    if (value === undefined) throw this.#fault(firstEscape);
    this.position = end + 1;
    if (!value.isWellFormed()) throw this.invalid('a string holds half of a surrogate pair');
    return value;
  }

  /** The next quote that no backslash escapes; the end of the text when there is none. */
  #closingQuote(from: number): number {
    const text = this.#text;
    let end = text.indexOf('"', from);
    while (end >= 0) {
      let backslashes = 0;
      while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes += 1;
      if (backslashes % 2 === 0) return end;
      end = text.indexOf('"', end + 1);
    }
    return text.length;
  }

  /** What is wrong with a string that cannot be decoded: an escape sequence, a control character, or no end. */
  #fault(from: number): TidegateError {
    const text = this.#text;
    this.position = from;
    for (;;) {
      const code = text.charCodeAt(this.position);
      if (!(code >= 0x20)) return this.unexpected('the rest of a string');
      if (code !== backslash) this.position += 1;
      else {
        this.#escape.lastIndex = this.position;
        if (!this.#escape.test(text)) return this.unexpected('an escape sequence');
        this.position = this.#escape.lastIndex;
      }
    }
  }

  /** At a digit or minus. */
  integer(maxDigits: number): number | bigint {
    const text = this.#text;
    const start = this.position;
    const negative = text.charCodeAt(start) === minus;
    const firstDigit = negative ? start + 1 : start;
    this.#digits.lastIndex = firstDigit;
    this.#digits.test(text);
    const end = this.#digits.lastIndex;
    const digits = end - firstDigit;
    const leadingZero = text.charCodeAt(firstDigit) === zero && (digits > 1 || negative);
    if (digits === 0 || leadingZero) throw this.invalid('a number is not a plain decimal integer');
    if (digits > maxDigits) throw this.tooMany('digits in one number', maxDigits);
    if (fraction.test(text.charAt(end)))
      throw this.invalid('a number has a fraction or an exponent; only integers are allowed');
    this.position = end;
    const literal = text.slice(start, end);
    const value = Number(literal);
    return digits < smallestBigDigits || Number.isSafeInteger(value) ? value : BigInt(literal);
  }

  word(): null | boolean {
    for (const [word, value] of words) {
      if (this.#text.startsWith(word, this.position)) {
        this.position += word.length;
        return value;
      }
    }
    throw this.unexpected('a value');
  }

  /** The error of finding something else here. */
  unexpected(expected: string): TidegateError {
    const found = this.#text.slice(this.position, this.position + 12);
    const shown = found === '' ? 'the text ends' : `there is "${printable(found.toWellFormed())}"`;
    return this.invalid(`${shown} where ${expected} is expected`);
  }

  invalid(problem: string): TidegateError {
    return new TidegateError('json-invalid', `${this.#name}: at character ${this.position} ${problem}`, {
      file: this.#name,
      offset: this.position,
    });
  }

  tooMany(what: string, limit: number): TidegateError {
    return new TidegateError('count-limit', `${this.#name}: more than ${limit} ${what}`, {
      file: this.#name,
      limit,
    });
  }
}

/** The text of a string token, its quotes included; undefined when an escape in it is none. */
function decodedString(token: string): string | undefined {
  try {
    // What begins and ends with a quote is a string or nothing.
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}
