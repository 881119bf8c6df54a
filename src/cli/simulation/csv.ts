/** The rows of a forecast for a spreadsheet. */
import { formatTime } from '../../metadata/time.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';

const header = [
  'time',
  'updated',
  'reverted',
  'expected',
  'requests_per_second',
  'peak_requests_per_second',
  'bits_per_second',
  'expected_requests_per_second',
  'expected_bits_per_second',
  'origin_requests_per_second',
  'origin_peak_requests_per_second',
  'origin_bits_per_second',
];

export function forecastCsv({ rows }: Forecast): string {
  const lines = rows.map(({ time, updated, reverted, expected, hosts, origin }) => [
    formatTime(time),
    updated.toFixed(6),
    reverted.toFixed(6),
    expected?.updated.toFixed(6) ?? '',
    hosts.requestsPerSecond.toFixed(3),
    hosts.peakRequestsPerSecond,
    Math.round(hosts.bitsPerSecond),
    expected?.requestsPerSecond.toFixed(3) ?? '',
    expected === undefined ? '' : Math.round(expected.bitsPerSecond),
    origin.requestsPerSecond.toFixed(3),
    origin.peakRequestsPerSecond,
    Math.round(origin.bitsPerSecond),
  ]);
  return `${[header, ...lines].map((line) => line.join(',')).join('\n')}\n`;
}
