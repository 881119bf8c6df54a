/** What a run says to people: shares over time, rates, the end, what it costs, and how far from the formulas it is. */
import { meanPolls, signingSlack } from './closed-form.ts';
import { type MonthlyCost, monthlyCost, type Prices } from './cost.ts';
import { type ExpectedRollout, expectedRollout } from './expected-rollout.ts';
import type { FleetModel } from './fleet-model.ts';
import { type Formula, formulaOf } from './formula.ts';
import { greatest, type Load, type LoadSummary, loadOfHosts, loadOfOrigin, summaryOf } from './load.ts';
import { expectedMonth, monthWith, quietLoad, refreshesAtOrigin } from './month.ts';
import { minute, second, sum, type Tally } from './tally.ts';

/** Means over a row of the forecast, but for the peak. */
export interface Rates {
  readonly requestsPerSecond: number;
  /** The busiest second of the row. */
  readonly peakRequestsPerSecond: number;
  /** Images and metadata, in bits per second. */
  readonly bitsPerSecond: number;
}

export interface ForecastRow {
  /** The end of the row, in milliseconds since the epoch. */
  readonly time: number;
  /** Shares of the fleet, 0 … 1. */
  readonly updated: number;
  readonly reverted: number;
  /** What hosts ask, and an origin without caches has to answer. */
  readonly hosts: Rates;
  /** What reaches an origin behind caches. */
  readonly origin: Rates;
  /** By the closed form; undefined where none holds. */
  readonly expected:
    | { readonly updated: number; readonly requestsPerSecond: number; readonly bitsPerSecond: number }
    | undefined;
}

/** When so large a share of the fleet runs a new release: milliseconds since the epoch, undefined = not in this time. */
export interface Milestone {
  readonly share: number;
  readonly time: number | undefined;
  readonly expected: number | undefined;
}

export interface Forecast {
  readonly start: number;
  readonly rows: readonly ForecastRow[];
  readonly reached: readonly Milestone[];
  readonly updated: number;
  readonly reverted: number;
  readonly hosts: LoadSummary;
  readonly origin: LoadSummary;
  readonly downloads: number;
  /** Refreshes that met an expired timestamp, and tries that nobody answered. */
  readonly expired: number;
  readonly unanswered: number;
  readonly formula: Formula;
  /** Dollars for a month with this run in it; by the closed form of one update of all hosts. */
  readonly cost: { readonly found: MonthlyCost; readonly expected: MonthlyCost };
  /** How long nothing may be signed before a host meets an expired timestamp, in milliseconds. */
  readonly signingSlack: number;
  /** The largest distance of `updated` from its closed form; undefined where none holds. */
  readonly deviation: number | undefined;
}

const milestones = [0.01, 0.1, 0.5, 0.9, 0.99, 1] as const;

export interface ForecastOptions {
  /** Milliseconds of one row, whole minutes. */
  readonly rowLength: number;
  readonly prices: Prices;
}

export function forecastOf(
  model: FleetModel,
  tally: Tally,
  { rowLength, prices }: ForecastOptions,
): Forecast {
  const loads = { hosts: loadOfHosts(model, tally), origin: loadOfOrigin(model, tally) };
  const rollout = expectedRollout(model);
  const rows = rowsOf(model, { tally, loads, rollout }, Math.max(1, Math.round(rowLength / minute)));
  const deviations = rows.flatMap(({ updated, expected }) =>
    expected === undefined ? [] : [Math.abs(updated - expected.updated)],
  );
  const [hosts, origin] = [summaryOf(loads.hosts), summaryOf(loads.origin)];
  const expected = expectedMonth(model, 1);
  const { duration } = model;
  return {
    start: model.start,
    rows,
    reached: milestones.map((share) => ({
      share,
      time: reachedAt(model, tally, share),
      expected: rollout?.reached(share),
    })),
    updated: sum(tally.updated) / model.hosts,
    reverted: sum(tally.reverted) / model.hosts,
    hosts,
    origin,
    downloads: sum(tally.downloads),
    expired: sum(tally.expired),
    unanswered: sum(tally.unanswered),
    formula: formulaOf(model, rows, rollout),
    cost: {
      found: monthlyCost(
        monthWith(hosts, quietLoad(model), duration),
        monthWith(origin, refreshesAtOrigin(model, meanPolls(model)), duration),
        prices,
      ),
      expected: monthlyCost(expected.hosts, expected.origin, prices),
    },
    signingSlack: signingSlack(model),
    deviation: deviations.length === 0 ? undefined : Math.max(...deviations),
  };
}

interface Sources {
  readonly tally: Tally;
  readonly loads: { readonly hosts: Load; readonly origin: Load };
  readonly rollout: ExpectedRollout | undefined;
}

function rowsOf(
  model: FleetModel,
  { tally, loads, rollout }: Sources,
  width: number,
): readonly ForecastRow[] {
  const rows: ForecastRow[] = [];
  let [updated, reverted] = [0, 0];
  let asked = rollout?.asked(model.start);
  for (let from = 0; from < tally.updated.length; from += width) {
    const until = Math.min(from + width, tally.updated.length);
    const seconds = ((until - from) * minute) / second;
    updated += sum(tally.updated.subarray(from, until));
    reverted += sum(tally.reverted.subarray(from, until));
    const time = model.start + until * minute;
    const before = asked;
    asked = rollout?.asked(time);
    rows.push({
      time,
      updated: updated / model.hosts,
      reverted: reverted / model.hosts,
      hosts: ratesOf(loads.hosts, from, until),
      origin: ratesOf(loads.origin, from, until),
      expected: rollout &&
        before &&
        asked && {
          updated: rollout.updated(time),
          requestsPerSecond: (asked.requests - before.requests) / seconds,
          bitsPerSecond: ((asked.bytes - before.bytes) * 8) / seconds,
        },
    });
  }
  return rows;
}

function ratesOf({ requests, peaks, bytes }: Load, from: number, until: number): Rates {
  const seconds = ((until - from) * minute) / second;
  return {
    requestsPerSecond: sum(requests.subarray(from, until)) / seconds,
    peakRequestsPerSecond: greatest(peaks.subarray(from, until)),
    bitsPerSecond: (sum(bytes.subarray(from, until)) * 8) / seconds,
  };
}

function reachedAt({ hosts, start }: FleetModel, { updated }: Tally, share: number): number | undefined {
  let sum = 0;
  for (const [index, value] of updated.entries()) {
    sum += value;
    if (sum >= share * hosts) return start + (index + 1) * minute;
  }
  return undefined;
}
