/** The part of a recovery that concerns one repository: from the honest state, without what shall go, to what is signed. */
import { type ErrorClass, isTidegateError } from '../../errors.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { type LiveRepository, listingIn, readLive } from '../publication/live-repository.ts';
import type { PlacePlan } from '../publication/plan-publication.ts';
import type { TargetDraft } from '../release/target-draft.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import { honestRepository } from './honest-state.ts';
import type { Job } from './job.ts';

/** What is read and planned; `live` is undefined once the repository is recovered. */
export async function recoveryOf(
  workspace: Workspace,
  place: RepositoryPlace,
  { honest = [], remove = [] }: Job,
  wanted: Omit<PlacePlan, 'signed'>,
): Promise<{ readonly live: LiveRepository | undefined; readonly wanted: Omit<PlacePlan, 'signed'> }> {
  const state = honest.find(({ repository }) => repository === place.name);
  if (state === undefined || (await isRecovered(workspace, place))) return { live: undefined, wanted };
  const live = withoutReleases(await honestRepository(workspace, place, state), remove);
  const targets = removalsIn(live, place, remove);
  return { live, wanted: { ...wanted, targets } };
}

/**
 * True when everything that is published is signed by the keys of the last root: the attacker has none of them.
 */
export async function isRecovered(workspace: Workspace, place: RepositoryPlace): Promise<boolean> {
  try {
    const { missingRoots, unsigned, published } = await readLive(workspace, place);
    return published !== undefined && missingRoots.length === 0 && unsigned.size === 0;
  } catch (error) {
    // Whatever the attacker left there, it is not what the new keys have signed.
    if (isTidegateError(error, 'not-found')) return false;
    if (isTidegateError(error) && !causesOfOurs.has(error.class)) return false;
    throw error;
  }
}

/** Trouble that says nothing of what is published. */
export const causesOfOurs: ReadonlySet<ErrorClass> = new Set<ErrorClass>([
  'network',
  'disk',
  'lock',
  'internal',
  'cancelled',
  'config',
]);

/** A release goes with any of its images. */
function withoutReleases(live: LiveRepository, remove: readonly string[]): LiveRepository {
  const { manifest } = live;
  const updates = manifest.updates.filter(
    ({ images }) => !Object.values(images).some((path) => remove.includes(path)),
  );
  return updates.length === manifest.updates.length ? live : { ...live, manifest: { ...manifest, updates } };
}

function removalsIn(
  live: LiveRepository,
  place: RepositoryPlace,
  remove: readonly string[],
): readonly TargetDraft[] {
  const { published } = live;
  if (published === undefined) return [];
  const roles: readonly (readonly [string, JsonObject])[] = [
    ['targets', published.targets.targets],
    ...Array.from(published.delegated, ([role, { document }]) => [role, document.targets] as const),
  ];
  return roles.flatMap(([role, targets]) =>
    remove
      .filter((path) => path !== manifestTarget && targets.has(path))
      .map((path) => ({ repository: place.name, role, target: parseTargetPath(path), image: undefined })),
  );
}

/** Target paths that a repository lists, in any role. */
export function listedPaths(live: Pick<LiveRepository, 'published'>): ReadonlySet<string> {
  return new Set(listingIn(live).flatMap(({ targets }) => [...targets.keys()]));
}
