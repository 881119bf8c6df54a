/** Requests whose document is published have done their work. */
import { isTidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { LiveRepository } from '../publication/live-repository.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { type CollectedRequest, collectRequests, removeRequest } from './request-folder.ts';
import type { SigningRequest } from './signing-request.ts';

/** Takes them out of the workspace. A file that is no request stays: publishing is no moment to stumble over it. */
export async function clearRequests(workspace: Workspace, live: LiveRepository): Promise<void> {
  let collected: readonly CollectedRequest[];
  try {
    collected = await collectRequests(workspace);
  } catch (error) {
    if (isTidegateError(error, 'request-invalid', 'not-a-plain-file', 'length-limit', 'count-limit')) return;
    throw error;
  }
  for (const request of collected) {
    if (isPublished(request.request, live)) await removeRequest(workspace, request);
  }
}

function isPublished(request: SigningRequest, live: LiveRepository): boolean {
  const bytes = publishedBytes(request, live);
  if (bytes === undefined) return false;
  return Buffer.compare(parseEnvelope(bytes, defaultLimits, request.role).canonical, request.payload) === 0;
}

function publishedBytes({ role, version }: SigningRequest, live: LiveRepository): Uint8Array | undefined {
  const { published, roots, root } = live;
  switch (role) {
    case 'root':
      return roots.at(version - root.version - 1);
    case 'targets':
    case 'snapshot':
    case 'timestamp':
      return published?.bytes[role];
    default:
      return published?.delegated.get(role)?.bytes;
  }
}
