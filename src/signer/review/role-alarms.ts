/** Alarms about who may sign: thresholds, keys of roles, and the search order of delegations. */
import { matchesPattern } from '../../metadata/path-pattern.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { type Alarm, alarm, lookAlike } from './alarm.ts';
import type { Difference } from './difference.ts';
import type { KeyFacts } from './key-facts.ts';
import { keyName } from './key-name.ts';
import type { DelegationChange, DelegationsChange, RoleChange } from './role-change.ts';
import { listed, shown } from './shown.ts';

/** Keys of these lie on a machine that is always on; those of the others should not. */
const onlineRoles = ['snapshot', 'timestamp'];
const offlineRoles = ['root', 'targets'];

type Keys = ReadonlyMap<string, KeyFacts>;

export function roleAlarms(difference: Difference): readonly Alarm[] {
  const present = difference.keys.filter(({ state }) => state !== 'removed');
  const keys: Keys = new Map(present.map(({ key }) => [key.id, key]));
  const { roles, delegations } = difference;
  return [
    ...roles.flatMap((role) => [
      ...signerAlarms(role, keys),
      ...(role.role === 'root' ? rootAlarms(role, keys) : []),
    ]),
    ...sharedAlarms(roles, keys),
    ...delegations.roles.flatMap((role) => [...signerAlarms(role, keys), ...delegationAlarms(role)]),
    ...orderAlarms(delegations),
  ];
}

function signerAlarms(change: RoleChange, keys: Keys): readonly Alarm[] {
  const { role, state, keys: ids, threshold } = change;
  if (state === 'removed') return [];
  const name = shown(role);
  const alarms: Alarm[] = [];
  const [from, to] = [threshold.before, threshold.after];
  if (typeof from === 'number' && typeof to === 'number' && to < from)
    alarms.push(alarm('threshold-lowered', `${name}: the threshold is lowered from ${from} to ${to}`));
  const distinct = identitiesOf(change, keys).size;
  if (typeof to === 'number' && to > distinct)
    alarms.push(
      alarm('threshold-unreachable', `${name}: ${to} signatures are wanted and ${distinct} keys can sign`),
    );
  const [fewer, many] = [(ids.after ?? []).length, (ids.before ?? []).length];
  if (fewer < many) alarms.push(alarm('fewer-keys', `${name}: ${fewer} keys instead of ${many}`));
  for (const id of ids.after ?? []) {
    if (!keys.has(id))
      alarms.push(alarm('key-missing', `${name}: there is no key under the id ${shown(id)}`));
  }
  return [...alarms, ...twins(change, keys)];
}

function rootAlarms(change: RoleChange, keys: Keys): readonly Alarm[] {
  const { after } = change.threshold;
  const distinct = identitiesOf(change, keys).size;
  if (after === 1) return [alarm('threshold-one', 'root: a single key decides what hosts believe')];
  if (after !== distinct) return [];
  const sentence = `root: all ${distinct} keys must sign; when one is lost, no root can be signed any more`;
  return [alarm('no-spare-key', sentence)];
}

function identitiesOf({ keys: ids }: RoleChange, keys: Keys): ReadonlySet<string> {
  const identities = (ids.after ?? []).map((id) => keys.get(id)?.identity);
  return new Set(identities.filter((identity) => identity !== undefined));
}

function twins({ role, keys: ids }: RoleChange, keys: Keys): readonly Alarm[] {
  const seen = new Map<string, KeyFacts>();
  const alarms: Alarm[] = [];
  for (const id of ids.after ?? []) {
    const key = keys.get(id);
    if (key?.identity === undefined) continue;
    const first = seen.get(key.identity);
    if (first === undefined) seen.set(key.identity, key);
    else {
      const sentence = `${shown(role)}: ${keyName(first)} and ${keyName(key)} are one key, and count once`;
      alarms.push(alarm('key-twice', sentence));
    }
  }
  return alarms;
}

/** A key that is always at hand for a job must not be one that people keep in safes. One alarm for each key. */
function sharedAlarms(roles: readonly RoleChange[], keys: Keys): readonly Alarm[] {
  const holding = (names: readonly string[], identity: string): readonly string[] =>
    roles
      .filter((role) => names.includes(role.role) && identitiesOf(role, keys).has(identity))
      .map(({ role }) => role);
  const distinct = new Map([...keys.values()].map((key) => [key.identity, key]));
  return [...distinct].flatMap(([identity, key]) => {
    if (identity === undefined) return [];
    const [offline, online] = [holding(offlineRoles, identity), holding(onlineRoles, identity)];
    if (offline.length === 0 || online.length === 0) return [];
    const sentence = `key ${keyName(key)} signs ${listed(offline)}, and ${listed(online)} too: an online key can be stolen`;
    return [alarm('key-shared', sentence)];
  });
}

function delegationAlarms(change: DelegationChange): readonly Alarm[] {
  const { role, state, paths, terminating } = change;
  if (state === 'removed') return [];
  const alarms: Alarm[] = state === 'added' ? [...lookAlike('role', role)] : [];
  const gained = (paths.after ?? []).filter((path) => !(paths.before ?? []).includes(path));
  for (const path of gained) {
    alarms.push(...lookAlike('path', path));
    if (matchesPattern(path, manifestTarget)) {
      const sentence = `${shown(role)} may sign for ${shown(path)}, ${manifestTarget} included: which releases there are`;
      alarms.push(alarm('delegation-wide', sentence));
    }
  }
  if (state === 'changed' && terminating.before !== terminating.after) {
    const sentence = `${shown(role)}: the search ${terminating.after === true ? 'now ends' : 'no longer ends'} behind it`;
    alarms.push(alarm('delegation-terminating', sentence));
  }
  return alarms;
}

/** The first role that lists a target decides: who comes before whom is as important as who is there. */
function orderAlarms({ roles, reordered, others }: DelegationsChange): readonly Alarm[] {
  const alarms: Alarm[] = [];
  if (reordered)
    alarms.push(
      alarm('delegation-order', 'roles that stay are asked in another order: other targets can be found'),
    );
  const ahead = roles.filter(
    ({ state, position }) =>
      state === 'added' &&
      roles.some((role) => role.state !== 'added' && isBefore(position.after, role.position.after)),
  );
  for (const { role } of ahead)
    alarms.push(
      alarm('delegation-order', `the new role ${shown(role)} is asked before roles that were there`),
    );
  if (others.some(({ name, after }) => name === 'succinct_roles' && after !== undefined))
    alarms.push(alarm('delegation-wide', `hash bins may sign for every target, ${manifestTarget} included`));
  return alarms;
}

function isBefore(one: number | undefined, other: number | undefined): boolean {
  return one !== undefined && other !== undefined && one < other;
}
