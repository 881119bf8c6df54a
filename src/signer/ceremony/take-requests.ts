/**
 * Before a plan is made: the requests that have come together, the roots among them that are complete, and the targets
 * roles that were signed.
 */
import { repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { type AcceptOptions, acceptRoots } from './accept-roots.ts';
import { matchRequests, type SignedRoles } from './match-requests.ts';
import { type CollectedRequest, collectRequests, requestPath, writeRequest } from './request-folder.ts';

export interface TakenRequests {
  /** With every root that is complete. */
  readonly workspace: Workspace;
  /** Versions of roots that came in. */
  readonly installed: readonly number[];
  /** For `planPublication`. */
  readonly signed: SignedRoles;
  /** Sentences on what was left alone. */
  readonly notes: readonly string[];
}

export interface TakeOptions extends AcceptOptions {
  /** Leave other requests alone: one of them is about to be made. */
  readonly rootsOnly?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * @param files requests that a person names, beside those in the workspace
 * @throws not-found, request-invalid, and as `acceptRoots` and `matchRequests`
 */
export async function takeRequests(
  workspace: Workspace,
  files: readonly string[],
  options: TakeOptions,
): Promise<TakenRequests> {
  const collected = await collectRequests(workspace, files);
  const accepted = await acceptRoots(workspace, collected, options);
  const others = collected.filter(({ request }) => request.role !== 'root');
  if (options.rootsOnly === true) return { ...accepted, signed: new Map() };
  const { signed, notes } = await matchRequests(accepted.workspace, others, options);
  if (options.dryRun !== true) await keepGiven(accepted.workspace, others, signed);
  return { ...accepted, signed, notes: [...accepted.notes, ...notes] };
}

/**
 * What people brought is kept in the workspace before anything is published, so that an interrupted publication can be
 * finished without asking them again.
 */
async function keepGiven(
  workspace: Workspace,
  collected: readonly CollectedRequest[],
  signed: SignedRoles,
): Promise<void> {
  for (const { request, given, paths } of collected) {
    const place = repositoriesOf(workspace.settings).find(
      ({ name }) => signed.get(name)?.get(request.role)?.version === request.version,
    );
    if (!given || place === undefined) continue;
    const path = paths[0] ?? requestPath(workspace, request, place);
    await whileLocked(workspace, () => writeRequest(workspace, request, { path, replace: true }));
  }
}
