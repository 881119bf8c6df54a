/**
 * How a document differs from the one before it, as plain data: every member of every role, unknown ones too. What is
 * compared is what is signed, never a file's signatures or layout. Without a document before, everything is new.
 */

import { repositoryMember } from '../../metadata/document.ts';
import type { JsonObject } from '../../metadata/json.ts';
import {
  type Change,
  type MemberChange,
  memberChange,
  objectOrNothing,
  otherMembers,
  stateOf,
} from './change.ts';
import { type FileChanges, fileChanges } from './file-change.ts';
import { type KeyChange, keyChanges, type OwnerNames } from './key-facts.ts';
import { type DelegationsChange, delegationsChange, type RoleChange, roleChanges } from './role-change.ts';

export interface Difference {
  /** `_type` of the document after. */
  readonly type: string;
  /** False when there is no document before. */
  readonly hasBefore: boolean;
  /** False when the two say the same. */
  readonly differs: boolean;
  /** Of `_type`, `version`, `expires`, the repository's name and `spec_version`. */
  readonly head: Readonly<Record<'type' | 'version' | 'expires' | 'repository' | 'specVersion', Change>>;
  /** Root. */
  readonly consistentSnapshot: Change;
  /** Keys of root or of delegations. */
  readonly keys: readonly KeyChange[];
  /** Root's roles. */
  readonly roles: readonly RoleChange[];
  readonly delegations: DelegationsChange;
  /** Targets. */
  readonly targets: FileChanges;
  /** What snapshot or timestamp lists. */
  readonly meta: FileChanges;
  /** Members at the top that are not of TUF, where they differ. */
  readonly others: readonly MemberChange[];
}

const members = [
  '_type',
  'version',
  'expires',
  repositoryMember,
  'spec_version',
  'consistent_snapshot',
  'keys',
  'roles',
  'delegations',
  'targets',
  'meta',
];

export function differenceOf(
  before: JsonObject | undefined,
  after: JsonObject,
  names: OwnerNames = new Map(),
): Difference {
  const old = objectOrNothing(before);
  const part = (name: string): readonly [JsonObject, JsonObject] => [
    objectOrNothing(old.get(name)),
    objectOrNothing(after.get(name)),
  ];
  const [oldDelegations, delegations] = part('delegations');
  return {
    type: String(after.get('_type') ?? ''),
    hasBefore: before !== undefined,
    differs: stateOf({ before, after }) !== 'kept',
    head: {
      type: memberChange(old, after, '_type'),
      version: memberChange(old, after, 'version'),
      expires: memberChange(old, after, 'expires'),
      repository: memberChange(old, after, repositoryMember),
      specVersion: memberChange(old, after, 'spec_version'),
    },
    consistentSnapshot: memberChange(old, after, 'consistent_snapshot'),
    keys: [
      ...keyChanges(...part('keys'), names),
      ...keyChanges(
        objectOrNothing(oldDelegations.get('keys')),
        objectOrNothing(delegations.get('keys')),
        names,
      ),
    ],
    roles: roleChanges(...part('roles')),
    delegations: delegationsChange(oldDelegations, delegations),
    targets: fileChanges(...part('targets')),
    meta: fileChanges(...part('meta')),
    others: otherMembers(old, after, members),
  };
}
