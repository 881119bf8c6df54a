/**
 * Roots in the store that this workspace does not have: somebody else published them. They verify, so that hosts follow
 * them; but where the last one lists keys that nobody here knows, either this workspace is out of date or enough keys of
 * root are in other hands. Such a root is followed, because hosts do, and never kept as one of the workspace's own: every
 * command says it until a person has brought the keys here. Pure.
 */
import { topLevelRoles } from '../../metadata/role-name.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { LiveRepository } from './live-repository.ts';

/** A sentence for people; undefined: every root is known, or lists known keys alone. */
export function strangeRoot(
  { roots, keys }: Pick<Workspace, 'roots' | 'keys'>,
  live: Pick<LiveRepository, 'place' | 'root' | 'roots'>,
): string | undefined {
  if (live.roots.length <= roots.length) return undefined;
  const { root, place } = live;
  const unknown = topLevelRoles.flatMap((role) => {
    const ids = root.roles[role].keyIds.filter((id) => !keys.has(id));
    return ids.length === 0 ? [] : [`${role}: ${ids.map((id) => `${id.slice(0, 12)}…`).join(', ')}`];
  });
  if (unknown.length === 0) return undefined;
  return `${place.name}: root ${root.version} was published by somebody else, hosts follow it, and it lists keys that this workspace does not know (${unknown.join('; ')}). If one of you did: bring tidegate.toml and keys/ here. If none did, keys of root are in other hands: docs/runbooks.md`;
}
