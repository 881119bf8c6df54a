/** Who may sign a role, before and after: of root's roles and of delegations, with their place in the search. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import {
  type Change,
  type ChangeState,
  listOrNothing,
  type MemberChange,
  memberChange,
  objectOrNothing,
  otherMembers,
  stateOf,
  textsOf,
  unionOf,
  without,
} from './change.ts';

export interface RoleChange {
  readonly role: string;
  readonly state: ChangeState;
  readonly threshold: Change;
  /** Key ids. */
  readonly keys: Change<readonly string[]>;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Members that are not of TUF, where they differ. */
  readonly others: readonly MemberChange[];
}

export interface DelegationChange extends RoleChange {
  /** Place in the search order, from 1. */
  readonly position: Change<number>;
  readonly terminating: Change;
  readonly paths: Change<readonly string[]>;
  readonly pathHashPrefixes: Change<readonly string[]>;
}

export interface DelegationsChange {
  /** In the order of the search; removed ones last. */
  readonly roles: readonly DelegationChange[];
  /** True when roles that stay are asked in another order. */
  readonly reordered: boolean;
  /** Members that are not of TUF, and `succinct_roles`. */
  readonly others: readonly MemberChange[];
}

const roleMembers = ['keyids', 'threshold'];
const delegationMembers = [...roleMembers, 'name', 'terminating', 'paths', 'path_hash_prefixes'];

/** The roles of two roots, the four of TUF first. */
export function roleChanges(before: JsonObject, after: JsonObject): readonly RoleChange[] {
  const roles = unionOf([...before.keys()], [...after.keys()]);
  const known = topLevelRoles.filter((role) => roles.includes(role));
  return [...known, ...without(roles, known)].map((role) =>
    roleChange(role, before.get(role), after.get(role), roleMembers),
  );
}

function roleChange(
  role: string,
  old: JsonValue | undefined,
  present: JsonValue | undefined,
  known: readonly string[],
): RoleChange {
  const [before, after] = [objectOrNothing(old), objectOrNothing(present)];
  const keys = textChange(before, after, 'keyids');
  return {
    role,
    state: stateOf({ before: old, after: present }),
    threshold: memberChange(before, after, 'threshold'),
    keys,
    added: without(keys.after ?? [], keys.before ?? []),
    removed: without(keys.before ?? [], keys.after ?? []),
    others: otherMembers(before, after, known),
  };
}

function textChange(before: JsonObject, after: JsonObject, name: string): Change<readonly string[]> {
  return {
    before: before.has(name) ? textsOf(before.get(name)) : undefined,
    after: after.has(name) ? textsOf(after.get(name)) : undefined,
  };
}

/** Two `delegations` objects. */
export function delegationsChange(before: JsonObject, after: JsonObject): DelegationsChange {
  const [old, present] = [rolesByName(before), rolesByName(after)];
  const names = unionOf([...old.keys()], [...present.keys()]);
  const stay = [...present.keys()].filter((name) => old.has(name));
  const stayed = [...old.keys()].filter((name) => present.has(name));
  return {
    roles: names.map((name) => delegationChange(name, old.get(name), present.get(name))),
    reordered: stay.some((name, index) => stayed[index] !== name),
    others: otherMembers(before, after, ['keys', 'roles']),
  };
}

interface PlacedRole {
  readonly json: JsonObject;
  readonly position: number;
}

function rolesByName(delegations: JsonObject): ReadonlyMap<string, PlacedRole> {
  const roles = listOrNothing(delegations.get('roles')).filter(isJsonObject);
  return new Map(roles.map((json, index) => [String(json.get('name') ?? ''), { json, position: index + 1 }]));
}

function delegationChange(
  name: string,
  old: PlacedRole | undefined,
  present: PlacedRole | undefined,
): DelegationChange {
  const [before, after] = [objectOrNothing(old?.json), objectOrNothing(present?.json)];
  return {
    ...roleChange(name, old?.json, present?.json, delegationMembers),
    position: { before: old?.position, after: present?.position },
    terminating: memberChange(before, after, 'terminating'),
    paths: textChange(before, after, 'paths'),
    pathHashPrefixes: textChange(before, after, 'path_hash_prefixes'),
  };
}
