/** Roles and delegations as lines. */
import { escaped } from '../../metadata/printable.ts';
import { type Change, type ChangeState, stateOf } from './change.ts';
import { changed, memberLines, signs } from './change-words.ts';
import type { KeyFacts } from './key-facts.ts';
import { keyName } from './key-name.ts';
import type { DelegationChange, DelegationsChange, RoleChange } from './role-change.ts';
import { listed, shown } from './shown.ts';

type Names = ReadonlyMap<string, KeyFacts>;

/** All roles of a root, those that stay too: they are few. */
export function roleLines(roles: readonly RoleChange[], names: Names): readonly string[] {
  if (roles.length === 0) return [];
  return ['roles:', ...roles.flatMap((role) => signerLines(role, escaped(role.role), names))];
}

function signerLines(change: RoleChange, title: string, names: Names): readonly string[] {
  const { state, threshold, keys, added, removed, others } = change;
  const counts = changed({
    before: before(keys, threshold),
    after: after(keys, threshold),
  });
  const held = state === 'removed' ? keys.before : keys.after;
  const moved = state === 'changed' ? [...moves('+', added, names), ...moves('-', removed, names)] : [];
  return [
    `  ${signs[state]} ${title}: ${state === 'removed' ? shown(before(keys, threshold)) : counts}`,
    `      keys ${namesOf(held ?? [], names)}`,
    ...moved,
    ...memberLines(others, '      '),
  ];
}

function before(keys: Change<readonly string[]>, threshold: Change): string | undefined {
  return keys.before === undefined ? undefined : `${shown(threshold.before)} of ${keys.before.length}`;
}

function after(keys: Change<readonly string[]>, threshold: Change): string {
  return `${shown(threshold.after)} of ${(keys.after ?? []).length}`;
}

function moves(sign: string, ids: readonly string[], names: Names): readonly string[] {
  return ids.length === 0 ? [] : [`      ${sign} ${namesOf(ids, names)}`];
}

function namesOf(ids: readonly string[], names: Names): string {
  if (ids.length === 0) return 'none';
  return ids.map((id) => keyName(names.get(id) ?? { id, owner: undefined })).join(', ');
}

/** All delegations in the order in which they are asked; removed ones last. */
export function delegationLines({ roles, others }: DelegationsChange, names: Names): readonly string[] {
  if (roles.length === 0 && others.length === 0) return [];
  return [
    'delegations, in the order in which they are asked:',
    ...roles.flatMap((role) => [
      ...signerLines(role, `${placeText(role)}${escaped(role.role)}`, names),
      ...pathLines('paths', role.state, role.paths),
      ...pathLines('path hash prefixes', role.state, role.pathHashPrefixes),
      ...terminatingLine(role),
    ]),
    ...memberLines(others, '  '),
  ];
}

function placeText({ position }: DelegationChange): string {
  if (position.after === undefined) return '';
  const was =
    position.before !== undefined && position.before !== position.after ? ` (was ${position.before})` : '';
  return `${position.after}.${was} `;
}

function pathLines(
  label: string,
  state: ChangeState,
  { before: old = [], after: present = [] }: Change<readonly string[]>,
): readonly string[] {
  if (old.length === 0 && present.length === 0) return [];
  if (state === 'removed') return [`      ${label} ${listed(old)}`];
  const isSame = stateOf({ before: old, after: present }) === 'kept';
  if (state !== 'changed' || isSame) return [`      ${label} ${listed(present)}`];
  return [`      ${label} ${listed(old)} → ${listed(present)}`];
}

function terminatingLine({ terminating, state }: DelegationChange): readonly string[] {
  const end = (value: unknown): string => (value === true ? 'ends behind it' : 'goes on behind it');
  if (state === 'removed') return [];
  if (state === 'changed' && terminating.before !== terminating.after)
    return [`      the search ${end(terminating.before)} → ${end(terminating.after)}`];
  return [`      the search ${end(terminating.after)}`];
}
