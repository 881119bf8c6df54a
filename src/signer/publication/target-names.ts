/** To whom a target name belongs: its first bytes, for ever; and the one role in which hosts find it. */
import { TidegateError } from '../../errors.ts';
import { type DelegatedStep, type Delegations, rolesForPath } from '../../metadata/delegations.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import type { TargetPath } from '../../metadata/target-path.ts';
import { neededTargets } from '../../waves/needed-targets.ts';
import type { Manifest } from '../../waves/release.ts';

interface NamedBytes {
  readonly target: TargetPath;
  readonly length: number;
  readonly sha256: string;
}

/** Refuses an image under a name that is taken by other bytes. @throws name-taken */
export function checkNameFree(
  { target, length, sha256 }: NamedBytes,
  taken: { readonly length: number; readonly hashes: { readonly sha256?: string } } | undefined,
  where: string,
): void {
  if (taken === undefined || (taken.length === length && taken.hashes.sha256 === sha256)) return;
  throw new TidegateError(
    'name-taken',
    `target ${target}: ${where} has other bytes under this name (SHA-256 ${taken.hashes.sha256}; the new ones have ${sha256}). Give the file a name with its version, or use the naming "standard"`,
    { target, found: sha256, expected: taken.hashes.sha256 ?? null },
  );
}

/** @throws name-taken for an image that would bear the name of the list of releases */
export function refuseManifestName(target: TargetPath): void {
  if (target !== manifestTarget) return;
  const text = `${manifestTarget} is the name of the list of releases; an image needs another`;
  throw new TidegateError('name-taken', text, { target });
}

/** @throws release-invalid for a target that a release or a migration of the list needs: hosts may still want it */
export function refuseReleaseImage(target: TargetPath, manifest: Manifest): void {
  const use = neededTargets(manifest).get(target);
  if (use === undefined) return;
  const text = `target ${target} is ${use}, which hosts may still want; it stays`;
  throw new TidegateError('release-invalid', text, { target });
}

/** The roles that hosts ask for a target behind the top-level one, in their order, up to one that ends the search. */
export function searchOrder(
  delegations: Delegations | undefined,
  path: TargetPath,
): readonly DelegatedStep[] {
  if (delegations === undefined) return [];
  const steps = rolesForPath(delegations, path);
  const end = steps.findIndex(({ terminating }) => terminating);
  return end < 0 ? steps : steps.slice(0, end + 1);
}

/**
 * A role may list only what hosts would look for in it.
 *
 * @throws config-invalid saying whether the role is not delegated, does not cover the name, or is never asked for it
 */
export function requireSearched(
  delegations: Delegations | undefined,
  role: string,
  target: TargetPath,
): void {
  if (role === 'targets') return;
  const order = searchOrder(delegations, target);
  if (order.some(({ name }) => name === role)) return;
  const known = delegations?.roles.find(({ name }) => name === role);
  const covers =
    delegations !== undefined && rolesForPath(delegations, target).some(({ name }) => name === role);
  const problem = covers
    ? `is never asked for ${target}: role ${order.at(-1)?.name} ends the search before it`
    : known === undefined
      ? 'is not delegated; see tidegate delegate add'
      : `does not cover ${target}; its paths are ${[...known.paths, ...known.pathHashPrefixes].join(', ')}`;
  throw new TidegateError('config-invalid', `role ${role} ${problem}`, { role, target });
}
