/**
 * Delegations (TUF specification 4.5): whom a targets role trusts for which paths, in the order in which they
 * are asked. Exactly one of `paths` and `path_hash_prefixes`, exactly one of `roles` and `succinct_roles`.
 */
import { digestOf } from './crypto.ts';
import {
  booleanAt,
  checkCount,
  inside,
  integerAt,
  invalid,
  listAt,
  objectAt,
  type Place,
  textAt,
} from './fields.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { type KeySet, parseKeySet, parseRoleKeys, type RoleKeys } from './keys.ts';
import type { DocumentLimits } from './limits.ts';
import { matchesPattern } from './path-pattern.ts';
import { checkRoleName, isTopLevelRole } from './role-name.ts';
import type { TargetPath } from './target-path.ts';

export interface DelegatedRole extends RoleKeys {
  readonly name: string;
  readonly terminating: boolean;
  /** Patterns of paths. Of this and the next one is given, the other is empty. */
  readonly paths: readonly string[];
  /** Prefixes of the hexadecimal SHA-256 of a path. */
  readonly pathHashPrefixes: readonly string[];
}

/** Hash bins that are described by their number instead of one by one (TAP 15). */
export interface SuccinctRoles extends RoleKeys {
  readonly bitLength: number;
  readonly namePrefix: string;
}

export interface Delegations {
  readonly keys: KeySet;
  readonly roles: readonly DelegatedRole[];
  readonly succinct: SuccinctRoles | undefined;
}

export function parseDelegations(value: JsonValue, limits: DocumentLimits, place: Place): Delegations {
  const object = objectAt(value, place);
  const keys = parseKeySet(object.get('keys'), limits, inside(place, 'keys'));
  const succinct = object.get('succinct_roles');
  if (succinct !== undefined) {
    if (object.has('roles')) throw invalid(place, 'either roles or succinct_roles', 'both');
    return { keys, roles: [], succinct: parseSuccinct(succinct, limits, inside(place, 'succinct_roles')) };
  }
  const at = inside(place, 'roles');
  const list = listAt(object.get('roles'), at);
  checkCount(list.length, limits.maxDelegatedRoles, 'roles', at);
  const names = new Set<string>();
  const roles = list.map((role, index) => {
    const parsed = parseDelegatedRole(role, limits, inside(at, index));
    if (names.has(parsed.name))
      throw invalid(inside(at, index), 'a role name that is not used before', parsed.name);
    names.add(parsed.name);
    return parsed;
  });
  return { keys, roles, succinct: undefined };
}

function parseDelegatedRole(value: JsonValue, limits: DocumentLimits, place: Place): DelegatedRole {
  const role = objectAt(value, place);
  const name = parseRoleName(role.get('name'), inside(place, 'name'));
  const paths = role.get('paths');
  const prefixes = role.get('path_hash_prefixes');
  if ((paths === undefined) === (prefixes === undefined)) {
    throw invalid(
      place,
      'a role with exactly one of paths and path_hash_prefixes',
      paths === undefined ? 'neither' : 'both',
    );
  }
  return {
    name,
    ...parseRoleKeys(role, limits, place),
    terminating: booleanAt(role.get('terminating'), inside(place, 'terminating')),
    paths: paths === undefined ? [] : parseTexts(paths, limits, inside(place, 'paths')),
    pathHashPrefixes:
      prefixes === undefined ? [] : parsePrefixes(prefixes, limits, inside(place, 'path_hash_prefixes')),
  };
}

function parseRoleName(value: JsonValue | undefined, place: Place): string {
  const name = checkRoleName(textAt(value, place));
  if (isTopLevelRole(name)) throw invalid(place, 'the name of no top-level role', name);
  return name;
}

function parseTexts(value: JsonValue, limits: DocumentLimits, place: Place): readonly string[] {
  const list = listAt(value, place);
  checkCount(list.length, limits.maxPaths, 'entries', place);
  return list.map((item, index) => {
    const text = textAt(item, inside(place, index));
    checkCount(text.length, limits.maxPatternLength, 'characters', inside(place, index));
    return text;
  });
}

function parsePrefixes(value: JsonValue, limits: DocumentLimits, place: Place): readonly string[] {
  const prefixes = parseTexts(value, limits, place);
  const odd = prefixes.find((prefix) => !/^[0-9a-f]{1,64}$/.test(prefix));
  if (odd !== undefined) throw invalid(place, 'prefixes of 1 to 64 lower-case hexadecimal characters', odd);
  return prefixes;
}

const maxBitLength = 32;

function parseSuccinct(value: JsonValue, limits: DocumentLimits, place: Place): SuccinctRoles {
  const object: JsonObject = objectAt(value, place);
  const bitLength = integerAt(object.get('bit_length'), 1, inside(place, 'bit_length'));
  if (bitLength > maxBitLength)
    throw invalid(inside(place, 'bit_length'), `an integer from 1 to ${maxBitLength}`, bitLength);
  return {
    ...parseRoleKeys(object, limits, place),
    bitLength,
    namePrefix: checkRoleName(textAt(object.get('name_prefix'), inside(place, 'name_prefix'))),
  };
}

/** A role to ask for a path, and whether the search ends behind it. */
export interface DelegatedStep {
  readonly name: string;
  readonly terminating: boolean;
}

/** The delegated roles trusted for a path, in the order in which they are asked. */
export function rolesForPath(delegations: Delegations, path: TargetPath): readonly DelegatedStep[] {
  if (delegations.succinct !== undefined)
    return [{ name: binFor(delegations.succinct, path), terminating: false }];
  return delegations.roles.filter((role) => covers(role, path));
}

/** Who must sign a delegated role, or undefined when these delegations do not name it. */
export function keysForRole(delegations: Delegations, name: string): RoleKeys | undefined {
  const { succinct } = delegations;
  if (succinct === undefined) return delegations.roles.find((role) => role.name === name);
  return isBinOf(succinct, name) ? succinct : undefined;
}

function covers(role: DelegatedRole, path: TargetPath): boolean {
  if (role.paths.some((pattern) => matchesPattern(pattern, path))) return true;
  const pathHash = digestOf('sha256', path);
  return role.pathHashPrefixes.some((prefix) => pathHash.startsWith(prefix));
}

/** The first `bitLength` bits of the path's SHA-256 number the bin, in hexadecimal of fixed width. */
function binFor(succinct: SuccinctRoles, path: TargetPath): string {
  const leadingBits = Number.parseInt(digestOf('sha256', path).slice(0, 8), 16);
  const bin = Math.floor(leadingBits / 2 ** (maxBitLength - succinct.bitLength));
  return `${succinct.namePrefix}-${bin.toString(16).padStart(binDigits(succinct), '0')}`;
}

function isBinOf(succinct: SuccinctRoles, name: string): boolean {
  const prefix = `${succinct.namePrefix}-`;
  const suffix = name.slice(prefix.length);
  if (!name.startsWith(prefix) || suffix.length !== binDigits(succinct) || !/^[0-9a-f]+$/.test(suffix))
    return false;
  return Number.parseInt(suffix, 16) < 2 ** succinct.bitLength;
}

/** As many digits as the highest bin number has. */
function binDigits(succinct: SuccinctRoles): number {
  return (2 ** succinct.bitLength - 1).toString(16).length;
}
