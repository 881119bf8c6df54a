/**
 * How long what is signed stays valid: policy files with comments, or the same keys in tidegate.toml itself.
 *
 * 1. Each role has exactly one value: from tidegate.toml if it stands there, else from the one policy that states it.
 * 2. A value of tidegate.toml that is longer than that of a policy which it names is a weakness (role-strength.ts).
 * 3. Root lives a week to five years, every other role an hour to five years: shorter cannot be kept up, longer is
 *    no expiry.
 */
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import type { Weakness } from './role-strength.ts';
import { offsetAt, readToml, refuseUnknown, type Table, wrong } from './toml-reader.ts';

/** Milliseconds that a document of each role is valid. */
export type Expiration = Readonly<Record<TopLevelRole, number>>;

export const expirationKeys = {
  root: 'root_expiration',
  targets: 'targets_expiration',
  snapshot: 'snapshot_expiration',
  timestamp: 'timestamp_expiration',
} as const satisfies Record<TopLevelRole, string>;

const hour = 3_600_000;
const week = 7 * 24 * hour;
const longest = 5 * 366 * 24 * hour;

/** Roles that tidegate.toml lets live longer than a policy that it names says. */
export function expirationWeaknesses(own: Table, policies: readonly Table[]): readonly Weakness[] {
  return topLevelRoles.flatMap((role) => {
    const key = expirationKeys[role];
    const stated = key in own.members ? offsetAt(own, key) : undefined;
    const allowed = policies.flatMap((policy) => (key in policy.members ? [offsetAt(policy, key) ?? 0] : []));
    const most = Math.max(...allowed);
    if (stated === undefined || allowed.length === 0 || stated <= most) return [];
    const [found, expected] = [stated, most].map((time) => `${time / hour} hours`);
    return [
      {
        name: `${role}-expiration` as const,
        place: `[expiration] ${key}`,
        found: found ?? '',
        expected: `at most ${expected}, as the policy says`,
      },
    ];
  });
}

/** A policy file, read; `expirationOf` asks it. @throws config-invalid */
export function readExpirationPolicy(text: string, file: string): Table {
  const table = readToml(text, file);
  refuseUnknown(table, Object.values(expirationKeys));
  return table;
}

/**
 * @param own the table of tidegate.toml
 * @param policies the policy files that it names
 * @throws config-invalid naming the role that has no value, two, or one out of range
 */
export function expirationOf(own: Table, policies: readonly Table[]): Expiration {
  const of = (role: TopLevelRole): number => validityOf(role, own, policies);
  return { root: of('root'), targets: of('targets'), snapshot: of('snapshot'), timestamp: of('timestamp') };
}

function validityOf(role: TopLevelRole, own: Table, policies: readonly Table[]): number {
  const key = expirationKeys[role];
  const stating = key in own.members ? [own] : policies.filter((policy) => key in policy.members);
  const [table, second] = stating;
  if (table === undefined) throw wrong(own, key, 'nothing', 'a value here, or a policy that states it');
  if (second !== undefined) throw wrong(second, key, `it in ${table.file} too`, 'one policy that states it');
  const validity = offsetAt(table, key) ?? 0;
  const [shortest, words] = role === 'root' ? [week, '1 week'] : [hour, '1 hour'];
  if (validity < shortest || validity > longest) {
    throw wrong(table, key, `${validity / hour} hours`, `${words} to 5 years`);
  }
  return validity;
}
