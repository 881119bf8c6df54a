/** The three curves of a forecast, as every way of drawing them needs them. */
import type { Forecast, ForecastRow } from '../../waves/simulation/forecast.ts';

export interface Series {
  readonly title: string;
  readonly values: readonly number[];
  /** By the closed form, where there is one. */
  readonly expected: readonly (number | undefined)[];
  /** The upper end of the axis, 0 is the lower one. */
  readonly top: number;
  format(value: number): string;
}

export function seriesOf({ rows }: Forecast): readonly Series[] {
  const series = (
    title: string,
    of: (row: ForecastRow) => number,
    format: (value: number) => string,
    rest: Partial<Series> = {},
  ): Series => {
    const values = rows.map(of);
    return { title, values, expected: [], top: Math.max(...values, Number.MIN_VALUE), format, ...rest };
  };
  return [
    series('share of the fleet that was updated', (row) => row.updated, formatShare, {
      expected: rows.map((row) => row.expected),
      top: 1,
    }),
    series('requests per second', (row) => row.requestsPerSecond, formatRate),
    series('egress', (row) => row.bitsPerSecond, formatBits),
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
