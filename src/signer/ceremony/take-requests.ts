/**
 * Before a plan is made: the requests that have come together, the roots among them that are complete, and the targets
 * roles that were signed.
 */
import type { Workspace } from '../workspace/workspace.ts';
import { type AcceptOptions, acceptRoots } from './accept-roots.ts';
import { matchRequests, type SignedRoles } from './match-requests.ts';
import { collectRequests } from './request-folder.ts';

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
  return { ...accepted, signed, notes: [...accepted.notes, ...notes] };
}
