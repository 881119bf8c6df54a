/** The three curves of a forecast, as every way of drawing them needs them. */
import type { Forecast, ForecastRow } from '../../waves/simulation/forecast.ts';

export interface Series {
  readonly title: string;
  /** Where each value stands between the start (0) and the end (1) of the run: a mean in the middle of its row. */
  readonly at: readonly number[];
  readonly values: readonly number[];
  /** By the closed form, where there is one. */
  readonly expected: readonly number[] | undefined;
  /** What of it reaches an origin behind caches. */
  readonly origin: readonly number[] | undefined;
  /** The upper end of the axis, 0 is the lower one. */
  readonly top: number;
  format(value: number): string;
}

export function seriesOf({ rows, start }: Forecast): readonly Series[] {
  const end = rows.at(-1)?.time ?? start;
  const ends = rows.map(({ time }) => (time - start) / (end - start));
  const middles = ends.map((at, index) => (at + (ends[index - 1] ?? 0)) / 2);
  const expected = (
    of: (row: NonNullable<ForecastRow['expected']>) => number,
  ): readonly number[] | undefined =>
    rows.some((row) => row.expected === undefined)
      ? undefined
      : rows.flatMap((row) => (row.expected === undefined ? [] : [of(row.expected)]));
  const rate = (
    title: string,
    name: 'requestsPerSecond' | 'bitsPerSecond',
    format: Series['format'],
  ): Series => {
    const values = rows.map(({ hosts }) => hosts[name]);
    const byFormula = expected((row) => row[name]);
    return {
      title,
      at: middles,
      values,
      expected: byFormula,
      origin: rows.map(({ origin }) => origin[name]),
      top: Math.max(...values, ...(byFormula ?? []), Number.MIN_VALUE),
      format,
    };
  };
  return [
    {
      title: 'share of the fleet that was updated',
      at: ends,
      values: rows.map(({ updated }) => updated),
      expected: expected(({ updated }) => updated),
      origin: undefined,
      top: 1,
      format: formatShare,
    },
    rate('requests per second', 'requestsPerSecond', formatRate),
    rate('egress', 'bitsPerSecond', formatBits),
  ];
}

/** "15.0 %" */
export function formatShare(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** "92.6/s" */
export function formatRate(rate: number): string {
  if (rate === 0) return '0/s';
  return `${rate >= 1000 ? Math.round(rate).toLocaleString('en') : rate.toFixed(rate < 1 ? 3 : 1)}/s`;
}

const bitUnits = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'] as const;

/** "4.6 Gbit/s" */
export function formatBits(bits: number): string {
  const power = bits < 1 ? 0 : Math.min(bitUnits.length - 1, Math.floor(Math.log10(bits) / 3));
  return `${(bits / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${bitUnits[power]}`;
}

/** "$10,294", "$2.62" */
export function formatDollars(dollars: number): string {
  const digits = dollars < 99.5 ? 2 : 0;
  return `$${dollars.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}
