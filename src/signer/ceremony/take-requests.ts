/** Before a plan is made: the requests that have come together, and the roots among them that are complete. */
import type { Workspace } from '../workspace/workspace.ts';
import { type AcceptOptions, acceptRoots } from './accept-roots.ts';
import { type CollectedRequest, collectRequests } from './request-folder.ts';

export interface TakenRequests {
  /** With every root that is complete. */
  readonly workspace: Workspace;
  /** Versions of roots that came in. */
  readonly installed: readonly number[];
  /** Requests for other roles. */
  readonly requests: readonly CollectedRequest[];
  /** Sentences on what was left alone. */
  readonly notes: readonly string[];
}

/**
 * @param files requests that a person names, beside those in the workspace
 * @throws not-found, request-invalid, and as `acceptRoots`
 */
export async function takeRequests(
  workspace: Workspace,
  files: readonly string[],
  options: AcceptOptions,
): Promise<TakenRequests> {
  const collected = await collectRequests(workspace, files);
  const accepted = await acceptRoots(workspace, collected, options);
  return { ...accepted, requests: collected.filter(({ request }) => request.role !== 'root') };
}
