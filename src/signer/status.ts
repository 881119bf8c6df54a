/** Where a workspace stands: every role of every repository, who has yet to sign, and the command to type next. */
import { join } from 'node:path';
import { releaseName } from '../waves/release.ts';
import { commandOf } from './jobs/checklist.ts';
import { readJobs } from './jobs/job.ts';
import { dueStage } from './jobs/stages.ts';
import { nextOfRepository, nextSteps } from './next-step.ts';
import { delegationChanges, plannedDelegations } from './publication/delegation-plan.ts';
import { type LiveRepository, readLive } from './publication/live-repository.ts';
import { waitingFor } from './publication/plan-publication.ts';
import { type RegionState, regionStates } from './publication/region.ts';
import { isPublished } from './publication/release-plan.ts';
import { isUnsettled } from './publication/settle.ts';
import { isSteered } from './publication/steering-plan.ts';
import { strangeRoot } from './publication/strange-root.ts';
import { steeringName } from './release/steering-draft.ts';
import { isTargetPublished } from './release/target-draft.ts';
import { type RequestStatus, requestStatusesOf } from './request-status.ts';
import { type RoleStatus, roleStatusesOf } from './role-status.ts';
import { type Override, readOverrides } from './workspace/overrides.ts';
import { weaknessesOf } from './workspace/policies.ts';
import { weaknessText } from './workspace/role-strength.ts';
import { rootDifferences } from './workspace/roots.ts';
import { readJournal } from './workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from './workspace/workspace.ts';
import { hasPrivateKey } from './workspace/workspace-keys.ts';

export interface RepositoryStatus {
  readonly repository: string;
  readonly published: boolean;
  /** Root always; the others once they are published, delegated ones last. */
  readonly roles: readonly RoleStatus[];
  readonly releases: number;
  /** What waits for publication, in words: releases, targets, delegations. */
  readonly drafts: readonly string[];
  /** True when a publication was interrupted that publishing again would finish. */
  readonly interrupted: boolean;
  /** Other regions, and how far they are; empty when there are none. */
  readonly regions: readonly RegionState[];
  /** Roles that are due and whose keys are not at hand. */
  readonly waiting: readonly string[];
  /** What is strange about the last root: a person must look. */
  readonly strangeRoot: string | undefined;
  /** What to type next; undefined: nothing to do. */
  readonly next: string | undefined;
}

export interface WorkspaceStatus {
  /** Empty before the first root is signed. */
  readonly repositories: readonly RepositoryStatus[];
  /** Signing requests that wait in the workspace. */
  readonly requests: readonly RequestStatus[];
  /** What tidegate.toml wants of root that the root in force does not say, in sentences. */
  readonly differences: readonly string[];
  /** What is weaker than the policies, and who accepted it: for as long as it is so. */
  readonly overrides: readonly Override[];
  /** Commands to type, the most urgent first; empty: nothing to do. */
  readonly next: readonly string[];
}

export interface StatusOptions {
  /** Milliseconds since the epoch: the present, or a time to ask about. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** @throws as `statusOf`, request-invalid, and state-damaged for overrides that cannot be read */
export async function workspaceStatusOf(
  workspace: Workspace,
  options: StatusOptions,
): Promise<WorkspaceStatus> {
  const hasRoot = workspace.roots.length > 0;
  const { settings, keys } = workspace;
  const found = hasRoot ? await lookAtAll(workspace, options) : [];
  const repositories = found.map(({ status }) => status);
  const requests = await requestStatusesOf(workspace);
  const root = found[0]?.live.root;
  const differences = root === undefined ? [] : rootDifferences(root, settings, keys);
  const jobs = (await readJobs(workspace)).map((job) => ({
    command: commandOf(job),
    due: dueStage(job, options.now).from === undefined,
  }));
  const next = nextSteps({ repositories, requests, differences, hasRoot, jobs });
  return { repositories, requests, differences, overrides: await overridesInForce(workspace), next };
}

/** Of each, the last line: it may have been accepted more than once. */
async function overridesInForce(workspace: Workspace): Promise<readonly Override[]> {
  const { fileSystem, directory, settings } = workspace;
  const weaknesses = await weaknessesOf(fileSystem, join(directory, 'policies'), settings);
  const recorded = await readOverrides(fileSystem, directory);
  return weaknesses.flatMap((weakness) => {
    const what = weaknessText(weakness);
    return recorded.findLast((override) => override.name === weakness.name && override.what === what) ?? [];
  });
}

/** @throws rollback, workspace-invalid, not-found, and what `trust/` throws for files that do not verify */
export async function statusOf(
  workspace: Workspace,
  options: StatusOptions,
): Promise<readonly RepositoryStatus[]> {
  return (await lookAtAll(workspace, options)).map(({ status }) => status);
}

interface Looked {
  readonly live: LiveRepository;
  readonly status: RepositoryStatus;
}

async function lookAtAll(workspace: Workspace, options: StatusOptions): Promise<readonly Looked[]> {
  const found: Looked[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, place, options.signal);
    found.push({ live, status: await repositoryStatus(workspace, live, options.now) });
  }
  return found;
}

async function repositoryStatus(
  workspace: Workspace,
  live: LiveRepository,
  now: number,
): Promise<RepositoryStatus> {
  const { place } = live;
  const drafts = await waitingWords(workspace, live);
  const published = live.published !== undefined;
  const open = !published || drafts.length > 0;
  const roles = roleStatusesOf(live, { ...workspace, now });
  const standing = {
    published,
    roles,
    drafts,
    interrupted: (await isUnsettled(workspace, live)) || (open && (await wasBegun(workspace, place, now))),
    waiting: await withoutKeys(workspace, roles),
    regions: await regionStates(workspace, live, { now }),
    strangeRoot: strangeRoot(workspace, live),
  };
  const releases = live.manifest.updates.length;
  return { repository: place.name, releases, ...standing, next: nextOfRepository(standing) };
}

async function waitingWords(workspace: Workspace, live: LiveRepository): Promise<readonly string[]> {
  const { settings, keys } = workspace;
  const { drafts, targets, steering = [] } = await waitingFor(workspace, live.place);
  const { json, changed } = plannedDelegations(live.published, settings.delegations, keys.values());
  const changes = delegationChanges({ live, delegations: json, delegationsChange: changed });
  return [
    ...drafts.filter((draft) => !isPublished(draft, live)).map(releaseName),
    ...(targets ?? [])
      .filter((draft) => !isTargetPublished(draft, live))
      .map(({ target, image }) => `${target}${image === undefined ? ' goes' : ''}`),
    ...steering
      .filter((change) => !isSteered(change, live.manifest))
      .map((change) => `${change.kind} ${steeringName(change)}`),
    ...changes.map(({ role, change }) => `delegation to ${role} ${change}`),
  ];
}

/** A publication died before its timestamp, and is not too old to be taken up. */
async function wasBegun(workspace: Workspace, place: RepositoryPlace, now: number): Promise<boolean> {
  const journal = await readJournal(workspace, place.name);
  if (journal === undefined || journal.done) return false;
  return journal.now >= now - workspace.expiration.timestamp / 2;
}

/** Roles of the targets kind that should be signed, by people who are not here. */
async function withoutKeys(workspace: Workspace, roles: readonly RoleStatus[]): Promise<readonly string[]> {
  const waiting: string[] = [];
  for (const { role, delegator, state, signatures } of roles) {
    if (state === 'good' || (role !== 'targets' && delegator === undefined)) continue;
    let atHand = 0;
    for (const name of [...signatures.by, ...signatures.without]) {
      if (await hasPrivateKey(workspace, name)) atHand += 1;
    }
    if (atHand < signatures.need) waiting.push(role);
  }
  return waiting;
}
