/**
 * The tidegate.toml of an adopted repository: the template of its layout, with what the repository says in the place of
 * what a new one would say. Pure.
 *
 * 1. Roles have the keys and the thresholds of the root in force, however weak: nothing changes silently.
 * 2. How long roles live is what tuf-on-ci's periods say, else the policies of the template.
 */
import { isJsonObject, type JsonObject } from '../../metadata/json.ts';
import type { FleetName, RepositoryLayout } from '../../metadata/repository-layout.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import { expirationKeys } from '../workspace/expiration.ts';
import type { AdoptedKey } from './adopted-keys.ts';

export interface AdoptedSettings {
  readonly name: string;
  readonly store: string;
  readonly layout: RepositoryLayout;
  readonly fleets: readonly FleetName[];
  /** Version of the oldest root. */
  readonly firstRoot: number;
  readonly keys: readonly AdoptedKey[];
  /** Addresses of private halves, by the names of keys. */
  readonly keyPlaces: ReadonlyMap<string, string>;
  readonly set: TrustedSet;
}

/** @param template of the layout, from repo-templates/layouts */
export function settingsText(template: string, settings: AdoptedSettings): string {
  const { name, store, firstRoot, fleets, set, keyPlaces } = settings;
  const beginning =
    firstRoot === 1
      ? ''
      : `\n\n# The oldest root that was to be had when this repository was adopted.\nfirst_root = ${firstRoot}`;
  const filled = template
    .replace('"@NAME@"', () => JSON.stringify(name))
    .replace('"@STORE@"', () => JSON.stringify(store))
    .replace('@VARIANTS@', () => variantRows(fleets).join('\n'))
    .replace(/^layout = .*$/m, (line) => line + beginning);
  const roles = topLevelRoles.reduce((text, role) => withRole(text, role, settings), filled);
  return withPeriods(roles, set) + keyTable(keyPlaces);
}

function variantRows(fleets: readonly FleetName[]): readonly string[] {
  const variants = new Map<string, string[]>();
  for (const { variant, arch } of fleets) variants.set(variant, [...(variants.get(variant) ?? []), arch]);
  return Array.from(variants, ([variant, arches]) => `${JSON.stringify(variant)} = ${listOf(arches)}`);
}

/** The section of a role, with a comment of its own: that of the template is about new keys. */
function withRole(toml: string, role: TopLevelRole, { keys, set }: AdoptedSettings): string {
  const { version, roles } = set.root.document;
  const { keyIds, threshold } = roles[role];
  const names = keyIds.flatMap((id) => keys.find(({ listedAs }) => listedAs.has(id))?.name ?? []);
  const section = `[roles.${role}]\n# As root ${version} says.\nkeys = ${listOf([...new Set(names)])}\nthreshold = ${threshold}`;
  return toml.replace(new RegExp(`^\\[roles\\.${role}\\]$[\\s\\S]*?^threshold = .*$`, 'm'), () => section);
}

const periodMember = 'x-tuf-on-ci-expiry-period';
const longestPeriod = 5 * 366;

/** Days that tuf-on-ci gives each role: of those that people sign in the document, of online ones in root. */
function periodOf(role: TopLevelRole, set: TrustedSet): number | undefined {
  const roles = set.root.document.json.get('roles');
  const own = isJsonObject(roles) ? roles.get(role) : undefined;
  const documents = { root: set.root.document.json, targets: set.targets.get('targets')?.document.json };
  const places: readonly (JsonObject | undefined)[] =
    role === 'root' || role === 'targets' ? [documents[role]] : [isJsonObject(own) ? own : undefined];
  const days = places[0]?.get(periodMember);
  const shortest = role === 'root' ? 7 : 1;
  return typeof days === 'number' && days >= shortest && days <= longestPeriod ? days : undefined;
}

function withPeriods(toml: string, set: TrustedSet): string {
  const rows = topLevelRoles.flatMap((role) => {
    const days = periodOf(role, set);
    return days === undefined ? [] : [`${expirationKeys[role]} = "${days} days"`];
  });
  if (rows.length === 0) return toml;
  return toml.replace(
    /^policies = .*$/m,
    (line) => `${line}\n# The periods of the repository as it was adopted.\n${rows.join('\n')}`,
  );
}

function keyTable(places: ReadonlyMap<string, string>): string {
  if (places.size === 0) return '';
  const rows = Array.from(places, ([name, uri]) => `${JSON.stringify(name)} = ${JSON.stringify(uri)}`);
  return `\n[keys]\n# Where private halves are that do not lie in keys/.\n${rows.join('\n')}\n`;
}

function listOf(names: readonly string[]): string {
  return `[${names.map((name) => JSON.stringify(name)).join(', ')}]`;
}
