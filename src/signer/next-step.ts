/**
 * What to type next, from where things stand. Pure. The most urgent first:
 *
 * 1. what was interrupted; 2. what hosts will miss soon and a job can renew; 3. what has all its signatures;
 * 4. who still has to sign; 5. jobs that can go on; 6. what nobody has been asked for yet; 7. releases that wait.
 */
import type { RegionState } from './publication/region.ts';
import type { RequestStatus } from './request-status.ts';
import type { RoleStatus } from './role-status.ts';

export interface RepositoryStanding {
  readonly published: boolean;
  readonly roles: readonly RoleStatus[];
  readonly drafts: readonly string[];
  readonly interrupted: boolean;
  /** Roles that are due and whose keys are not at hand. */
  readonly waiting: readonly string[];
  /** Other regions: a refresh brings on those that are behind. Default: none. */
  readonly regions?: readonly { readonly standing: RegionState['standing'] }[];
}

export interface WorkspaceStanding {
  readonly repositories: readonly RepositoryStanding[];
  readonly requests: readonly RequestStatus[];
  /** What tidegate.toml wants of root that the root in force does not say, in sentences. */
  readonly differences: readonly string[];
  /** False before the first root is signed. */
  readonly hasRoot: boolean;
  /** Jobs under way: what goes on with each, where that is due. A job asks for roots itself. Default: none. */
  readonly jobs?: readonly { readonly command: string; readonly due: boolean }[];
}

/** For one repository; undefined: nothing to do. */
export function nextOfRepository(standing: RepositoryStanding): string | undefined {
  const { published, roles, drafts, interrupted, waiting, regions = [] } = standing;
  if (interrupted) return 'tidegate publish';
  if (!published || drafts.length > 0) return 'tidegate plan';
  if (roles.some(({ state }) => state === 'unsigned')) return 'tidegate publish';
  const lapsed = roles.filter(({ role, state }) => role !== 'root' && state !== 'good');
  if (lapsed.some(({ role }) => !waiting.includes(role))) return 'tidegate refresh';
  if (regions.some((region) => region.standing !== 'current')) return 'tidegate refresh';
  const [role] = waiting;
  if (role === undefined) return undefined;
  return role === 'targets' ? 'tidegate targets propose' : `tidegate targets propose --role ${role}`;
}

/** For the workspace, each command once. */
export function nextSteps(standing: WorkspaceStanding): readonly string[] {
  const { repositories, requests, differences, hasRoot, jobs = [] } = standing;
  const steps: string[] = [];
  const own = repositories.map(nextOfRepository);
  // Under a root that has expired nothing else can be signed.
  const urgent = new Set(isRootExpired(repositories) ? [] : ['tidegate refresh', 'tidegate publish']);
  steps.push(...own.filter((step) => step !== undefined && urgent.has(step)).map(String));
  if (requests.some(({ complete }) => complete)) steps.push('tidegate publish');
  steps.push(...requests.filter(({ complete }) => !complete).map(({ path }) => `tidegate sign ${path}`));
  steps.push(...jobs.flatMap(({ command, due }) => (due ? [command] : [])));
  const roots = requests.filter(({ role }) => role === 'root');
  const rootDue = repositories.some(({ roles }) =>
    roles.some(({ role, state }) => role === 'root' && state !== 'good'),
  );
  if (roots.length === 0 && jobs.length === 0 && (!hasRoot || differences.length > 0 || rootDue))
    steps.push('tidegate root propose');
  const asked = (step: string): boolean =>
    /^tidegate (plan|targets propose)/.test(step) && requests.some(({ role }) => role !== 'root');
  steps.push(...own.filter((step) => step !== undefined && !asked(step)).map(String));
  return [...new Set(steps)];
}

function isRootExpired(repositories: readonly RepositoryStanding[]): boolean {
  return repositories.some(({ roles }) =>
    roles.some(({ role, state }) => role === 'root' && state === 'expired'),
  );
}
