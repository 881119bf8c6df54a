/**
 * What arithmetic says of a fleet, to hold a simulated one against. Rates are per second, times in milliseconds, sizes
 * in bytes.
 */
import type { FleetModel } from './fleet-model.ts';

const perSecond = 1000;

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

/** What reaches the origin of one object behind caches that keep it for `cacheTime`: at most so many a second. */
export function originRate(arrivals: number, caches: number, cacheTime: number): number {
  return Math.min(arrivals, (caches * perSecond) / cacheTime);
}

/**
 * The same in the mean: after a copy has become too old, a cache waits for somebody who wants it. Of the two files of
 * every refresh.
 *
 * @param refreshes per second
 */
export function originRates(
  { caches, cacheTime }: Pick<FleetModel, 'caches' | 'cacheTime'>,
  refreshes: number,
): { readonly timestamps: number; readonly absences: number } {
  const mean = (kept: number): number => refreshes / (1 + (refreshes * kept) / (caches.count * perSecond));
  return { timestamps: mean(cacheTime), absences: mean(caches.absentTime) };
}

/** How long nothing may be signed before the first host meets an expired timestamp. */
export function signingSlack({ signing, cacheTime, polling }: FleetModel): number {
  return signing.validity - signing.every - cacheTime - polling.interval * (1 + polling.jitter / 2);
}
