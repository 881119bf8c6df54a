/** What is known of a key: whose it is and who says so, and whether it can do what a role needs. */
import { isUsable } from '../../metadata/crypto.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { keyIdOf, verificationKey } from '../../metadata/keys.ts';
import { type ChangeState, objectOrNothing, stateOf, unionOf } from './change.ts';

/** The name of a person for a key. */
export interface Owner {
  readonly name: string;
  /** True when the signer's own copy of the key bears the name; false for what a file claims. */
  readonly confirmed: boolean;
}

/** By key id. Confirmed ones stand under the hash of the key, whatever id a document gives it. */
export type OwnerNames = ReadonlyMap<string, Owner>;

export interface KeyFacts {
  /** As the document has it. */
  readonly id: string;
  /** The id that the key object hashes to; the same as `id` in what Tidegate writes. */
  readonly hash: string;
  readonly owner: Owner | undefined;
  readonly type: string;
  readonly scheme: string;
  /** Equal for two spellings of one public key; undefined for a key that cannot be used. */
  readonly identity: string | undefined;
  readonly unusable: string | undefined;
  readonly json: JsonObject;
}

export interface KeyChange {
  readonly state: ChangeState;
  /** After; of a removed key, before. */
  readonly key: KeyFacts;
  /** Of a changed key, what stood under its id before. */
  readonly before: KeyFacts | undefined;
}

export function keyFacts(id: string, json: JsonObject, names: OwnerNames): KeyFacts {
  const hash = keyIdOf(json);
  const publicValue = objectOrNothing(json.get('keyval')).get('public');
  const type = String(json.get('keytype') ?? '');
  const scheme = String(json.get('scheme') ?? '');
  const usable = verificationKey({
    id,
    type,
    scheme,
    publicValue: typeof publicValue === 'string' ? publicValue : undefined,
    json,
  });
  return {
    id,
    hash,
    owner: ownerOf(id, hash, names),
    type,
    scheme,
    identity: isUsable(usable) ? usable.identity : undefined,
    unusable: isUsable(usable) ? undefined : usable.unusable,
    json,
  };
}

/** A confirmed name belongs to the bytes of a key; an id that other bytes stand under does not borrow it. */
function ownerOf(id: string, hash: string, names: OwnerNames): Owner | undefined {
  const known = names.get(hash);
  if (known?.confirmed === true) return known;
  const claimed = names.get(id);
  return claimed?.confirmed === true ? undefined : claimed;
}

/** All keys of two `keys` objects. */
export function keyChanges(before: JsonObject, after: JsonObject, names: OwnerNames): readonly KeyChange[] {
  return unionOf([...before.keys()], [...after.keys()]).map((id) => {
    const [old, present] = [before.get(id), after.get(id)];
    const state = stateOf({ before: old, after: present });
    const shown = keyFacts(id, objectOrNothing(present ?? old), names);
    return {
      state,
      key: shown,
      before: state === 'changed' ? keyFacts(id, objectOrNothing(old), names) : undefined,
    };
  });
}
