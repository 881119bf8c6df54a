/**
 * A rollout by formula, without simulating a host: of each seed, the hosts that have polled since their turn came, have
 * waited, downloaded and booted. Shares are 0 … 1, times milliseconds since the epoch.
 */
import { MAX_SEED } from '../seed.ts';
import { Decisions } from './decisions.ts';
import { type FleetModel, refreshOf, type Transfer } from './fleet-model.ts';

export interface ExpectedRollout {
  /** The share that runs the release at a moment. */
  updated(time: number): number;
  /** When that share is reached; undefined: never. */
  reached(share: number): number | undefined;
  /** What the hosts have asked and got up to a moment. */
  asked(time: number): Transfer;
}

/** So few broken downloads move the curve by less than chance does. */
const rareFailures = 0.01;

/**
 * @returns undefined where no formula holds: several publications, many failures, outages, polls in step
 */
export function expectedRollout(model: FleetModel): ExpectedRollout | undefined {
  const { publications, outages, download, boot, polling, signing, start } = model;
  const simple = publications.length === 1 && outages.length === 0 && signing.outage === undefined;
  const lossless = download.failureRate <= rareFailures && boot.revertRate === 0;
  if (!simple || !lossless || polling.phase.kind !== 'spread') return undefined;
  const openings = openingsOf(model);
  const transfer = (download.bytes * 8000) / download.bandwidth;
  const started = (time: number): number => {
    let sum = 0;
    for (const { share, opens } of openings)
      sum += share * sumOfUniforms(time - opens, polling.interval, download.startWithin);
    return sum;
  };
  const updated = (time: number): number => started(time - transfer - boot.duration);
  const latest = openings.reduce((last, { opens }) => Math.max(last, opens), start);
  const end = latest + polling.interval + download.startWithin + transfer + boot.duration;
  const published = publishedAt(model);
  return {
    updated,
    reached: (share) => bisected(updated, share, start, end),
    asked: (time) => {
      const polls = Math.max(0, time - start) / polling.interval;
      const informed = Math.min(1, Math.max(0, time - published) / polling.interval);
      return askedBy(model, {
        polls,
        informed,
        started: started(time),
        fetched: started(time - transfer / 2),
      });
    },
  };
}

/** By one host in the mean: how often it has polled, and the shares that have learned, begun and got an update. */
interface Progress {
  readonly polls: number;
  readonly informed: number;
  readonly started: number;
  readonly fetched: number;
}

function askedBy(model: FleetModel, { polls, informed, started, fetched }: Progress): Transfer {
  const { hosts, change, download } = model;
  const refresh = refreshOf(model);
  // Before it downloads a host refreshes once more.
  const refreshes = polls + started;
  return {
    requests:
      hosts * (refreshes * refresh.requests + informed * change.requests + started * download.requests),
    bytes: hosts * (refreshes * refresh.bytes + informed * change.bytes + fetched * download.bytes),
  };
}

function publishedAt({ publications, cacheTime }: FleetModel): number {
  return Math.max(...publications.map(({ at }) => at)) + cacheTime / 2;
}

/** When the turn of each seed of each group comes, if it comes. */
function openingsOf(model: FleetModel): readonly { readonly share: number; readonly opens: number }[] {
  const decisions = new Decisions(model);
  const published = publishedAt(model);
  return model.groups.flatMap((group) =>
    Array.from({ length: MAX_SEED }, (_, seed) => decisions.steps(0, decisions.ofGroup(group), seed))
      .flatMap((steps) => steps[0] ?? [])
      .map(({ from }) => ({ share: group.share / MAX_SEED, opens: Math.max(from, published) })),
  );
}

/** Where a rising curve reaches a height, to the second. */
function bisected(
  curve: (time: number) => number,
  height: number,
  from: number,
  until: number,
): number | undefined {
  // The sum of thousands of shares is 1 but for its rounding.
  const wanted = height - 1e-9;
  if (curve(until) < wanted) return undefined;
  let [below, above] = [from, until];
  while (above - below > 1000) {
    const middle = (below + above) / 2;
    if (curve(middle) < wanted) below = middle;
    else above = middle;
  }
  return above;
}

/** The probability that two independent times, even over 0 … a and 0 … b, add up to at most x. */
function sumOfUniforms(x: number, a: number, b: number): number {
  const [short, long] = a < b ? [a, b] : [b, a];
  if (x <= 0) return 0;
  if (x >= short + long) return 1;
  if (x < short) return (x * x) / (2 * short * long);
  if (x <= long) return (x - short / 2) / long;
  return 1 - (short + long - x) ** 2 / (2 * short * long);
}
