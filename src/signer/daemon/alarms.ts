/**
 * What a person has to be told of. Pure.
 *
 * 1. A timestamp of which half the life is over, though it is renewed long before: renewing does not work. Other roles
 *    when a check for monitoring would call them critical.
 * 2. At once: a repository that is missing, older than it was, or does not verify; a clock or key that cannot be
 *    used; whatever else a refresh refuses.
 * 3. At once: a root that somebody else published, with keys that nobody here knows.
 * 4. A region that has been behind for an hour.
 * 5. Not at once: what passes by itself, such as a network that is down or another command at work. If it does not
 *    pass, rule 1 speaks; where nothing was seen of a repository yet, it cannot, so then at once too.
 */
import type { ErrorClass, ErrorCode, TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { CheckedRole, ExpirationCheck } from '../expiry/expiration-check.ts';
import type { Expiration } from '../workspace/expiration.ts';
import { type Lag, longestLag } from './region-lag.ts';

export interface Alarm {
  /** Empty: the workspace itself. */
  readonly repository: string;
  /** The role that is about to expire, for `renewal-overdue` and `expired`. */
  readonly role: string | undefined;
  readonly code: ErrorCode | 'renewal-overdue' | 'root-unknown' | 'region-behind';
  /** The location, for `region-behind`. */
  readonly region?: string;
  readonly sentence: string;
}

export interface Failure {
  readonly repository: string;
  readonly error: TidegateError;
}

export interface Findings {
  readonly check: ExpirationCheck;
  readonly failures: readonly Failure[];
  readonly validity: Pick<Expiration, 'timestamp'>;
  /** Sentences on strange roots, by repository. */
  readonly strangeRoots?: ReadonlyMap<string, string>;
  readonly lags?: readonly Lag[];
}

const passing: ReadonlySet<ErrorClass> = new Set(['network', 'lock', 'conflict']);

/** Alarms that are up, by a key that stays the same for the same trouble. */
export function alarmsOf(findings: Findings): ReadonlyMap<string, Alarm> {
  const { check, failures, validity, strangeRoots = [], lags = [] } = findings;
  const alarms = new Map<string, Alarm>();
  const add = (alarm: Alarm): void => {
    const key = JSON.stringify([alarm.repository, alarm.role ?? alarm.region ?? null, alarm.code]);
    if (!alarms.has(key)) alarms.set(key, alarm);
  };
  for (const { repository, error } of [...failures, ...check.faults]) {
    const unseen = check.roles.every((role) => role.repository !== repository);
    if (!passing.has(error.class) || isMissing(error) || (unseen && error.class === 'network'))
      add({ repository, role: undefined, code: error.code, sentence: error.message });
  }
  for (const role of check.roles) {
    if (isOverdue(role, validity.timestamp)) add(overdue(role));
  }
  for (const [repository, sentence] of strangeRoots)
    add({ repository, role: 'root', code: 'root-unknown', sentence });
  for (const lag of lags) if (check.at - lag.since > longestLag) add(behind(lag));
  return alarms;
}

/** A file that is gone is a finding about the repository, though its class is that of the network. */
function isMissing({ code }: TidegateError): boolean {
  return code === 'not-found';
}

function isOverdue({ role, remaining, level }: CheckedRole, timestampValidity: number): boolean {
  return role === 'timestamp' ? remaining <= timestampValidity / 2 : level === 'critical';
}

function overdue({ repository, role, version, expires, remaining }: CheckedRole): Alarm {
  const expired = remaining <= 0;
  const sentence = expired
    ? `${role} ${version} has expired at ${formatTime(expires)}; hosts refuse updates until it is renewed`
    : `${role} ${version} expires at ${formatTime(expires)} and has not been renewed`;
  return { repository, role, code: expired ? 'expired' : 'renewal-overdue', sentence };
}

function behind({ repository, region, version, since }: Lag): Alarm {
  const shows = version === undefined ? 'cannot be asked' : `shows timestamp ${version}`;
  const sentence = `${region} ${shows} and has not followed since ${formatTime(since)}: its hosts see nothing newer`;
  return { repository, role: undefined, region, code: 'region-behind', sentence };
}

export interface AlarmChanges {
  readonly raised: readonly Alarm[];
  readonly cleared: readonly Alarm[];
}

export function alarmChanges(
  before: ReadonlyMap<string, Alarm>,
  after: ReadonlyMap<string, Alarm>,
): AlarmChanges {
  const without = (one: ReadonlyMap<string, Alarm>, other: ReadonlyMap<string, Alarm>): readonly Alarm[] =>
    [...one].filter(([key]) => !other.has(key)).map(([, alarm]) => alarm);
  return { raised: without(after, before), cleared: without(before, after) };
}
