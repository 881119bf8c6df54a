/**
 * `[[delegations]]` of tidegate.toml: the roles to which the targets role delegates, in the order in which hosts search
 * them. Written in the profile that every client reads:
 *
 * 1. Names of lower-case letters, digits, ".", "_" and "-"; no name twice, none of a top-level role.
 * 2. Path patterns of flat names, where `*` stands for any characters and `?` for one; at least one of them.
 * 3. `terminating` is false where it is not stated.
 */
import { checkPortableRoleName } from '../../metadata/role-name.ts';
import { type RoleSetting, refuseRepetition, roleSettingAt } from './key-names.ts';
import { booleanAt, refuseUnknown, type Table, tablesAt, textAt, textsAt, wrong } from './toml-reader.ts';

export interface DelegationSetting extends RoleSetting {
  readonly name: string;
  /** Patterns of target names. */
  readonly paths: readonly string[];
  /** True: what no role up to this one lists does not exist, for names that this one covers. */
  readonly terminating: boolean;
}

const maxDelegations = 64;
const maxPaths = 64;

/** @throws config-invalid, role-name-invalid */
export function parseDelegationSettings(table: Table): readonly DelegationSetting[] {
  const tables = tablesAt(table, 'delegations');
  if (tables.length > maxDelegations) {
    throw wrong(table, 'delegations', `${tables.length} of them`, `at most ${maxDelegations}`);
  }
  const settings = tables.map(parseDelegation);
  refuseRepetition(
    table,
    'delegations',
    settings.map(({ name }) => name),
  );
  return settings;
}

function parseDelegation(table: Table): DelegationSetting {
  refuseUnknown(table, ['name', 'keys', 'threshold', 'paths', 'terminating']);
  const paths = textsAt(table, 'paths', 'a list of patterns, such as ["extra-*"]');
  if (paths.length > maxPaths) throw wrong(table, 'paths', `${paths.length} patterns`, `at most ${maxPaths}`);
  for (const path of paths) {
    if (!isPortablePattern(path)) throw wrong(table, 'paths', JSON.stringify(path), patternForm);
  }
  refuseRepetition(table, 'paths', paths);
  return {
    name: checkPortableRoleName(textAt(table, 'name', 'the name of a role')),
    ...roleSettingAt(table),
    paths,
    terminating: 'terminating' in table.members && booleanAt(table, 'terminating'),
  };
}

const patternForm =
  'at most 180 letters, digits, ".", "_", "+", "-", and "*" or "?" for any characters or one, without "**"';

function isPortablePattern(pattern: string): boolean {
  return /^[A-Za-z0-9*?][A-Za-z0-9._+*?-]{0,179}$/.test(pattern) && !pattern.includes('**');
}
