/** Where a workspace stands: every role of every repository, and the command to type next. */
import { parseEnvelope } from '../metadata/envelope.ts';
import { snapshotEntryName } from '../metadata/file-names.ts';
import { type TopLevelRole, topLevelRoles } from '../metadata/role-name.ts';
import { defaultLimits } from '../trust/limits.ts';
import { countSignatures } from '../trust/threshold.ts';
import { releaseName } from '../waves/release.ts';
import { type LiveRepository, readLive } from './publication/live-repository.ts';
import { servedBy } from './publication/plan-publication.ts';
import { isPublished } from './publication/release-plan.ts';
import { isUnsettled } from './publication/settle.ts';
import { dueRoles } from './refresh.ts';
import { readDrafts } from './release/draft.ts';
import type { Expiration } from './workspace/expiration.ts';
import { readJournal } from './workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from './workspace/workspace.ts';

export interface RoleStatus {
  readonly role: TopLevelRole;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Milliseconds until then; negative when it has passed. */
  readonly remaining: number;
  readonly state: 'good' | 'due' | 'expired';
  readonly signatures: {
    readonly have: number;
    readonly need: number;
    /** Names of the keys that signed. */
    readonly by: readonly string[];
  };
}

export interface RepositoryStatus {
  readonly repository: string;
  readonly published: boolean;
  /** Root always; the others once they are published. */
  readonly roles: readonly RoleStatus[];
  readonly releases: number;
  /** Releases that wait, in words. */
  readonly drafts: readonly string[];
  /** True when a publication was interrupted that publishing again would finish. */
  readonly interrupted: boolean;
  /** What to type next; undefined: nothing to do. */
  readonly next: string | undefined;
}

/** A new root needs people and safes: due eight weeks before its end. */
const rootNotice = 8 * 7 * 24 * 3_600_000;

/** @throws rollback, workspace-invalid, not-found, and what `trust/` throws for files that do not verify */
export async function statusOf(
  workspace: Workspace,
  { now, signal }: { readonly now: number; readonly signal?: AbortSignal },
): Promise<readonly RepositoryStatus[]> {
  const drafts = await readDrafts(workspace);
  const result: RepositoryStatus[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, place, signal);
    const waiting = drafts
      .filter((draft) => servedBy(place, draft) && !isPublished(draft, live))
      .map(releaseName);
    const open = live.published === undefined || waiting.length > 0;
    const interrupted =
      (await isUnsettled(workspace, live)) || (open && (await wasBegun(workspace, place, now)));
    const roles = rolesOf(workspace, live, now);
    result.push({
      repository: place.name,
      published: live.published !== undefined,
      roles,
      releases: live.manifest.updates.length,
      drafts: waiting,
      interrupted,
      next: nextCommand(live, { roles, waiting: waiting.length, interrupted }),
    });
  }
  return result;
}

/** A publication died before its timestamp, and is not too old to be taken up. */
async function wasBegun(workspace: Workspace, place: RepositoryPlace, now: number): Promise<boolean> {
  const journal = await readJournal(workspace, place.name);
  if (journal === undefined || journal.done) return false;
  return journal.now >= now - workspace.expiration.timestamp / 2;
}

function rolesOf(workspace: Workspace, live: LiveRepository, now: number): readonly RoleStatus[] {
  const due = dueOf(live, workspace.expiration, now);
  return topLevelRoles.flatMap((role) => {
    const document = role === 'root' ? live.root : live.published?.[role];
    const bytes = role === 'root' ? live.roots.at(-1) : live.published?.bytes[role];
    if (document === undefined || bytes === undefined) return [];
    const envelope = parseEnvelope(bytes, defaultLimits, snapshotEntryName(role));
    const { signedBy, threshold } = countSignatures(envelope, live.root.roles[role], live.root.keys);
    const remaining = document.expires - now;
    const state = remaining <= 0 ? 'expired' : due.has(role) ? 'due' : 'good';
    const by = signedBy.map((id) => workspace.keys.get(id)?.name ?? id.slice(0, 12));
    const signatures = { have: signedBy.length, need: threshold, by };
    return { role, version: document.version, expires: document.expires, remaining, state, signatures };
  });
}

function dueOf(live: LiveRepository, expiration: Expiration, now: number): ReadonlySet<TopLevelRole> {
  const due = new Set<TopLevelRole>(dueRoles(live, expiration, now));
  if (live.root.expires - now < rootNotice) due.add('root');
  return due;
}

interface Situation {
  readonly roles: readonly RoleStatus[];
  readonly waiting: number;
  readonly interrupted: boolean;
}

function nextCommand(live: LiveRepository, { roles, waiting, interrupted }: Situation): string | undefined {
  const lapsed = roles.some(({ role, state }) => role !== 'root' && state !== 'good');
  if (interrupted) return 'tidegate publish';
  if (live.published === undefined || waiting > 0) return 'tidegate plan';
  return lapsed ? 'tidegate refresh' : undefined;
}
