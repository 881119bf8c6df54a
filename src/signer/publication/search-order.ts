/** In which order hosts ask the roles for a target: the search of trust/lookup.ts, for people to look at. Pure. */
import type { Delegations } from '../../metadata/delegations.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { TargetPath } from '../../metadata/target-path.ts';
import { type LiveRepository, listedIn } from './live-repository.ts';
import { searchOrder } from './target-names.ts';

export interface SearchStep {
  readonly role: string;
  /** undefined for the top-level role, where every search begins. */
  readonly delegator: string | undefined;
  /** True: what is not found up to here is nowhere. */
  readonly terminating: boolean;
  /** True when what is published lists the target: the search ends here, and this is the last step. */
  readonly lists: boolean;
}

/**
 * @param top the delegations of the top-level role, as they will be; those below are taken as they are published
 * @param listed what a role lists; default: as it is published
 */
export function searchSteps(
  top: Delegations | undefined,
  live: Pick<LiveRepository, 'published'>,
  path: TargetPath,
  listed: (role: string) => JsonObject | undefined = (role) => listedIn(live, role)?.targets,
): readonly SearchStep[] {
  const lists = (role: string): boolean => listed(role)?.has(path) === true;
  const steps: SearchStep[] = [
    { role: 'targets', delegator: undefined, terminating: false, lists: lists('targets') },
  ];
  if (lists('targets')) return steps;
  let waiting = searchOrder(top, path).map((step) => ({ ...step, delegator: 'targets' }));
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { name: role, terminating, delegator } = next;
    if (steps.some((step) => step.role === role)) continue;
    steps.push({ role, delegator, terminating, lists: lists(role) });
    if (lists(role)) break;
    const below = searchOrder(listedIn(live, role)?.delegations, path);
    const ends = below.some((step) => step.terminating);
    waiting = [...below.map((step) => ({ ...step, delegator: role })), ...(ends ? [] : waiting)];
  }
  return steps;
}
