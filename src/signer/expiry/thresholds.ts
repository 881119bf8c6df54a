/**
 * How near the end of a role is too near. Pure.
 *
 * 1. Defaults are shares of the role's validity, so that a repository of days and one of years are both right: a weekly
 *    timestamp, renewed twice a day, warns below 5.5 days and is critical below 4.
 * 2. Roles that a job renews at half of their life are quiet until that job has failed for a while; roles that need
 *    people and safes speak while there is time for a ceremony.
 * 3. A threshold is passed when less is left, and what has expired is critical, whatever the thresholds say.
 */
import { TidegateError } from '../../errors.ts';
import { printable } from '../../metadata/printable.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import type { Expiration } from '../workspace/expiration.ts';

const day = 86_400_000;

/** Milliseconds that must be left. */
export interface Thresholds {
  readonly warn: number;
  readonly critical: number;
}

/** What people set: for all roles, and for single ones, which goes before. */
export interface ThresholdSettings {
  readonly all?: number;
  /** By role. */
  readonly roles: ReadonlyMap<string, number>;
}

export interface ThresholdOptions {
  readonly warn: ThresholdSettings;
  readonly critical: ThresholdSettings;
}

export const noThresholds: ThresholdOptions = { warn: { roles: new Map() }, critical: { roles: new Map() } };

export type Level = 'ok' | 'warning' | 'critical';
export const levels = ['ok', 'warning', 'critical'] as const satisfies readonly Level[];

/** Where nobody says how long roles live: what a workspace is made with. */
export const usualValidity: Expiration = {
  root: 364 * day,
  targets: 182 * day,
  snapshot: 14 * day,
  timestamp: 7 * day,
};

/** Shares of the validity. */
const defaults: Readonly<Record<keyof Expiration, Thresholds>> = {
  root: { warn: 1 / 6, critical: 1 / 12 },
  targets: { warn: 1 / 3, critical: 1 / 6 },
  snapshot: { warn: 3 / 7, critical: 2 / 7 },
  timestamp: { warn: 11 / 14, critical: 4 / 7 },
};

/** Delegated roles are targets roles, and live as long. */
export function kindOf(role: string): keyof Expiration {
  return isTopLevelRole(role) ? role : 'targets';
}

/** @throws usage when less must be left for a warning than for the critical level */
export function thresholdsFor(role: string, validity: number, options: ThresholdOptions): Thresholds {
  const share = defaults[kindOf(role)];
  const set = (settings: ThresholdSettings): number | undefined => settings.roles.get(role) ?? settings.all;
  const [ownWarn, ownCritical] = [set(options.warn), set(options.critical)];
  // One that is set pulls the other along, so that a lone option never contradicts a default.
  const warn = ownWarn ?? Math.max(Math.round(validity * share.warn), ownCritical ?? 0);
  const critical = ownCritical ?? Math.min(Math.round(validity * share.critical), warn);
  if (critical <= warn) return { warn, critical };
  throw new TidegateError(
    'usage',
    `${printable(role)}: critical below ${critical / day} days comes before the warning below ${warn / day} days; expected a warning that comes first`,
    { role: printable(role), warn, critical },
  );
}

/** @param remaining milliseconds until it expires, negative when it has */
export function levelOf(remaining: number, { warn, critical }: Thresholds): Level {
  if (remaining <= 0 || remaining < critical) return 'critical';
  return remaining < warn ? 'warning' : 'ok';
}

export function worstOf(found: Iterable<Level>): Level {
  const indexes = Array.from(found, (level) => levels.indexOf(level));
  return levels[Math.max(0, ...indexes)] ?? 'critical';
}

/** Refuses thresholds for roles that are nowhere: a mistyped name must not silence a check. @throws usage */
export function checkRoleNames(options: ThresholdOptions, known: ReadonlySet<string>): void {
  for (const settings of [options.warn, options.critical]) {
    for (const role of settings.roles.keys()) {
      if (known.has(role)) continue;
      const expected = [...known].map(printable).join(', ');
      throw new TidegateError(
        'usage',
        `threshold for role "${printable(role)}": there is no such role, expected one of ${expected}`,
        { role: printable(role) },
      );
    }
  }
}
