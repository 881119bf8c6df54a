/**
 * A difference as lines for people. `+` is new, `-` is gone, `~` is changed. Everything that a document says and that is
 * not the same as before stands on some line, whole; what is the same is counted.
 */
import type { JsonValue } from '../../metadata/json.ts';
import { parseTime } from '../../metadata/time.ts';
import { type Change, stateOf } from './change.ts';
import { changed, memberLines } from './change-words.ts';
import type { Difference } from './difference.ts';
import { fileLines } from './file-words.ts';
import { keyLines } from './key-words.ts';
import { delegationLines, roleLines } from './role-words.ts';

export interface WordsOptions {
  /** Milliseconds since the epoch; without it times stand alone. */
  readonly now?: number;
}

export function differenceLines(difference: Difference, { now }: WordsOptions = {}): readonly string[] {
  const { head, hasBefore, consistentSnapshot, keys, roles, delegations, targets, meta, others } = difference;
  const names = new Map(keys.map(({ key }) => [key.id, key]));
  const entries: readonly (readonly [string, Change, boolean])[] = [
    ['type', head.type, false],
    ['version', head.version, true],
    ['expires', head.expires, true],
    ['repository', head.repository, false],
    ['spec_version', head.specVersion, false],
    ['consistent_snapshot', consistentSnapshot, false],
  ];
  return [
    ...entries
      .filter(([, change, always]) => always || stateOf(change) !== 'kept')
      .map(
        ([name, change]) =>
          `${name} ${changed(change)}${name === 'expires' ? inDays(change.after, now) : ''}`,
      ),
    ...keyLines(keys, hasBefore),
    ...roleLines(roles, names),
    ...delegationLines(delegations, names),
    ...fileLines('targets', targets, hasBefore),
    ...fileLines('lists', meta, hasBefore),
    ...memberLines(others),
  ];
}

const day = 24 * 3_600_000;

function inDays(value: JsonValue | undefined, now: number | undefined): string {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined || now === undefined) return '';
  const days = Math.floor(Math.abs(time - now) / day);
  return time > now ? ` (in ${days} days)` : ` (${days} days ago)`;
}
