/**
 * How long files stay that nothing refers to any more. Somebody may still be in the middle of reading what a timestamp
 * referred to: a host with a slow line, a mirror between two visits, a cache. Pure.
 */
import { TidegateError } from '../../errors.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** Times in milliseconds. */
export interface GraceSettings {
  /** How long everything stays that a timestamp referred to, after it was replaced. */
  readonly grace: number;
  /** Between the mark and the removal. */
  readonly wait: number;
  /** The longest download that a host may need for what it began with. */
  readonly longestDownload: number;
  /** How seldom a mirror comes by. */
  readonly mirrorInterval: number;
  /** How long the slowest cache keeps a timestamp. */
  readonly cacheLife: number;
}

export const defaultGrace: GraceSettings = {
  grace: 30 * day,
  wait: day,
  longestDownload: 2 * day,
  mirrorInterval: 7 * day,
  cacheLife: hour,
};

/** The shortest wait between mark and removal. */
export const shortestWait = day;

/**
 * @param timestampLife the longest that a timestamp is valid
 * @throws usage naming what needs longer
 */
export function requireGrace(settings: GraceSettings, timestampLife: number): void {
  const { grace, wait, longestDownload, mirrorInterval, cacheLife } = settings;
  const needs = [
    ['a timestamp is valid for', timestampLife],
    ['the longest download takes', longestDownload],
    ['mirrors come by every', mirrorInterval],
    ['caches keep a timestamp for', cacheLife],
  ] as const;
  for (const [why, least] of needs) {
    if (grace >= least) continue;
    const text = `the grace of ${grace / hour} hours is too short: ${why} ${least / hour} hours`;
    throw new TidegateError('usage', text, { found: grace, expected: least });
  }
  if (wait >= shortestWait) return;
  throw new TidegateError(
    'usage',
    `${wait / hour} hours between mark and removal, expected at least ${shortestWait / hour}`,
    { found: wait, expected: shortestWait },
  );
}
