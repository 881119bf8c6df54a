/** What the roles of a repository list, together. */
import { TidegateError } from '../../errors.ts';
import { rolesForPath } from '../../metadata/delegations.ts';
import { escaped } from '../../metadata/printable.ts';
import { isTargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import type { VerifiedTargets } from '../../trust/trusted-set.ts';
import type { AuditPlace } from './places.ts';
import type { Problems } from './problems.ts';
import type { ListedTarget } from './target-files.ts';

/** Every target of every role. One that its role may not list is a warning: no host will find it there. */
export function listedTargets(
  roles: ReadonlyMap<string, VerifiedTargets>,
  problems: Problems,
): readonly ListedTarget[] {
  const targets: ListedTarget[] = [];
  for (const [role, { document, delegators }] of roles) {
    const outside: string[] = [];
    for (const path of document.targets.keys()) {
      const target = isTargetPath(path) ? targetOf(document, path) : undefined;
      if (target === undefined) continue;
      targets.push({ ...target, role });
      const inside = [...delegators].some((name) => {
        const delegations = roles.get(name)?.document.delegations;
        return (
          delegations === undefined ||
          rolesForPath(delegations, target.path).some((step) => step.name === role)
        );
      });
      if (!inside) outside.push(path);
    }
    if (outside.length === 0) continue;
    const first = escaped(outside[0] ?? '');
    const text = `${escaped(role)} lists ${outside.length} targets outside the paths that are delegated to it, the first ${first}; no host finds them`;
    problems.add(
      new TidegateError('target-not-found', text, { role, targets: outside.slice(0, 20) }),
      'warning',
    );
  }
  return targets;
}

/** What is there, and the second place in which one client looks for a target in a folder. */
export async function copiesOf(
  { targets: folder }: AuditPlace,
  targets: readonly ListedTarget[],
  present: ReadonlySet<string>,
  { problems, signal }: { readonly problems: Problems; readonly signal?: AbortSignal },
): Promise<ReadonlySet<string>> {
  const copies = new Set(present);
  for (const { path, hashes } of targets) {
    if (!path.includes('/') || hashes.sha256 === undefined) continue;
    const name = `${hashes.sha256}.${path}`;
    const length = await problems.attempt(() =>
      folder.targetLength(name, signal === undefined ? {} : { signal }),
    );
    if (length !== undefined) copies.add(name);
  }
  return copies;
}
