/** What hosts will see differently when a plan is published. */
import type { JsonObject } from '../../metadata/json.ts';
import type { Release } from '../../waves/release.ts';
import { delegationChanges } from './delegation-plan.ts';
import type { RepositoryPlan } from './plan.ts';
import type { PlannedSteering } from './steering-plan.ts';

/** One thing that hosts will see differently. */
export type PlannedChange =
  | { readonly kind: 'root'; readonly repository: string; readonly version: number }
  | { readonly kind: 'release'; readonly repository: string; readonly release: Release }
  | ({ readonly kind: 'steering'; readonly repository: string } & PlannedSteering)
  | {
      readonly kind: 'target';
      readonly repository: string;
      readonly target: string;
      /** The role that lists it. */
      readonly role: string;
      /** Bytes. */
      readonly length: number;
      readonly sha256: string;
      readonly custom?: JsonObject;
    }
  | {
      readonly kind: 'removal';
      readonly repository: string;
      readonly target: string;
      readonly role: string;
    }
  | {
      readonly kind: 'delegation';
      readonly repository: string;
      readonly role: string;
      readonly change: 'added' | 'changed' | 'removed';
    };

export function changesOf(plan: RepositoryPlan): readonly PlannedChange[] {
  const { live, added, removed, releases } = plan;
  const repository = live.place.name;
  return [
    ...live.missingRoots.map((version) => ({ kind: 'root' as const, repository, version })),
    ...delegationChanges(plan).map((change) => ({ kind: 'delegation' as const, repository, ...change })),
    ...plan.steered.map((steered) => ({ kind: 'steering' as const, repository, ...steered })),
    ...releases.map((release) => ({ kind: 'release' as const, repository, release })),
    ...added.map(({ source: _source, ...target }) => ({ kind: 'target' as const, repository, ...target })),
    ...removed.map((removal) => ({ kind: 'removal' as const, repository, ...removal })),
  ];
}
