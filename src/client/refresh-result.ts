/** What a refresh reports. */
import type { TrustedSet } from '../trust/trusted-set.ts';
import type { SourceFault } from './mirrors.ts';
import type { Note } from './notes.ts';
import type { SecondOpinion, SecondVerdict } from './second-opinion.ts';
import type { Work } from './work.ts';

/** Role name → version, of root, timestamp, snapshot and targets. */
export type Versions = Readonly<Record<string, number>>;

export interface RefreshResult {
  /** The time that counted for all of it, in milliseconds since the epoch. */
  readonly time: number;
  readonly versions: Versions;
  /** Roles whose versions are others than at the last refresh of this client. */
  readonly changed: readonly string[];
  /** When the first of the four roles expires, in milliseconds since the epoch. */
  readonly expires: number;
  /** The repository's name, when its root carries one. */
  readonly repository: string | undefined;
  readonly secondVerifier: SecondVerdict;
  /** What locations did wrong while another one did it right. */
  readonly faults: readonly SourceFault[];
  /** Damage to stored files that was repaired, and the like. */
  readonly notes: readonly Note[];
}

export function resultOf(
  set: TrustedSet,
  before: Versions,
  second: SecondOpinion,
  { mirrors, notes }: Work,
): RefreshResult {
  const versions = versionsOf(set);
  return {
    time: set.policy.now,
    versions,
    changed: Object.keys(versions).filter((role) => versions[role] !== before[role]),
    expires: Math.min(...topLevel(set).map(([, { document }]) => document.expires)),
    repository: set.root.document.repository,
    secondVerifier: second.result,
    faults: mirrors.faults,
    notes: notes.list,
  };
}

export function versionsOf(set: TrustedSet): Versions {
  return Object.fromEntries(topLevel(set).map(([role, { document }]) => [role, document.version]));
}

type Dated = { readonly document: { readonly version: number; readonly expires: number } };

function topLevel({ root, timestamp, snapshot, targets }: TrustedSet): [string, Dated][] {
  const roles = { root, timestamp, snapshot, targets: targets.get('targets') };
  return Object.entries(roles).filter(
    (entry): entry is [string, Dated & typeof root] => entry[1] !== undefined,
  );
}
