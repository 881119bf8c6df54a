/**
 * The search for a target through delegations (TUF specification 5.6.7): pre-order, depth first, in order of
 * appearance; the first role that lists the path wins.
 *
 * 1. A role is asked only for paths that every role above it delegates to it.
 * 2. A role is visited once, so cycles end.
 * 3. Behind a terminating role that covers the path, roles that were still to come are not asked.
 * 4. More roles than the limit is an error of its own, never "not found".
 */
import { TidegateError } from '../errors.ts';
import { rolesForPath } from '../metadata/delegations.ts';
import type { TargetPath } from '../metadata/target-path.ts';
import { type Target, targetOf } from '../metadata/targets.ts';
import { confirmTargets, isTrusted, type RoleReference, topLevelTargets } from './targets-role.ts';
import type { TrustedSet } from './trusted-set.ts';

export interface FoundTarget extends Target {
  /** The role that lists it. */
  readonly role: string;
}

export interface SearchResult {
  readonly set: TrustedSet;
  readonly found: FoundTarget | undefined;
  /** Roles in the order in which they were asked. */
  readonly visited: readonly string[];
}

/**
 * A search as a coroutine: it yields each role that must be fetched and goes on with the set that the caller
 * made by adding it (`updateTargets`). Whatever the caller throws ends the search.
 *
 * @throws delegation-limit, and threshold-not-met when a role is not signed by the keys of this delegator
 */
export function* searchTarget(
  start: TrustedSet,
  path: TargetPath,
): Generator<RoleReference, SearchResult, TrustedSet> {
  let set = start;
  const visited: string[] = [];
  let waiting: RoleReference[] = [topLevelTargets];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (visited.includes(next.role)) continue;
    if (visited.length >= set.policy.limits.maxVisitedRoles) throw tooMany(path, visited.length);
    set = confirmTargets(set, next);
    if (!isTrusted(set, next)) set = yield next;
    visited.push(next.role);
    const document = set.targets.get(next.role)?.document;
    if (document === undefined) throw new TidegateError('internal', `role ${next.role} was not loaded`);
    const target = targetOf(document, path);
    if (target !== undefined) return { set, found: { ...target, role: next.role }, visited };
    const { role } = next;
    const steps = document.delegations === undefined ? [] : rolesForPath(document.delegations, path);
    const end = steps.findIndex((step) => step.terminating);
    const asked = end < 0 ? steps : steps.slice(0, end + 1);
    waiting = [...asked.map((step) => ({ role: step.name, delegator: role })), ...(end < 0 ? waiting : [])];
  }
  return { set, found: undefined, visited };
}

function tooMany(path: TargetPath, limit: number): TidegateError {
  return new TidegateError(
    'delegation-limit',
    `the search for ${path} would visit more than ${limit} roles`,
    {
      target: path,
      limit,
    },
  );
}
