/**
 * tidegate.toml: the one file that says what a workspace is. It is read whole, and refused for anything unknown.
 *
 * It is a wish: what hosts believe is the signed root, and `tidegate root propose` turns one into the other. How weak
 * the wish may be is said in role-strength.ts.
 */
import {
  checkFleetPart,
  type FleetName,
  type RepositoryLayout,
  repositoryLayouts,
} from '../../metadata/repository-layout.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { type DelegationSetting, parseDelegationSettings } from './delegation-settings.ts';
import { expirationKeys } from './expiration.ts';
import { type RoleSetting, refuseRepetition, roleSettingAt } from './key-names.ts';
import { type KeyPlaces, parseKeyPlaces } from './key-places.ts';
import { noRules, type PublicationRules, parsePublicationRules } from './publication-rules.ts';
import { requireStrength, roleWeaknesses, strictThresholds } from './role-strength.ts';
import {
  booleanAt,
  integerAt,
  offsetAt,
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

const knownTables = [
  'name',
  'layout',
  'first_root',
  'store',
  'variants',
  'roles',
  'keys',
  'delegations',
  'threshold',
  'expiration',
  'waves',
  'policy',
] as const;

export interface WorkspaceSettings {
  /** The name of the repository, signed in every document. */
  readonly name: string;
  readonly layout: RepositoryLayout;
  /** The version of the oldest root that is known: 1, but for adopted repositories whose beginning is lost. */
  readonly firstRoot: number;
  /** Where to publish: a folder (relative to the workspace) or an address. */
  readonly location: string;
  /** Where the same is published besides, each consistent by itself; the first place decides who wins. */
  readonly regions: readonly string[];
  /** Declared: nothing else ever publishes there, so that the lock of this machine stands for the store's swap. */
  readonly singleWriter: boolean;
  readonly fleets: readonly FleetName[];
  readonly roles: Readonly<Record<TopLevelRole, RoleSetting>>;
  /**
   * Roles that the targets role delegates to, in the order in which they are searched. undefined: tidegate.toml does not
   * speak of delegations, and those that are published stay as they are.
   */
  readonly delegations: readonly DelegationSetting[] | undefined;
  /** Where private halves are that do not lie in `keys/`. */
  readonly keyPlaces: KeyPlaces;
  /** Names of the expiration policies, and the table that may overrule them. */
  readonly expirationPolicies: readonly string[];
  readonly expiration: Table;
  /** The policy that says how many keys are enough; undefined: the strictest. */
  readonly thresholdPolicy: string | undefined;
  /** The wave policy of releases that ask for no other. */
  readonly wavePolicy: string;
  /** The least time between two waves of one release, in milliseconds. */
  readonly minimumBake: number | undefined;
  /** What a plan must keep before it is published. */
  readonly rules: PublicationRules;
}

/** Read, and held against the strictest policy. @throws config-invalid naming table and key */
export function parseWorkspaceFile(text: string, file = workspaceFileName): WorkspaceSettings {
  const settings = readWorkspaceFile(text, file);
  requireStrength(roleWeaknesses(settings, strictThresholds), [], file);
  return settings;
}

/** Read, however weak its roles are. @throws config-invalid naming table and key */
export function readWorkspaceFile(text: string, file = workspaceFileName): WorkspaceSettings {
  const table = readToml(text, file);
  refuseUnknown(table, knownTables);
  const store = tableAt(table, 'store');
  refuseUnknown(store, ['location', 'single_writer', 'regions']);
  const expiration = tableAt(table, 'expiration');
  refuseUnknown(expiration, ['policies', ...Object.values(expirationKeys)]);
  const waves = tableAt(table, 'waves');
  refuseUnknown(waves, ['policy', 'minimum_bake']);
  const fleets = parseFleets(tableAt(table, 'variants'));
  return {
    name: checkRepositoryName(table, textAt(table, 'name')),
    layout: wordAt(table, 'layout', repositoryLayouts),
    firstRoot: 'first_root' in table.members ? integerAt(table, 'first_root', 1, Number.MAX_SAFE_INTEGER) : 1,
    location: textAt(store, 'location', 'a folder or an address'),
    regions: 'regions' in store.members ? textsAt(store, 'regions', 'a list of addresses') : [],
    singleWriter: 'single_writer' in store.members && booleanAt(store, 'single_writer'),
    fleets,
    roles: parseRoles(tableAt(table, 'roles')),
    keyPlaces: 'keys' in table.members ? parseKeyPlaces(tableAt(table, 'keys')) : new Map(),
    delegations: 'delegations' in table.members ? parseDelegationSettings(table) : undefined,
    thresholdPolicy:
      'threshold' in table.members ? thresholdPolicyOf(tableAt(table, 'threshold')) : undefined,
    expirationPolicies:
      'policies' in expiration.members
        ? policyNames(expiration, textsAt(expiration, 'policies', 'a list of names'))
        : [],
    expiration,
    wavePolicy: policyNames(waves, [textAt(waves, 'policy')], 'policy')[0] ?? '',
    minimumBake: offsetAt(waves, 'minimum_bake'),
    rules: 'policy' in table.members ? parsePublicationRules(tableAt(table, 'policy'), fleets) : noRules,
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
  const role = (name: TopLevelRole): RoleSetting => {
    const own = tableAt(table, name);
    refuseUnknown(own, ['keys', 'threshold']);
    return roleSettingAt(own);
  };
  return {
    root: role('root'),
    timestamp: role('timestamp'),
    snapshot: role('snapshot'),
    targets: role('targets'),
  };
}

function thresholdPolicyOf(table: Table): string | undefined {
  refuseUnknown(table, ['policy']);
  return policyNames(table, [textAt(table, 'policy')], 'policy')[0];
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
