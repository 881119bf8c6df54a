/** Loading targets roles, the top-level one and delegated ones, stored or fetched; and the search through them. */
import { metadataFileName } from '../metadata/file-names.ts';
import type { TargetPath } from '../metadata/target-path.ts';
import { type SearchResult, searchTarget } from '../trust/lookup.ts';
import { listedMeta, type RoleReference, targetsLimit, updateTargets } from '../trust/targets-role.ts';
import type { TrustedSet } from '../trust/trusted-set.ts';
import { fetchFile, tryStored } from './metadata-file.ts';
import type { Work } from './work.ts';

/** @throws role-not-in-snapshot before anything is asked for, and whatever makes the role unusable */
export async function loadTargets(
  set: TrustedSet,
  reference: RoleReference,
  work: Work,
): Promise<TrustedSet> {
  const { datastore, mirrors, notes } = work;
  const { role } = reference;
  const { version } = listedMeta(set, role);
  const limit = targetsLimit(set, role);
  const stored = await datastore.readRole(role, limit, notes);
  const known = tryStored(stored, (bytes) => updateTargets(set, bytes, reference), work);
  if (known !== undefined) return known;
  const name = metadataFileName(role, set.root.document.consistentSnapshot ? version : undefined);
  const next = await mirrors.first(name, async (source) =>
    updateTargets(set, await fetchFile(source, name, limit, work), reference),
  );
  const bytes = next.targets.get(role)?.bytes;
  if (bytes !== undefined) await datastore.writeRole(role, bytes);
  return next;
}

/** Searches for a target and loads the roles that the search comes upon. */
export async function findTarget(set: TrustedSet, path: TargetPath, work: Work): Promise<SearchResult> {
  const search = searchTarget(set, path);
  let current = set;
  let step = search.next();
  while (step.done !== true) {
    current = await loadTargets(current, step.value, work);
    step = search.next(current);
  }
  return step.value;
}
