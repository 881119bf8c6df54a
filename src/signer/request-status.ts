/** How far the signing requests of a workspace are: against the old threshold, and against the new one. */
import { relative } from 'node:path';
import { collectRequests } from './ceremony/request-folder.ts';
import { isComplete, nameOf, progressOf } from './ceremony/request-signatures.ts';
import type { Workspace } from './workspace/workspace.ts';

export interface RequestStatus {
  /** Relative to the workspace. */
  readonly path: string;
  readonly role: string;
  readonly version: number;
  readonly complete: boolean;
  /** One for each set of keys that must agree: of a root that follows another, the old keys and the new ones. */
  readonly sides: readonly {
    /** Whose keys: "root 4's keys". */
    readonly by: string;
    readonly have: number;
    readonly need: number;
    /** Names of keys. */
    readonly signed: readonly string[];
    readonly missing: readonly string[];
  }[];
}

/** @throws request-invalid for a file in `requests/` that is none */
export async function requestStatusesOf(workspace: Workspace): Promise<readonly RequestStatus[]> {
  const collected = await collectRequests(workspace);
  const inForce = workspace.settings.firstRoot + workspace.roots.length - 1;
  // A root that has come in keeps its request until it is published; nobody has to sign it any more.
  const open = collected.filter(({ request }) => request.role !== 'root' || request.version > inForce);
  return open.map(({ request, paths }) => {
    const progress = progressOf(request);
    const named = (ids: readonly string[]): readonly string[] =>
      ids.map((id) => workspace.keys.get(id)?.name ?? nameOf(request, id));
    return {
      path: relative(workspace.directory, paths[0] ?? request.where),
      role: request.role,
      version: request.version,
      complete: isComplete(progress),
      sides: progress.map(({ by, have, need, signed, missing }) => ({
        by,
        have,
        need,
        signed: named(signed),
        missing: named(missing),
      })),
    };
  });
}
