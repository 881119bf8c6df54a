/** Root, snapshot and timestamp: which roles there are, and what is said of the files that are listed. */
import type { JsonObject, JsonValue } from '../../../metadata/json.ts';
import { topLevelRoles } from '../../../metadata/role-name.ts';
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
  textOf,
} from './finding.ts';
import { keyFindings, roleKeyFindings } from './keys.ts';

export function* rootFindings(signed: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  const roles = membersOf(signed.get('roles'));
  const keys = membersOf(signed.get('keys'));
  const names: readonly string[] = topLevelRoles;
  const other = [...roles.keys()].filter((name) => !names.includes(name));
  if (other.length > 0)
    yield finding(
      'root-roles',
      below(spot, 'roles'),
      `with ${other.join(', ')}`,
      each(['python-tuf', 'tough'], 'refuses the root'),
    );
  const missing = names.filter((name) => !roles.has(name));
  if (missing.length > 0)
    yield finding(
      'root-roles',
      below(spot, 'roles'),
      `without ${missing.join(', ')}`,
      everyPeer('refuses the root'),
    );
  const consistent = signed.get('consistent_snapshot');
  if (consistent !== true) {
    const stumbles = consistent === false ? {} : each(['tuf-js', 'go-tuf', 'tough'], 'refuses the root');
    yield finding('consistent-snapshot', below(spot, 'consistent_snapshot'), shown(consistent), stumbles);
  }
  yield* keyFindings(keys, usedIds([...roles.values()]), below(spot, 'keys'));
  for (const [name, role] of roles)
    yield* roleKeyFindings(membersOf(role), keys, below(below(spot, 'roles'), name));
}

/** The key ids that roles name. */
export function usedIds(roles: readonly JsonValue[]): ReadonlySet<string> {
  return new Set(roles.flatMap((role) => itemsOf(membersOf(role).get('keyids')).map(textOf)));
}

export function* snapshotFindings(signed: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  for (const [name, value] of membersOf(signed.get('meta'))) {
    const at = below(below(spot, 'meta'), name);
    const meta = membersOf(value);
    yield* hashesFindings(meta, at);
    if (!isComplete(meta)) yield finding('listing-complete', at, 'without length or SHA-256', {});
  }
}

export function* timestampFindings(signed: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  const entries = membersOf(signed.get('meta'));
  const others = [...entries.keys()].filter((name) => name !== 'snapshot.json');
  if (others.length > 0)
    yield finding('timestamp-entries', below(spot, 'meta'), `with ${others.join(', ')}`, {});
  const at = below(below(spot, 'meta'), 'snapshot.json');
  const meta = membersOf(entries.get('snapshot.json'));
  yield* hashesFindings(meta, at);
  if (!isComplete(meta))
    yield finding('listing-complete', at, 'without length or SHA-256', {
      tough: 'before 0.18.0 cannot read a timestamp without both',
    });
}

function isComplete(meta: JsonObject): boolean {
  return meta.has('length') && membersOf(meta.get('hashes')).has('sha256');
}

function* hashesFindings(meta: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  const hashes = meta.get('hashes');
  if (hashes === undefined || membersOf(hashes).has('sha256')) return;
  const empty = membersOf(hashes).size === 0;
  const stumbles = each(
    empty ? ['python-tuf', 'go-tuf', 'tough'] : ['tough'],
    'refuses hashes without a SHA-256',
  );
  yield finding('listing-hashes', below(spot, 'hashes'), shown(hashes), stumbles);
}
