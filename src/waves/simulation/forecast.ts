/** What a run says to people: shares over time, rates, the end, and how far from the formulas it is. */
import { busySecond, expectedUpdated, meanPolls } from './closed-form.ts';
import type { FleetModel } from './fleet-model.ts';
import { add, imageBytes, minute, second, sum, type Tally, valueAt } from './tally.ts';

/** One row of the forecast; rates are the mean over the row, but for `peak…`. */
export interface ForecastRow {
  /** The end of the row, in milliseconds since the epoch. */
  readonly time: number;
  /** Shares of the fleet, 0 … 1. */
  readonly updated: number;
  readonly reverted: number;
  /** By the closed form; undefined where none holds. */
  readonly expected: number | undefined;
  readonly requestsPerSecond: number;
  /** The busiest second of the row. */
  readonly peakRequestsPerSecond: number;
  /** Images and metadata, in bits per second. */
  readonly bitsPerSecond: number;
}

export interface Forecast {
  readonly rows: readonly ForecastRow[];
  /** When so large a share of the fleet runs a new release: milliseconds since the epoch, undefined = not in this time. */
  readonly reached: readonly { readonly share: number; readonly time: number | undefined }[];
  readonly updated: number;
  readonly reverted: number;
  readonly totals: { readonly requests: number; readonly bytes: number; readonly downloads: number };
  readonly peaks: { readonly requestsPerSecond: number; readonly bitsPerSecond: number };
  /** Polls that met an expired timestamp. */
  readonly expired: number;
  /** By formula: the mean rate of polls, and its busiest second in a thousand. */
  readonly formula: { readonly polls: number; readonly busySecond: number };
  /** The largest distance of `updated` from `expected`; undefined where no formula holds. */
  readonly deviation: number | undefined;
}

const milestones = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1] as const;

/** @param rowLength milliseconds of one row, whole minutes */
export function forecastOf(model: FleetModel, tally: Tally, rowLength: number): Forecast {
  const minutes = minutesOf(model, tally);
  const rows = rowsOf(model, minutes, Math.max(1, Math.round(rowLength / minute)));
  const updated = sum(tally.updated) / model.hosts;
  const deviations = rows.flatMap((row) =>
    row.expected === undefined ? [] : [Math.abs(row.updated - row.expected)],
  );
  const polls = meanPolls(model);
  return {
    rows,
    reached: milestones.map((share) => ({ share, time: reachedAt(model, tally, share) })),
    updated,
    reverted: sum(tally.reverted) / model.hosts,
    totals: { requests: sum(minutes.requests), bytes: sum(minutes.bytes), downloads: sum(tally.downloads) },
    peaks: {
      requestsPerSecond: greatest(minutes.peaks),
      bitsPerSecond: (greatest(minutes.bytes) * 8 * second) / minute,
    },
    expired: sum(tally.expired),
    formula: { polls, busySecond: busySecond(polls) },
    deviation: deviations.length === 0 ? undefined : Math.max(...deviations),
  };
}

interface Minutes {
  readonly requests: Float64Array;
  readonly peaks: Float64Array;
  readonly bytes: Float64Array;
  readonly updated: Uint32Array;
  readonly reverted: Uint32Array;
}

function minutesOf({ refresh, change }: FleetModel, tally: Tally): Minutes {
  const bytes = imageBytes(tally);
  const requests = new Float64Array(bytes.length);
  const peaks = new Float64Array(bytes.length);
  for (const [at, polls] of tally.polls.entries()) {
    const informed = valueAt(tally.informed, at);
    const asked = polls * refresh.requests + informed * change.requests + valueAt(tally.unanswered, at);
    const index = Math.floor((at * second) / minute);
    add(requests, index, asked);
    add(bytes, index, polls * refresh.bytes + informed * change.bytes);
    peaks[index] = Math.max(valueAt(peaks, index), asked);
  }
  return { requests, peaks, bytes, updated: tally.updated, reverted: tally.reverted };
}

function rowsOf(model: FleetModel, minutes: Minutes, width: number): readonly ForecastRow[] {
  const formula = expectedUpdated(model);
  const rows: ForecastRow[] = [];
  let updated = 0;
  let reverted = 0;
  for (let from = 0; from < minutes.bytes.length; from += width) {
    const until = Math.min(from + width, minutes.bytes.length);
    const seconds = ((until - from) * minute) / second;
    const row = (values: Float64Array | Uint32Array): number => sum(values.subarray(from, until));
    updated += row(minutes.updated);
    reverted += row(minutes.reverted);
    const time = model.start + until * minute;
    rows.push({
      time,
      updated: updated / model.hosts,
      reverted: reverted / model.hosts,
      expected: formula?.(time),
      requestsPerSecond: row(minutes.requests) / seconds,
      peakRequestsPerSecond: greatest(minutes.peaks.subarray(from, until)),
      bitsPerSecond: (row(minutes.bytes) * 8) / seconds,
    });
  }
  return rows;
}

function reachedAt({ hosts, start }: FleetModel, { updated }: Tally, share: number): number | undefined {
  let sum = 0;
  for (const [index, value] of updated.entries()) {
    sum += value;
    if (sum >= share * hosts) return start + (index + 1) * minute;
  }
  return undefined;
}

function greatest(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
