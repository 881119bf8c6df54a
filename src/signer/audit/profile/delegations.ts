/** Delegations: their form, the names of roles, patterns of paths, and what a role lists beside them. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { isTopLevelRole } from '../../../metadata/role-name.ts';
import { shown } from './documents.ts';
import {
  below,
  each,
  everyPeer,
  finding,
  itemsOf,
  membersOf,
  type ProfileFinding,
  type Spot,
  type Stumbles,
  textOf,
} from './finding.ts';
import { keyFindings, roleKeyFindings } from './keys.ts';
import { usedIds } from './listings.ts';
import { coversIn } from './path-dialect.ts';

const cannotParse = 'cannot read the whole file';
const delegationsMembers: ReadonlySet<string> = new Set(['keys', 'roles']);
const roleMembers: ReadonlySet<string> = new Set(['name', 'keyids', 'threshold', 'paths', 'terminating']);

/** @param value `delegations` of a targets role, where it is present */
export function* delegationsFindings(value: JsonValue, spot: Spot): Generator<ProfileFinding, void> {
  if (!isJsonObject(value)) {
    yield finding('delegations-form', spot, shown(value), everyPeer(cannotParse));
    return;
  }
  const succinct = value.has('succinct_roles');
  if (!value.has('roles') && !succinct)
    yield finding('delegations-form', spot, 'without roles', each(['python-tuf', 'tough'], cannotParse));
  if (!value.has('keys')) yield finding('delegations-form', spot, 'without keys', everyPeer(cannotParse));
  const extra = [...value.keys()].filter((member) => !delegationsMembers.has(member));
  if (extra.length > 0)
    yield finding('delegations-form', spot, `with ${extra.join(', ')}`, {
      tough: succinct ? 'knows no succinct_roles' : 'loses it and then finds the signature wrong',
    });
  const keys = membersOf(value.get('keys'));
  const roles = itemsOf(value.get('roles'));
  const succinctRoles = membersOf(value.get('succinct_roles'));
  yield* keyFindings(keys, usedIds([...roles, succinctRoles]), below(spot, 'keys'));
  for (const [index, item] of roles.entries()) {
    const at = below(below(spot, 'roles'), index);
    yield* roleKeyFindings(membersOf(item), keys, at);
    yield* roleFindings(membersOf(item), at);
  }
}

function* roleFindings(role: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  const hashed = role.has('path_hash_prefixes');
  if (!role.has('terminating'))
    yield finding('delegated-role-form', spot, 'without terminating', everyPeer(cannotParse));
  const extra = [...role.keys()].filter(
    (member) => !roleMembers.has(member) && member !== 'path_hash_prefixes',
  );
  if (extra.length > 0)
    yield finding('delegated-role-form', spot, `with ${extra.join(', ')}`, {
      tough: 'loses it and then finds the signature wrong',
    });
  if (hashed)
    yield finding('delegated-role-form', spot, 'with path_hash_prefixes', {
      'go-tuf': 'up to 2.4.2 does not find its targets',
    });
  yield* roleNameFindings(textOf(role.get('name')), below(spot, 'name'));
  const paths = itemsOf(role.get('paths')).map(textOf);
  if (!hashed && paths.length === 0)
    yield finding('path-pattern', below(spot, 'paths'), 'an empty list', {
      ...each(['tuf-js', 'python-tuf', 'go-tuf'], 'never asks the role'),
      tough: 'refuses the repository as soon as the role lists a target',
    });
  for (const [index, pattern] of paths.entries())
    yield* patternFindings(pattern, below(below(spot, 'paths'), index));
}

function* roleNameFindings(name: string, spot: Spot): Generator<ProfileFinding, void> {
  if (/^[a-z][a-z0-9._-]*$/.test(name) && !isTopLevelRole(name)) return;
  const encoded = !/^[A-Za-z0-9._~-]+$/.test(name) || isTopLevelRole(name);
  const stumbles = encoded ? everyPeer('may ask for another file name than is served') : {};
  yield finding('role-name', spot, `"${name}"`, stumbles);
}

function* patternFindings(pattern: string, spot: Spot): Generator<ProfileFinding, void> {
  const found = `"${pattern}"`;
  let stumbles: Stumbles = {};
  if (/[{}]/.test(pattern))
    stumbles = { ...stumbles, ...each(['python-tuf', 'go-tuf'], 'takes braces as they are') };
  if (pattern.includes('[!')) stumbles = { ...stumbles, 'go-tuf': 'negates with ^ alone' };
  if (pattern.includes('[^')) stumbles = { ...stumbles, 'python-tuf': 'negates with ! alone' };
  if (pattern.startsWith('#')) stumbles = { ...stumbles, 'tuf-js': 'takes it for a comment' };
  if (/[{}[\]#\\]|\*\*|^!|[@+!?*]\(/.test(pattern)) yield finding('path-pattern', spot, found, stumbles);
}

/** A delegated role beside the patterns under which it was delegated. */
export interface DelegatedListing {
  readonly role: string;
  readonly delegator: string;
  readonly paths: readonly string[];
  /** Of the delegated role. */
  readonly signed: JsonObject;
  readonly file: string;
}

/** Targets of a delegated role that some client looks for in vain, or refuses to see there. */
export function* coverageFindings({
  delegator,
  paths,
  signed,
  file,
}: DelegatedListing): Generator<ProfileFinding, void> {
  // Who reads braces as they are is said of the pattern already.
  const covers = (crossesSlash: boolean, path: string): boolean =>
    paths.some((pattern) => pattern.includes('{') || coversIn({ crossesSlash }, pattern, path));
  for (const path of membersOf(signed.get('targets')).keys()) {
    const spot = below({ file, path: 'signed.targets' }, path);
    if (covers(false, path)) {
      if (isHidden(path) && paths.every((pattern) => !pattern.includes('{') && startsWild(pattern, path)))
        yield finding('path-coverage', spot, 'a name with a dot in front', {
          'tuf-js': 'does not let a wildcard stand for a leading dot',
        });
    } else if (covers(true, path))
      yield finding(
        'path-coverage',
        spot,
        `inside the paths that ${delegator} delegates only where * goes past a slash`,
        {
          ...each(['tuf-js', 'python-tuf', 'go-tuf'], 'does not find it'),
        },
      );
    else
      yield finding('path-coverage', spot, `outside the paths that ${delegator} delegates`, {
        tough: 'refuses the whole repository',
      });
  }
}

function isHidden(path: string): boolean {
  return path.split('/').some((segment) => segment.startsWith('.'));
}

/** True unless the pattern names the leading dots of the path literally. */
function startsWild(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  return path.split('/').some((segment, index) => segment.startsWith('.') && !wanted[index]?.startsWith('.'));
}
