/**
 * What arithmetic says of a fleet, to hold a simulated one against. Rates are per second, times in milliseconds, sizes
 * in bytes.
 */
import { MAX_SEED } from '../seed.ts';
import { Decisions } from './decisions.ts';
import type { FleetModel } from './fleet-model.ts';

const perSecond = 1000;
/** So few broken downloads move the curve by less than chance does. */
const rareFailures = 0.01;

/** The mean rate of polls of a fleet. */
export function meanPolls({ hosts, polling }: Pick<FleetModel, 'hosts' | 'polling'>): number {
  return (hosts * perSecond) / polling.interval;
}

/** The busiest second in a thousand, when arrivals come by chance at this mean rate (Poisson). */
export function busySecond(mean: number): number {
  return mean + 3.09 * Math.sqrt(mean);
}

/** The peak of a fleet that polls at one moment, but for the error of its clocks. */
export function synchronisedPeak(hosts: number, clockError: number): number {
  return (hosts * perSecond) / (clockError * Math.sqrt(2 * Math.PI));
}

/** Tries while a repository does not answer, once every host waits up to `cap` after each. */
export function retryStorm(hosts: number, cap: number): number {
  return (hosts * perSecond) / (cap / 2);
}

/** What reaches the origin of one object behind caches that keep it for `cacheTime`. */
export function originRate(arrivals: number, caches: number, cacheTime: number): number {
  return Math.min(arrivals, (caches * perSecond) / cacheTime);
}

/** How long nothing may be signed before the first host meets an expired timestamp. */
export function signingSlack(model: FleetModel & Required<Pick<FleetModel, 'signing'>>): number {
  const { signing, cacheTime, polling } = model;
  return signing.validity - signing.every - cacheTime - polling.interval * (1 + polling.jitter / 2);
}

/**
 * The share of the fleet that runs the release at a moment, in milliseconds since the epoch: of each seed, the hosts
 * that have polled since their turn came, and have had the time to download and boot.
 *
 * @returns undefined where no formula holds: several publications, many failures, outages, polls in step
 */
export function expectedUpdated(model: FleetModel): ((time: number) => number) | undefined {
  const { publications, outages, download, boot, polling, signing } = model;
  const simple = publications.length === 1 && outages.length === 0 && signing === undefined;
  const lossless = download.failureRate <= rareFailures && boot.revertRate === 0;
  if (!simple || !lossless || polling.phase.kind !== 'spread') return undefined;
  const openings = openingsOf(model);
  const fixed = (download.bytes * 8000) / download.bandwidth + boot.duration;
  return (time) => {
    const shares = openings.map(
      ({ share, opens }) =>
        share * sumOfUniforms(time - fixed - opens, polling.interval, download.startWithin),
    );
    return shares.reduce((sum, share) => sum + share, 0);
  };
}

/** When the turn of each seed of each group comes, if it comes. */
function openingsOf(model: FleetModel): readonly { readonly share: number; readonly opens: number }[] {
  const decisions = new Decisions(model);
  const published = Math.max(...model.publications.map(({ at }) => at)) + model.cacheTime / 2;
  return model.groups.flatMap((group) =>
    Array.from({ length: MAX_SEED }, (_, seed) => decisions.steps(0, decisions.ofGroup(group), seed))
      .flatMap((steps) => steps[0] ?? [])
      .map(({ from }) => ({ share: group.share / MAX_SEED, opens: Math.max(from, published) })),
  );
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
