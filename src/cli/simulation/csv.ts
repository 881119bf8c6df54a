/** The rows of a forecast for a spreadsheet. */
import { formatTime } from '../../metadata/time.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';

const header = 'time,updated,reverted,expected,requests_per_second,peak_requests_per_second,bits_per_second';

export function forecastCsv({ rows }: Forecast): string {
  const lines = rows.map((row) =>
    [
      formatTime(row.time),
      row.updated.toFixed(6),
      row.reverted.toFixed(6),
      row.expected?.toFixed(6) ?? '',
      row.requestsPerSecond.toFixed(3),
      row.peakRequestsPerSecond,
      Math.round(row.bitsPerSecond),
    ].join(','),
  );
  return `${[header, ...lines].join('\n')}\n`;
}
