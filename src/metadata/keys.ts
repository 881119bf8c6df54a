/**
 * Key objects (TUF specification 4.2.2) and their ids. A key of an unknown type is read, not refused: it can
 * stand in a root that also lists keys we know, and contributes nothing to a threshold.
 */
import { canonicalBytes } from './canonical.ts';
import { digestOf, isUsable, loadPublicKey, type UnusableKey, type VerificationKey } from './crypto.ts';
import { checkCount, inside, integerAt, invalid, listAt, objectAt, type Place, textAt } from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';
import type { DocumentLimits } from './limits.ts';
import { printable } from './printable.ts';

export interface Key {
  readonly id: string;
  readonly type: string;
  readonly scheme: string;
  /** `keyval.public`; absent in key types that have no public value. */
  readonly publicValue: string | undefined;
  readonly json: JsonObject;
}

export type KeySet = ReadonlyMap<string, Key>;

/** Who must sign a role, and how many of them. */
export interface RoleKeys {
  readonly keyIds: readonly string[];
  readonly threshold: number;
}

/** The key id: SHA-256 over the canonical key object as it is written, extra members included. */
export function keyIdOf(key: JsonObject): string {
  return digestOf('sha256', canonicalBytes(key));
}

export function parseKeySet(value: JsonValue | undefined, limits: DocumentLimits, place: Place): KeySet {
  const object = objectAt(value, place);
  checkCount(object.size, limits.maxKeys, 'keys', place);
  const keys = new Map<string, Key>();
  for (const [id, json] of object) keys.set(id, parseKey(id, json, inside(place, id)));
  return keys;
}

function parseKey(id: string, value: JsonValue, place: Place): Key {
  const json = objectAt(value, place);
  const keyval = objectAt(json.get('keyval'), inside(place, 'keyval'));
  const publicValue = keyval.get('public');
  return {
    id,
    type: textAt(json.get('keytype'), inside(place, 'keytype')),
    scheme: textAt(json.get('scheme'), inside(place, 'scheme')),
    publicValue: typeof publicValue === 'string' ? publicValue : undefined,
    json,
  };
}

/** Key ids and threshold of a role, in root or in a delegation. Duplicate key ids are refused. */
export function parseRoleKeys(role: JsonObject, limits: DocumentLimits, place: Place): RoleKeys {
  const at = inside(place, 'keyids');
  const list = listAt(role.get('keyids'), at);
  checkCount(list.length, limits.maxKeyIds, 'key ids', at);
  const keyIds = list.map((id, index) => textAt(id, inside(at, index)));
  const duplicate = keyIds.find((id, index) => keyIds.indexOf(id) !== index);
  if (duplicate !== undefined) throw invalid(at, 'a list without repetition', duplicate);
  return { keyIds, threshold: integerAt(role.get('threshold'), 1, inside(place, 'threshold')) };
}

const loaded = new WeakMap<JsonObject, VerificationKey | UnusableKey>();

/** The key, ready to verify. Decoding is done once for each key object. */
export function verificationKey(key: Key): VerificationKey | UnusableKey {
  const known = loaded.get(key.json);
  if (known !== undefined) return known;
  const made =
    key.publicValue === undefined
      ? { unusable: `key type "${printable(key.type)}" has no public value` }
      : loadPublicKey(key.type, key.scheme, key.publicValue);
  loaded.set(key.json, made);
  return made;
}

/** The distinct, usable public keys behind a role's key ids: two ids of one key are one. */
export function publicKeysOf(role: RoleKeys, keys: KeySet): ReadonlySet<string> {
  const identities = new Set<string>();
  for (const id of role.keyIds) {
    const key = keys.get(id);
    const usable = key === undefined ? undefined : verificationKey(key);
    if (usable !== undefined && isUsable(usable)) identities.add(usable.identity);
  }
  return identities;
}

/** True when the id is the hash of the key object. Readers that treat ids as labels do not ask. */
export function hasHashedId(key: Key): boolean {
  return key.id === keyIdOf(key.json);
}
