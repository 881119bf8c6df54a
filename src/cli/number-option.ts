/** Numbers with units as people type them into options. */
import { InvalidArgumentError } from 'commander';

/** For a count: "1000000", "1e6", "1_000_000". */
export function wholeNumber(text: string): number {
  const value = /^\d[\d_]*(e\d{1,2})?$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('expected a whole number such as 5000 or 1e6');
}

/** For a share: "2%", "0.5 %", "0.02". 0 … 1. */
export function share(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,6})?) ?(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('expected a share such as 2% or 0.02');
}

const prefixes = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 } as const satisfies Record<string, number>;

/** For a size: "165MB", "1.5 GB", "4096". Bytes. */
export function byteSize(text: string): number {
  return withPrefix(text, /^(\d{1,15}(?:\.\d{1,3})?) ?([kMGT]?)B?$/, 'a size such as 165MB');
}

/** For a rate: "100Mbit", "2.5Gbit/s". Bits per second. */
export function bitRate(text: string): number {
  return withPrefix(text, /^(\d{1,15}(?:\.\d{1,3})?) ?([kMGT]?)bit(?:\/s)?$/, 'a rate such as 100Mbit/s');
}

/** For a price: "0.085", "12". US dollars. */
export function dollars(text: string): number {
  if (/^\d{1,9}(?:\.\d{1,6})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected dollars such as 0.085');
}

function withPrefix(text: string, form: RegExp, expected: string): number {
  const match = form.exec(text);
  if (match === null) throw new InvalidArgumentError(`expected ${expected}`);
  return Math.round(Number(match[1]) * prefixes[(match[2] ?? '') as keyof typeof prefixes]);
}
