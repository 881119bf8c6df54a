/**
 * tidegate.toml: the one file that says what a workspace is. It is read whole, and refused for anything unknown.
 *
 * Rules for roles, beside those that the types say:
 * 1. A threshold is at least 1 and at most the number of keys; root's is at least 2, so that no single stolen or
 *    lost key decides over the fleet's trust.
 * 2. A key of root signs nothing else. Targets shares no key with snapshot and timestamp: those are signed by jobs,
 *    on machines that are online.
 */
import {
  checkFleetPart,
  type FleetName,
  type RepositoryLayout,
  repositoryLayouts,
} from '../../metadata/repository-layout.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { expirationKeys } from './expiration.ts';
import {
  describe,
  integerAt,
  readToml,
  refuseUnknown,
  type Table,
  tableAt,
  textAt,
  textsAt,
  wordAt,
  wrong,
} from './toml-reader.ts';

export const workspaceFileName = 'tidegate.toml';

export interface RoleSetting {
  /** Names of key files, without ending. */
  readonly keys: readonly string[];
  readonly threshold: number;
}

export interface WorkspaceSettings {
  /** The name of the repository, signed in every document. */
  readonly name: string;
  readonly layout: RepositoryLayout;
  /** Where to publish: a folder (relative to the workspace) or an address. */
  readonly location: string;
  readonly fleets: readonly FleetName[];
  readonly roles: Readonly<Record<TopLevelRole, RoleSetting>>;
  /** Names of the expiration policies, and the table that may overrule them. */
  readonly expirationPolicies: readonly string[];
  readonly expiration: Table;
  /** The wave policy of releases that ask for no other. */
  readonly wavePolicy: string;
}

const maxKeys = 32;

/** @throws config-invalid naming table and key */
export function parseWorkspaceFile(text: string, file = workspaceFileName): WorkspaceSettings {
  const table = readToml(text, file);
  refuseUnknown(table, ['name', 'layout', 'store', 'variants', 'roles', 'expiration', 'waves']);
  const store = tableAt(table, 'store');
  refuseUnknown(store, ['location']);
  const expiration = tableAt(table, 'expiration');
  refuseUnknown(expiration, ['policies', ...Object.values(expirationKeys)]);
  const waves = tableAt(table, 'waves');
  refuseUnknown(waves, ['policy']);
  return {
    name: checkRepositoryName(table, textAt(table, 'name')),
    layout: wordAt(table, 'layout', repositoryLayouts),
    location: textAt(store, 'location', 'a folder or an address'),
    fleets: parseFleets(tableAt(table, 'variants')),
    roles: parseRoles(tableAt(table, 'roles')),
    expirationPolicies:
      'policies' in expiration.members
        ? policyNames(expiration, textsAt(expiration, 'policies', 'a list of names'))
        : [],
    expiration,
    wavePolicy: policyNames(waves, [textAt(waves, 'policy')], 'policy')[0] ?? '',
  };
}

function checkRepositoryName(table: Table, name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/.test(name)) return name;
  throw wrong(table, 'name', JSON.stringify(name), 'at most 128 letters, digits, ".", "_", "/" and "-"');
}

function parseFleets(table: Table): readonly FleetName[] {
  const variants = Object.keys(table.members);
  if (variants.length === 0) throw wrong(table, '', 'no variant', 'at least one, such as demo = ["x86_64"]');
  return variants.flatMap((variant) => {
    const architectures = textsAt(table, variant, 'a list of architectures, such as ["x86_64"]');
    refuseRepetition(table, variant, architectures);
    return architectures.map((arch) => ({
      variant: checkFleetPart(`${table.file}: [variants] variant`, variant),
      arch: checkFleetPart(`${table.file}: [variants] ${variant}`, arch),
    }));
  });
}

function parseRoles(table: Table): Readonly<Record<TopLevelRole, RoleSetting>> {
  refuseUnknown(table, topLevelRoles);
  const role = (name: TopLevelRole): RoleSetting => parseRole(tableAt(table, name), name);
  const roles = {
    root: role('root'),
    timestamp: role('timestamp'),
    snapshot: role('snapshot'),
    targets: role('targets'),
  };
  refuseSharedKeys(table, roles);
  return roles;
}

function parseRole(table: Table, role: TopLevelRole): RoleSetting {
  refuseUnknown(table, ['keys', 'threshold']);
  const keys = textsAt(table, 'keys', 'a list of key names');
  if (keys.length > maxKeys) throw wrong(table, 'keys', `${keys.length} keys`, `at most ${maxKeys}`);
  refuseRepetition(table, 'keys', keys);
  for (const name of keys) {
    if (!isKeyName(name)) throw wrong(table, 'keys', JSON.stringify(name), keyNameForm);
  }
  const threshold = integerAt(table, 'threshold', 1, maxKeys);
  const least = role === 'root' ? 2 : 1;
  if (threshold < least || threshold > keys.length) {
    throw wrong(table, 'threshold', String(threshold), `${least} to the number of keys, ${keys.length}`);
  }
  return { keys, threshold };
}

/** Names of key files: `keys/NAME.pub`. */
export function isKeyName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name);
}

export const keyNameForm = 'at most 64 lower-case letters, digits, ".", "_" and "-"';

const apart: readonly (readonly [TopLevelRole, TopLevelRole])[] = [
  ['root', 'targets'],
  ['root', 'snapshot'],
  ['root', 'timestamp'],
  ['targets', 'snapshot'],
  ['targets', 'timestamp'],
];

function refuseSharedKeys(table: Table, roles: Readonly<Record<TopLevelRole, RoleSetting>>): void {
  for (const [offline, other] of apart) {
    const shared = roles[offline].keys.find((name) => roles[other].keys.includes(name));
    if (shared === undefined) continue;
    throw wrong(
      table,
      `${other}.keys`,
      `${shared}, a key of ${offline}`,
      `keys that ${offline} does not use`,
    );
  }
}

function refuseRepetition(table: Table, key: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(table, key, `${describe(twice)} twice`, 'each once');
}

function policyNames(table: Table, names: readonly string[], key = 'policies'): readonly string[] {
  for (const name of names) {
    if (!isPolicyName(name)) throw wrong(table, key, JSON.stringify(name), policyNameForm);
  }
  return names;
}

/** Names of policies: `policies/KIND/NAME.toml`. */
export function isPolicyName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,63}$/.test(name);
}

export const policyNameForm = 'the name of a policy file, without folder and ending';
