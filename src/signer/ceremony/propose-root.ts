/**
 * `root propose`: from tidegate.toml and the root in force to a signing request. Needs no network and no private key,
 * and works when the root in force has expired.
 */
import { formatTime } from '../../metadata/time.ts';
import { requireClockOnward } from '../publication/clock-check.ts';
import { recordOverrides } from '../workspace/overrides.ts';
import { chainOf, rootDifferences } from '../workspace/roots.ts';
import { type Workspace, whileLocked } from '../workspace/workspace.ts';
import { makeSigningRequest } from './new-request.ts';
import { requestPath, writeRequest } from './request-folder.ts';
import { proposedRoot } from './root-proposal.ts';
import type { SigningRequest } from './signing-request.ts';

export interface ProposeOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Ask everybody again, though a request for this version has signatures. */
  readonly replace?: boolean;
  readonly dryRun?: boolean;
}

export interface ProposedRoot {
  readonly request: SigningRequest;
  readonly path: string;
  /** What tidegate.toml says and the root in force does not; empty when the new root only lives longer. */
  readonly differences: readonly string[];
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/**
 * @throws clock-behind for a clock before the last signature of the workspace; name-taken when a request for this version
 *   has signatures; locked, and what writing throws
 */
export async function proposeRoot(workspace: Workspace, options: ProposeOptions): Promise<ProposedRoot> {
  const { settings, keys, roots, expiration } = workspace;
  await requireClockOnward(workspace, options.now);
  const before = roots.length === 0 ? undefined : chainOf(roots, 'roots').root.document;
  const expires = Math.floor((options.now + expiration.root) / 1000) * 1000;
  const document = proposedRoot({ settings, keys: keys.values(), before, expires });
  const request = makeSigningRequest({
    repository: settings.name,
    role: 'root',
    document,
    roots,
    plannedAt: options.now,
    base: undefined,
    owners: new Map(Array.from(keys, ([id, { name }]) => [id, name])),
    longestValidity: expiration.root,
  });
  const path = requestPath(workspace, request);
  const result = {
    path,
    differences: before === undefined ? [] : rootDifferences(before, settings, keys),
    warnings:
      before !== undefined && before.expires <= options.now
        ? [
            `root ${before.version} expired at ${formatTime(before.expires)}: hosts refuse updates until the new root is published`,
          ]
        : [],
  };
  if (options.dryRun === true) return { ...result, request };
  const replace = options.replace === true;
  return {
    ...result,
    request: await whileLocked(workspace, async () => {
      await recordOverrides(workspace.fileSystem, workspace.directory, workspace.newOverrides);
      return await writeRequest(workspace, request, { path, replace });
    }),
  };
}
