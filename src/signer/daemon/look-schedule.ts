/** When the daemon looks next. Pure: the random number comes from outside. */
import type { Expiration } from '../workspace/expiration.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Looks in the life of a timestamp: hourly for a weekly one. */
const looksPerLife = 168;
const shortestInterval = 30 * second;
const longestInterval = hour;

/** The first pause after a failure; it doubles with each further one, up to the usual interval. */
const firstRetry = minute;

/** Milliseconds between looks when all is well. */
export function lookInterval({ timestamp }: Pick<Expiration, 'timestamp'>): number {
  return Math.min(longestInterval, Math.max(shortestInterval, Math.round(timestamp / looksPerLife)));
}

/**
 * Milliseconds until the next look. Daemons that began together, or that one outage stopped, do not stay together.
 *
 * @param failures looks in a row that failed
 * @param random from 0 up to 1
 */
export function pauseBefore(interval: number, failures: number, random: number): number {
  if (failures === 0) return Math.round(interval * (0.9 + 0.2 * random));
  const doubled = firstRetry * 2 ** Math.min(failures - 1, 30);
  return Math.round(Math.min(interval, doubled) * (0.5 + 0.5 * random));
}
