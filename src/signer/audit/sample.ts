/** Which targets an audit reads whole. The same seed chooses the same ones, of the same list. Pure. */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';

export type Sample =
  | { readonly kind: 'all' }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'percent'; readonly percent: number; readonly least: number };

/** Of an address, where each byte costs: a tenth, ten at least. */
export const usualSample: Sample = { kind: 'percent', percent: 10, least: 10 };

/** "25", "10%", "12.5 %". @throws usage */
export function parseSample(text: string): Sample {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?(%)?$/.exec(text);
  const number = Number(match?.[1]);
  if (match?.[2] !== undefined && number <= 100) return { kind: 'percent', percent: number, least: 1 };
  if (match !== null && match[2] === undefined && Number.isInteger(number))
    return { kind: 'count', count: number };
  throw new TidegateError(
    'usage',
    `sample: found ${JSON.stringify(text)}, expected a number or a share such as 10%`,
  );
}

/** @param names each once. @returns those to read, in the order of the list */
export function sampleOf(names: readonly string[], sample: Sample, seed: string): ReadonlySet<string> {
  const size = sizeOf(names.length, sample);
  if (size >= names.length) return new Set(names);
  const ranked = names.map((name) => ({ name, rank: digestOf('sha256', `${seed}\n${name}`) }));
  ranked.sort((one, other) => (one.rank < other.rank ? -1 : 1));
  const chosen = new Set(ranked.slice(0, size).map(({ name }) => name));
  return new Set(names.filter((name) => chosen.has(name)));
}

function sizeOf(total: number, sample: Sample): number {
  if (sample.kind === 'all') return total;
  if (sample.kind === 'count') return sample.count;
  return Math.max(sample.least, Math.ceil((total * sample.percent) / 100));
}
