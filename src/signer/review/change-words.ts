/** Changes of single values as text. */
import { type Change, type ChangeState, type MemberChange, stateOf } from './change.ts';
import { shown } from './shown.ts';

export const signs: Readonly<Record<ChangeState, string>> = {
  added: '+',
  removed: '-',
  changed: '~',
  kept: ' ',
};

/** "2 → 3"; one value where nothing stood before, or where it is the same. */
export function changed({ before, after }: Change): string {
  if (before === undefined || stateOf({ before, after }) === 'kept') return shown(after);
  return `${shown(before)} → ${shown(after)}`;
}

/** A value of something that is new, gone, or changed: in what is changed, a value that comes is said to come. */
export function valueIn(state: ChangeState, change: Change): string {
  if (state === 'removed') return shown(change.before);
  if (state !== 'changed' || stateOf(change) === 'kept') return shown(change.after);
  return `${shown(change.before)} → ${shown(change.after)}`;
}

export function memberLines(members: readonly MemberChange[], indent = ''): readonly string[] {
  return members.map((member) => {
    const state = stateOf(member);
    return `${indent}${signs[state]} ${shown(member.name)}: ${valueIn(state, member)}`;
  });
}
