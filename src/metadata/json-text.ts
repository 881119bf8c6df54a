/**
 * The text of a JSON document and a place in it: what is a string, a number, a word, and what is wrong. Where a value
 * begins and what may follow it is the reader's business.
 *
 * While it moves it can copy what it moves over, but for the space. The copy of a value is its canonical form when
 * no string in it has an escape and every object lists its members in order: numbers and words have only one form.
 */
import { TidegateError } from '../errors.ts';
import { Utf8Writer } from './utf8-writer.ts';

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
const words = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;
const surrogate = /[\ud800-\udfff]/;

export class JsonText {
  position = 0;
  readonly #text: string;
  readonly #name: string;
  // Patterns find the ends of runs, not loops: a process that reads one document ends before its loops are fast.
  readonly #space = /[ \n\r\t]*/y;
  readonly #plainRun = /[^"\\\u0000-\u001f]*/y;
  readonly #digits = /[0-9]*/y;
  #copy: Utf8Writer | undefined;
  /** Up to where the copy goes. */
  #copied = 0;

  constructor(text: string, name: string) {
    this.#text = text;
    this.#name = name;
  }

  get length(): number {
    return this.#text.length;
  }

  /** Begins a copy at the next value. `<` would not see the order of names with characters beyond the basic plane. */
  startCopy(): void {
    this.peek();
    this.#copied = this.position;
    this.#copy = surrogate.test(this.#text) ? undefined : new Utf8Writer(this.#text.length - this.position);
  }

  /** Says that the copy would not be canonical. */
  dropCopy(): void {
    this.#copy = undefined;
  }

  /** The copy up to here, if it is canonical. */
  endCopy(): Uint8Array | undefined {
    const copy = this.#copy;
    this.#copy = undefined;
    copy?.append(this.#text.slice(this.#copied, this.position));
    return copy?.bytes();
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
      this.#copy.append(this.#text.slice(this.#copied, start));
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

  /** Text between escapes is taken over in one piece, so that a long string costs no more than its length. */
  #escapedString(start: number, firstEscape: number): string {
    this.dropCopy();
    const text = this.#text;
    let value = text.slice(start, firstEscape);
    this.position = firstEscape;
    let run = firstEscape;
    for (;;) {
      const code = text.charCodeAt(this.position);
      if (code === quote) break;
      if (!(code >= 0x20)) throw this.unexpected('the rest of a string');
      if (code !== backslash) this.position += 1;
      else {
        value += text.slice(run, this.position) + this.#escape();
        run = this.position;
      }
    }
    value += text.slice(run, this.position);
    this.position += 1;
    if (!value.isWellFormed()) throw this.invalid('a string holds half of a surrogate pair');
    return value;
  }

  #escape(): string {
    const letter = this.#text.charAt(this.position + 1);
    const simple = Object.hasOwn(simpleEscapes, letter) ? simpleEscapes[letter] : undefined;
    if (simple !== undefined) {
      this.position += 2;
      return simple;
    }
    const digits = this.#text.slice(this.position + 2, this.position + 6);
    if (letter !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits)) throw this.unexpected('an escape sequence');
    this.position += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
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
    const shown = found === '' ? 'the text ends' : `there is ${JSON.stringify(found.toWellFormed())}`;
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
