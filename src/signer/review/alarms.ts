/**
 * What a signer should not sign without asking. Alarms stop nothing: they come first in every review, each a sentence
 * that names what was found. They are computed from documents alone, and never from what a file says of itself.
 */
import type { JsonValue } from '../../metadata/json.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { formatTime, parseTime } from '../../metadata/time.ts';
import { type Alarm, alarm, lookAlike } from './alarm.ts';
import type { Difference } from './difference.ts';
import type { FileChange } from './file-change.ts';
import { keyAlarms } from './key-alarms.ts';
import { roleAlarms } from './role-alarms.ts';
import { shown } from './shown.ts';

export interface AlarmPolicy {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The longest validity in milliseconds that this role should have. */
  readonly longestValidity: number;
}

const day = 24 * 3_600_000;
/** A root that ends sooner leaves no time for the next ceremony; other roles are renewed by jobs. */
const shortestRoot = 7 * day;

export function alarmsOf(difference: Difference, policy: AlarmPolicy): readonly Alarm[] {
  return [
    ...headAlarms(difference),
    ...expiryAlarms(difference, policy),
    ...difference.keys.flatMap(keyAlarms),
    ...roleAlarms(difference),
    ...difference.targets.changes.flatMap(targetAlarms),
    ...difference.meta.changes.flatMap(entryAlarms),
  ];
}

function headAlarms({ head, hasBefore, consistentSnapshot }: Difference): readonly Alarm[] {
  const alarms: Alarm[] = [];
  const { version, repository } = head;
  const [from, to] = [numberOf(version.before), numberOf(version.after)];
  if (from !== undefined && to !== undefined && to !== from + 1)
    alarms.push(alarm('version-jump', `the version goes from ${from} to ${to}, expected ${from + 1}`));
  // A document that names none yet was made by another tool, and hosts take the name that the next one gives.
  if (hasBefore && repository.before !== undefined && repository.before !== repository.after) {
    const change = `from ${shown(repository.before)} to ${shown(repository.after)}`;
    alarms.push(alarm('repository-renamed', `the repository is renamed ${change}: hosts refuse it`));
  }
  if (consistentSnapshot.before === true && consistentSnapshot.after !== true) {
    const sentence = 'consistent snapshots are turned off: a reader can meet half a publication';
    alarms.push(alarm('consistent-snapshot-off', sentence));
  }
  return alarms;
}

function expiryAlarms({ head, type }: Difference, { now, longestValidity }: AlarmPolicy): readonly Alarm[] {
  const [before, after] = [timeOf(head.expires.before), timeOf(head.expires.after)];
  if (after === undefined) return [];
  const alarms: Alarm[] = [];
  const when = formatTime(after);
  if (after <= now) alarms.push(alarm('expiry-past', `it expired at ${when}: hosts refuse it`));
  else if (type === 'root' && after - now < shortestRoot)
    alarms.push(alarm('expiry-soon', `it expires at ${when}, in less than a week`));
  if (after - now > longestValidity) {
    const sentence = `it expires at ${when}, in ${days(after - now)}; the longest for this role is ${days(longestValidity)}`;
    alarms.push(alarm('expiry-late', sentence));
  }
  if (before !== undefined && after < before) {
    const sentence = `it expires at ${when}, before the version that it replaces (${formatTime(before)})`;
    alarms.push(alarm('expiry-earlier', sentence));
  }
  return alarms;
}

function days(milliseconds: number): string {
  return `${Math.floor(milliseconds / day)} days`;
}

/** The manifest has new bytes with every release; what it says is shown instead. */
function targetAlarms({ name, state, hashes, length }: FileChange): readonly Alarm[] {
  const otherBytes = [...hashes, length].some(({ before, after }) => before !== after);
  const sentence = `the target ${shown(name)} keeps its name and gets other bytes: some hosts have the old ones`;
  return [
    ...(state === 'added' ? lookAlike('target', name) : []),
    ...(state === 'changed' && otherBytes && name !== manifestTarget
      ? [alarm('target-changed', sentence)]
      : []),
  ];
}

function entryAlarms({ name, state, version }: FileChange): readonly Alarm[] {
  const [from, to] = [numberOf(version.before), numberOf(version.after)];
  if (state === 'removed')
    return [alarm('entry-older', `${shown(name)} is not listed any more: hosts that know it refuse this`)];
  if (from === undefined || to === undefined || to >= from) return [];
  return [alarm('entry-older', `${shown(name)} goes back from version ${from} to ${to}: hosts refuse it`)];
}

function numberOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function timeOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'string' ? parseTime(value) : undefined;
}
