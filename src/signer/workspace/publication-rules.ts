/**
 * `[policy]` of tidegate.toml: what a plan must keep before it is published. Everything in it may be left out.
 *
 *     [policy]
 *     minimum_bake = "2 days"                 between the first waves of two releases for the same hosts
 *     largest_release = 2_000_000_000         bytes of all images of one release
 *     required = ["demo/x86_64"]              a version is published for all of these, or for none
 *     waves = ["default", "slow"]             the wave policies that a release may follow; "none" opens it to everyone
 *     [policy.variants.demo]                  for one variant: the same but `required`, each instead of the above
 *     waves = ["emergency"]
 */
import type { FleetName } from '../../metadata/repository-layout.ts';
import { integerAt, offsetAt, refuseUnknown, type Table, tableAt, textsAt, wrong } from './toml-reader.ts';

export interface ReleaseRules {
  /** Milliseconds. */
  readonly minimumBake?: number;
  /** Bytes. */
  readonly largestRelease?: number;
  readonly waves?: readonly string[];
}

export interface PublicationRules {
  readonly all: ReleaseRules;
  readonly variants: ReadonlyMap<string, ReleaseRules>;
  readonly required: readonly FleetName[];
}

export const noRules: PublicationRules = { all: {}, variants: new Map(), required: [] };

const releaseKeys = ['minimum_bake', 'largest_release', 'waves'] as const;

/** @throws config-invalid naming table and key */
export function parsePublicationRules(table: Table, fleets: readonly FleetName[]): PublicationRules {
  refuseUnknown(table, [...releaseKeys, 'required', 'variants']);
  return {
    all: releaseRules(table),
    variants: 'variants' in table.members ? variantRules(tableAt(table, 'variants'), fleets) : new Map(),
    required: 'required' in table.members ? requiredFleets(table, fleets) : [],
  };
}

function releaseRules(table: Table): ReleaseRules {
  const minimumBake = offsetAt(table, 'minimum_bake');
  const { members } = table;
  return {
    ...(minimumBake !== undefined && { minimumBake }),
    ...('largest_release' in members && {
      largestRelease: integerAt(table, 'largest_release', 1, Number.MAX_SAFE_INTEGER),
    }),
    ...('waves' in members && { waves: textsAt(table, 'waves', 'a list of wave policies') }),
  };
}

function variantRules(table: Table, fleets: readonly FleetName[]): ReadonlyMap<string, ReleaseRules> {
  const known = new Set(fleets.map(({ variant }) => variant));
  return new Map(
    Object.keys(table.members).map((variant) => {
      if (!known.has(variant)) throw wrong(table, variant, 'no such variant', [...known].join(', '));
      const own = tableAt(table, variant);
      refuseUnknown(own, releaseKeys);
      return [variant, releaseRules(own)];
    }),
  );
}

function requiredFleets(table: Table, fleets: readonly FleetName[]): readonly FleetName[] {
  const known = fleets.map(fleetText);
  const texts = textsAt(table, 'required', 'a list of VARIANT/ARCH');
  return [...new Set(texts)].map((text) => {
    const found = fleets[known.indexOf(text)];
    if (found !== undefined) return found;
    throw wrong(table, 'required', JSON.stringify(text), `some of ${known.join(', ')}`);
  });
}

export function fleetText({ variant, arch }: FleetName): string {
  return `${variant}/${arch}`;
}

/** The wave policies that are named anywhere, each once. */
export function namedWavePolicies({ all, variants }: PublicationRules): readonly string[] {
  const named = [all, ...variants.values()].flatMap(({ waves = [] }) => waves);
  return [...new Set(named)].filter((name) => name !== 'none');
}

/** What holds for one variant. */
export function rulesFor({ all, variants }: PublicationRules, variant: string): ReleaseRules {
  return { ...all, ...variants.get(variant) };
}
