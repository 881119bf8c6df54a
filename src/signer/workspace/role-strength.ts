/**
 * How weak the roles of tidegate.toml may be.
 *
 * 1. A threshold is at least what the threshold policy asks; without one, root's is at least 2, so that no single
 *    stolen or lost key decides over the fleet's trust.
 * 2. A key of root signs nothing else. Targets shares no key with snapshot and timestamp: those are signed by jobs, on
 *    machines that are online.
 * 3. What is weaker is refused by name, unless an override of that name for just this was recorded.
 */
import { TidegateError } from '../../errors.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { integerAt, readToml, refuseUnknown } from './toml-reader.ts';
import type { WorkspaceSettings } from './workspace-file.ts';

export const weaknessNames = [
  'root-threshold',
  'targets-threshold',
  'snapshot-threshold',
  'timestamp-threshold',
  'delegated-threshold',
  'shared-keys',
  'root-expiration',
  'targets-expiration',
  'snapshot-expiration',
  'timestamp-expiration',
] as const;
export type WeaknessName = (typeof weaknessNames)[number];

/** Something in tidegate.toml that is weaker than the policies. */
export interface Weakness {
  readonly name: WeaknessName;
  /** Table and key. */
  readonly place: string;
  readonly found: string;
  readonly expected: string;
}

/** The least thresholds; `delegated` for every role that targets delegates to. */
export type Thresholds = Readonly<Record<TopLevelRole | 'delegated', number>>;

export const strictThresholds: Thresholds = { root: 2, targets: 1, snapshot: 1, timestamp: 1, delegated: 1 };

const thresholdRoles = [...topLevelRoles, 'delegated'] as const;

/** A policy file: `ROLE_threshold = N` for each role. @throws config-invalid */
export function readThresholdPolicy(text: string, file: string): Thresholds {
  const table = readToml(text, file);
  refuseUnknown(
    table,
    thresholdRoles.map((role) => `${role}_threshold`),
  );
  // A policy may only be stricter: what is weaker than the strictest needs somebody's name and reason.
  const of = (role: TopLevelRole | 'delegated'): number =>
    integerAt(table, `${role}_threshold`, strictThresholds[role], 32);
  return {
    root: of('root'),
    targets: of('targets'),
    snapshot: of('snapshot'),
    timestamp: of('timestamp'),
    delegated: of('delegated'),
  };
}

type Roles = Pick<WorkspaceSettings, 'roles' | 'delegations'>;

export function roleWeaknesses(settings: Roles, least: Thresholds): readonly Weakness[] {
  return [...lowThresholds(settings, least), ...sharedKeys(settings)];
}

function lowThresholds({ roles, delegations = [] }: Roles, least: Thresholds): readonly Weakness[] {
  const all = [
    ...topLevelRoles.map((role) => ({ kind: role, place: `[roles.${role}]`, role: roles[role] })),
    ...delegations.map((role) => ({
      kind: 'delegated' as const,
      place: `[[delegations]] ${role.name}`,
      role,
    })),
  ];
  return all
    .filter(({ kind, role }) => role.threshold < least[kind])
    .map(({ kind, place, role }) => ({
      name: `${kind}-threshold` as const,
      place: `${place} threshold`,
      found: String(role.threshold),
      expected: `${least[kind]} to the number of keys, ${role.keys.length}`,
    }));
}

const apart: readonly (readonly [TopLevelRole, TopLevelRole])[] = [
  ['root', 'targets'],
  ['root', 'snapshot'],
  ['root', 'timestamp'],
  ['targets', 'snapshot'],
  ['targets', 'timestamp'],
];

function sharedKeys({ roles, delegations = [] }: Roles): readonly Weakness[] {
  const pairs = [
    ...apart.map(([offline, other]) => ({
      offline,
      other,
      place: `[roles] ${other}.keys`,
      keys: roles[other].keys,
    })),
    ...delegations.map(({ name, keys }) => ({
      offline: 'root' as const,
      other: name,
      place: `[[delegations]] ${name} keys`,
      keys,
    })),
  ];
  return pairs.flatMap(({ offline, place, keys }) =>
    roles[offline].keys
      .filter((name) => keys.includes(name))
      .map((name) => ({
        name: 'shared-keys' as const,
        place,
        found: `${name}, a key of ${offline}`,
        expected: `keys that ${offline} does not use`,
      })),
  );
}

/** What an override of a weakness is for: only just this. */
export function weaknessText({ place, found }: Weakness): string {
  return `${place}: ${found}`;
}

/**
 * @param accepted names, and what they were recorded for
 * @throws config-invalid naming the first weakness that nobody has accepted, and how to accept it
 */
export function requireStrength(
  weaknesses: readonly Weakness[],
  accepted: readonly { readonly name: string; readonly what: string }[],
  file: string,
): void {
  const open = weaknesses.find(
    (weakness) =>
      !accepted.some(({ name, what }) => name === weakness.name && what === weaknessText(weakness)),
  );
  if (open === undefined) return;
  const { name, place, found, expected } = open;
  throw new TidegateError(
    'config-invalid',
    `${file}: ${place}: found ${found}, expected ${expected}. To do it all the same, on record: --override ${name} --reason TEXT`,
    { file, key: place, found, expected, override: name },
  );
}
