/** The figures of a run by formula, beside those that were found. */
import { busySecond, meanPolls, originRate, retryStorm, synchronisedPeak } from './closed-form.ts';
import type { ExpectedRollout } from './expected-rollout.ts';
import { type FleetModel, refreshOf } from './fleet-model.ts';
import { copiedOnce, plus, refreshesAtOrigin, scaled } from './month.ts';
import { minute } from './tally.ts';

export interface Formula {
  /** A second, in the mean. */
  readonly polls: number;
  /** Requests of the hosts per second, in the mean of the run; undefined where no formula holds. */
  readonly requestsPerSecond: number | undefined;
  /** Requests that 99.9 % of the seconds stay below, at the busiest time. */
  readonly peakRequestsPerSecond: number | undefined;
  readonly bitsPerSecond: number | undefined;
  /** The same of minutes. */
  readonly peakBitsPerSecond: number | undefined;
  /** Bytes of the whole run. */
  readonly bytes: number | undefined;
  /** Requests at an origin behind caches, in the mean, and its bytes in the whole run. */
  readonly originRequestsPerSecond: number | undefined;
  readonly originBytes: number | undefined;
  /** What polls can ask of the origin per second, at most. */
  readonly originLimit: number;
  /** While the repository does not answer; undefined when it always does. */
  readonly triesPerSecond: number | undefined;
}

interface ExpectedRow {
  readonly expected: { readonly requestsPerSecond: number; readonly bitsPerSecond: number } | undefined;
}

export function formulaOf(
  model: FleetModel,
  rows: readonly ExpectedRow[],
  rollout: ExpectedRollout | undefined,
): Formula {
  const { start, duration, hosts, retry, outages, polling, caches } = model;
  const seconds = duration / 1000;
  // Before it downloads a host refreshes once more.
  const updates = hosts * (rollout?.updated(start + duration) ?? 0);
  const refreshes = refreshesAtOrigin(model, meanPolls(model) + updates / seconds);
  const origin = plus(scaled(refreshes, duration), copiedOnce(model));
  const [first, last] = [rollout?.asked(start), rollout?.asked(start + duration)];
  const all = first && last && { requests: last.requests - first.requests, bytes: last.bytes - first.bytes };
  const expected = rows.flatMap((row) => row.expected ?? []);
  const busiest = expected.reduce((most, { requestsPerSecond }) => Math.max(most, requestsPerSecond), 0);
  const fullest = expected.reduce((most, { bitsPerSecond }) => Math.max(most, bitsPerSecond), 0);
  const ofPoll = refreshOf(model).requests + model.change.requests;
  const inStep =
    polling.phase.kind === 'synchronised'
      ? ofPoll * Math.min(hosts, synchronisedPeak(hosts, polling.phase.clockError))
      : undefined;
  return {
    polls: meanPolls(model),
    requestsPerSecond: all && all.requests / seconds,
    // Requests come in the handfuls of a poll: what is by chance is the number of polls.
    peakRequestsPerSecond: all ? ofPoll * busySecond(busiest / ofPoll) : inStep,
    bitsPerSecond: all && (all.bytes * 8) / seconds,
    peakBitsPerSecond: all && busyMinute(model, fullest),
    bytes: all?.bytes,
    originRequestsPerSecond: all && origin.requests / seconds,
    originBytes: all && origin.bytes,
    originLimit: [model.cacheTime, caches.absentTime]
      .map((kept) => originRate(meanPolls(model), caches.count, kept))
      .reduce((sum, rate) => sum + rate, 0),
    triesPerSecond: outages.length === 0 ? undefined : retryStorm(hosts, retry.cap),
  };
}

/** Egress comes in whole images: what is by chance is how many are on their way in a minute. */
function busyMinute({ download }: FleetModel, bitsPerSecond: number): number {
  const bits = download.bytes * 8;
  if (bits === 0) return bitsPerSecond;
  const window = Math.max(minute / 1000, bits / download.bandwidth);
  return (busySecond((bitsPerSecond * window) / bits) * bits) / window;
}
