/**
 * The delegations of the top-level targets role, as tidegate.toml wants them, and every role below it. Pure.
 *
 * 1. Where tidegate.toml does not speak of delegations, those that are published stay as they are; but for key ids that
 *    are labels, which hosts refuse: the same keys are listed under their hashes then.
 * 2. What is replaced keeps the members that are not known here, in each delegated role too.
 * 3. Only keys that a role uses stand beside the roles.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { type Delegations, parseDelegations } from '../../metadata/delegations.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';
import { withMembers } from '../../metadata/json-writer.ts';
import { hasHashedId, type KeySet, keyIdOf, type RoleKeys } from '../../metadata/keys.ts';
import { documentLimits } from '../../metadata/limits.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { countSignatures } from '../../trust/threshold.ts';
import type { VerifiedTargets } from '../../trust/trusted-set.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import type { DelegationSetting } from '../workspace/delegation-settings.ts';
import type { PublishedRoles } from './live-repository.ts';

export interface PlannedDelegations {
  /** The member as it will stand; undefined: none. */
  readonly json: JsonObject | undefined;
  readonly parsed: Delegations | undefined;
  /** True when it differs from what is published. */
  readonly changed: boolean;
}

export function plannedDelegations(
  published: PublishedRoles | undefined,
  settings: readonly DelegationSetting[] | undefined,
  keys: Iterable<NamedKey>,
): PlannedDelegations {
  const before = published?.targets.json.get('delegations');
  const base = isJsonObject(before) ? before : undefined;
  if (base === undefined && (settings === undefined || settings.length === 0)) {
    return { json: undefined, parsed: undefined, changed: false };
  }
  const json =
    settings === undefined
      ? withHashedIds(base ?? new Map(), published?.targets.delegations)
      : delegationsJson(base, settings, keys);
  const changed = base === undefined || Buffer.compare(canonicalBytes(base), canonicalBytes(json)) !== 0;
  const place = { file: 'targets', path: 'signed.delegations' };
  return { json, parsed: parseDelegations(json, documentLimits, place), changed };
}

function delegationsJson(
  base: JsonObject | undefined,
  settings: readonly DelegationSetting[],
  keys: Iterable<NamedKey>,
): JsonObject {
  const byName = new Map(Array.from(keys, (key) => [key.name, key]));
  const used = new Map<string, JsonValue>();
  const idOf = (name: string): string => {
    const key = byName.get(name);
    if (key === undefined) throw new TidegateError('workspace-invalid', `key ${name} has no public half`);
    used.set(key.id, key.json);
    return key.id;
  };
  const roles = settings.map(({ name, keys: names, threshold, paths, terminating }) =>
    withMembers(roleIn(base, name), {
      name,
      keyids: names.map(idOf),
      threshold,
      paths,
      path_hash_prefixes: undefined,
      terminating,
    }),
  );
  return withMembers(base ?? new Map(), { keys: used, roles, succinct_roles: undefined });
}

/** Delegations of another tool with every key under the hash of its key object. Itself when they are so already. */
function withHashedIds(base: JsonObject, parsed: Delegations | undefined): JsonObject {
  const keys = [...(parsed?.keys.values() ?? [])];
  if (keys.every(hasHashedId)) return base;
  const ids = new Map(keys.map((key) => [key.id, keyIdOf(key.json)]));
  const renamed = (role: JsonValue): JsonValue => {
    const listed = isJsonObject(role) ? role.get('keyids') : undefined;
    if (!isJsonObject(role) || !isJsonArray(listed)) return role;
    return withMembers(role, { keyids: [...new Set(listed.map((id) => ids.get(String(id)) ?? id))] });
  };
  const [roles, succinct] = [base.get('roles'), base.get('succinct_roles')];
  return withMembers(base, {
    keys: new Map(keys.map((key) => [keyIdOf(key.json), key.json])),
    ...(isJsonArray(roles) && { roles: roles.map(renamed) }),
    ...(succinct !== undefined && { succinct_roles: renamed(succinct) }),
  });
}

function roleIn(base: JsonObject | undefined, name: string): JsonObject {
  const roles = base?.get('roles');
  const known = isJsonArray(roles)
    ? roles.find((role) => isJsonObject(role) && role.get('name') === name)
    : undefined;
  return isJsonObject(known) ? known : new Map();
}

/** Roles that targets delegates to, and that it does so anew, otherwise, or no longer. */
export function delegationChanges({
  live: { published },
  delegations,
  delegationsChange,
}: {
  readonly live: { readonly published: PublishedRoles | undefined };
  readonly delegations: JsonObject | undefined;
  readonly delegationsChange: boolean;
}): readonly { readonly role: string; readonly change: 'added' | 'changed' | 'removed' }[] {
  if (!delegationsChange) return [];
  const before = published?.targets.json.get('delegations');
  const [old, present] = [rolesIn(isJsonObject(before) ? before : undefined), rolesIn(delegations)];
  const kept = [...present].flatMap(([role, text]) => {
    if (old.get(role) === text) return [];
    return [{ role, change: old.has(role) ? ('changed' as const) : ('added' as const) }];
  });
  const gone = [...old.keys()].filter((role) => !present.has(role));
  return [...kept, ...gone.map((role) => ({ role, change: 'removed' as const }))];
}

/** Each role's place and text, to compare by. */
function rolesIn(delegations: JsonObject | undefined): ReadonlyMap<string, string> {
  const roles = delegations?.get('roles');
  return new Map(
    (isJsonArray(roles) ? roles : []).filter(isJsonObject).map((role, index) => {
      const text = new TextDecoder().decode(canonicalBytes(role));
      return [String(role.get('name')), `${index} ${text}`];
    }),
  );
}

/** A role that others delegate to. */
export interface DelegatedPlace {
  readonly name: string;
  readonly delegator: string;
  readonly keys: RoleKeys;
  readonly keySet: KeySet;
  /** undefined: it is delegated and was never written. */
  readonly published: VerifiedTargets | undefined;
}

/** Every delegated role, in the order of a search that ends nowhere. */
export function delegatedPlaces(
  top: Delegations | undefined,
  published: PublishedRoles | undefined,
): readonly DelegatedPlace[] {
  const places = new Map<string, DelegatedPlace>();
  const visit = (delegations: Delegations | undefined, delegator: string): void => {
    for (const { name, keyIds, threshold } of delegations?.roles ?? []) {
      if (places.has(name)) continue;
      const known = published?.delegated.get(name);
      const keySet = delegations?.keys ?? new Map();
      places.set(name, { name, delegator, keys: { keyIds, threshold }, keySet, published: known });
      visit(known?.document.delegations, name);
    }
  };
  visit(top, 'targets');
  return [...places.values()];
}

/** True when what is published of it is not signed by enough of the keys that it has now. */
export function lacksSignatures({ name, keys, keySet, published }: DelegatedPlace): boolean {
  if (published === undefined) return true;
  const envelope = parseEnvelope(published.bytes, defaultLimits, name);
  return countSignatures(envelope, keys, keySet).signedBy.length < keys.threshold;
}
