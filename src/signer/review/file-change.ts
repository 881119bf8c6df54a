/** Targets of a targets role, and the files that snapshot and timestamp list: each that is not the same any more. */
import type { JsonObject } from '../../metadata/json.ts';
import {
  type Change,
  type ChangeState,
  type MemberChange,
  memberChange,
  objectOrNothing,
  otherMembers,
  stateOf,
  unionOf,
} from './change.ts';

export interface FileChange {
  /** Target path, or the name of an entry such as `targets.json`. */
  readonly name: string;
  readonly state: Exclude<ChangeState, 'kept'>;
  /** Of targets none. */
  readonly version: Change;
  /** Bytes. */
  readonly length: Change;
  /** Every algorithm of either side, `hashes.sha256` first. */
  readonly hashes: readonly MemberChange[];
  /** Of targets only. */
  readonly custom: Change;
  /** Members that are not of TUF, where they differ. */
  readonly others: readonly MemberChange[];
}

export interface FileChanges {
  readonly changes: readonly FileChange[];
  /** How many entries are the same. */
  readonly kept: number;
}

const members = ['version', 'length', 'hashes', 'custom'];

/** Two `targets` or two `meta` objects. */
export function fileChanges(before: JsonObject, after: JsonObject): FileChanges {
  const changes: FileChange[] = [];
  for (const name of unionOf([...before.keys()], [...after.keys()])) {
    const change = { before: before.get(name), after: after.get(name) };
    const state = stateOf(change);
    if (state !== 'kept')
      changes.push(fileChange(name, state, objectOrNothing(change.before), objectOrNothing(change.after)));
  }
  const gone = changes.filter(({ state }) => state === 'removed').length;
  return { changes, kept: after.size - (changes.length - gone) };
}

function fileChange(
  name: string,
  state: FileChange['state'],
  before: JsonObject,
  after: JsonObject,
): FileChange {
  const [old, present] = [objectOrNothing(before.get('hashes')), objectOrNothing(after.get('hashes'))];
  return {
    name,
    state,
    version: memberChange(before, after, 'version'),
    length: memberChange(before, after, 'length'),
    hashes: unionOf([...old.keys()], [...present.keys()])
      .toSorted()
      .map((algorithm) => memberChange(old, present, algorithm)),
    custom: memberChange(before, after, 'custom'),
    others: otherMembers(before, after, members),
  };
}
