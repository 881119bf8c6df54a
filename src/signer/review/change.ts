/** What stood somewhere before, and what stands there after. Read widely: whatever a document holds is shown. */
import { canonicalBytes } from '../../metadata/canonical.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';

/** undefined: nothing stands there. */
export interface Change<T = JsonValue> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type ChangeState = 'added' | 'removed' | 'changed' | 'kept';

/** A member by its name or path, such as `hashes.sha512`. */
export interface MemberChange extends Change {
  readonly name: string;
}

const nothing: JsonObject = new Map();

export function objectOrNothing(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : nothing;
}

export function listOrNothing(value: JsonValue | undefined): readonly JsonValue[] {
  return isJsonArray(value) ? value : [];
}

export function textsOf(value: JsonValue | undefined): readonly string[] {
  return listOrNothing(value).map(String);
}

function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return text(a) === text(b);
}

function text(value: JsonValue): string {
  return new TextDecoder().decode(canonicalBytes(value));
}

export function stateOf({ before, after }: Change): ChangeState {
  if (isSame(before, after)) return 'kept';
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}

/** One member of two objects. */
export function memberChange(before: JsonObject, after: JsonObject, name: string): MemberChange {
  return { name, before: before.get(name), after: after.get(name) };
}

/** The members of two objects that are not among those known, where they differ. */
export function otherMembers(
  before: JsonObject,
  after: JsonObject,
  known: readonly string[],
): readonly MemberChange[] {
  return unionOf([...before.keys()], [...after.keys()])
    .filter((name) => !known.includes(name))
    .map((name) => memberChange(before, after, name))
    .filter((change) => stateOf(change) !== 'kept');
}

/** Each entry once: those of the second list in its order, then those that are in the first alone. */
export function unionOf(before: readonly string[], after: readonly string[]): readonly string[] {
  return [...new Set([...after, ...before])];
}

export function without(list: readonly string[], taken: readonly string[]): readonly string[] {
  return list.filter((item) => !taken.includes(item));
}
