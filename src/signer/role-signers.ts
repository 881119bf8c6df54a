/** Who signs a role of a published repository: the root says it of top-level roles, a delegator of all others. Pure. */
import { keysForRole } from '../metadata/delegations.ts';
import type { KeySet, RoleKeys } from '../metadata/keys.ts';
import { isTopLevelRole } from '../metadata/role-name.ts';
import type { LiveRepository } from './publication/live-repository.ts';

export interface RoleSigners {
  readonly role: RoleKeys;
  readonly keys: KeySet;
  /** undefined for a top-level role. */
  readonly delegator: string | undefined;
}

/** undefined for a role that nobody delegates to. */
export function signersOf({ root, published }: LiveRepository, role: string): RoleSigners | undefined {
  if (isTopLevelRole(role)) return { role: root.roles[role], keys: root.keys, delegator: undefined };
  for (const delegator of published?.delegated.get(role)?.delegators ?? []) {
    const document =
      delegator === 'targets' ? published?.targets : published?.delegated.get(delegator)?.document;
    const delegations = document?.delegations;
    const roleKeys = delegations && keysForRole(delegations, role);
    if (delegations !== undefined && roleKeys !== undefined)
      return { role: roleKeys, keys: delegations.keys, delegator };
  }
  return undefined;
}
