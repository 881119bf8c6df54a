/**
 * `targets propose`: a targets role, the top-level one or a delegated one, is planned and goes round to be signed by
 * people; snapshot and timestamp stay with the job that publishes. Needs the store, and no private key.
 */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { formatEnvelope } from '../../metadata/envelope.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { targetOf } from '../../metadata/targets.ts';
import { formatManifest } from '../../waves/manifest.ts';
import { requireClock } from '../publication/clock-check.ts';
import { readLive } from '../publication/live-repository.ts';
import type { RepositoryPlan } from '../publication/plan.ts';
import { planAt, waitingFor } from '../publication/plan-publication.ts';
import { plannedVersions, roleFileName, unsignedDocument, type Versions } from '../publication/sign-plan.ts';
import { freeVersion } from '../publication/upload.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { makeSigningRequest, type NewRequest } from './new-request.ts';
import { requestPath, writeRequest } from './request-folder.ts';
import type { Delegator, SigningRequest } from './signing-request.ts';

export interface ProposeTargetsOptions {
  /** Milliseconds since the epoch: the moment for which everything in the role is planned. */
  readonly now: number;
  /** Default `targets`. */
  readonly role?: string;
  /** Ask everybody again, though a request for this version has signatures. */
  readonly replace?: boolean;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface ProposedTargets {
  readonly repository: string;
  readonly request: SigningRequest;
  readonly path: string;
  readonly plan: RepositoryPlan;
}

/**
 * A request for every repository of the workspace in which the role changes; where it changes in none, for all of them,
 * to live longer.
 *
 * @throws config-invalid when there is no such role, name-taken when a request for this version has signatures, locked, and
 *   what planning throws
 */
export async function proposeTargets(
  workspace: Workspace,
  options: ProposeTargetsOptions,
): Promise<readonly ProposedTargets[]> {
  const role = options.role ?? 'targets';
  const changing = await plansFor(workspace, role, new Set(), options);
  const plans = changing.length > 0 ? changing : await plansFor(workspace, role, new Set([role]), options);
  const proposed: ProposedTargets[] = [];
  for (const plan of plans) proposed.push(await proposePlanned(workspace, plan, role, options));
  return proposed;
}

async function plansFor(
  workspace: Workspace,
  role: string,
  renew: ReadonlySet<string>,
  { now, signal }: ProposeTargetsOptions,
): Promise<readonly RepositoryPlan[]> {
  const plans: RepositoryPlan[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    await requireClock(workspace, place.name, { now, ...(signal && { signal }) });
    const live = await readLive(workspace, place, signal);
    const plan = await planAt(workspace, live, { ...(await waitingFor(workspace, place)), renew, now });
    if (plan?.roles.some((planned) => planned.role === role) === true) plans.push(plan);
    else if (renew.size > 0) throw noSuchRole(place, role);
  }
  return plans;
}

/** A request for one role of a plan, whatever the plan was made from. @throws as `proposeTargets` */
export async function proposePlanned(
  workspace: Workspace,
  plan: RepositoryPlan,
  role: string,
  options: ProposeTargetsOptions,
): Promise<ProposedTargets> {
  const { live } = plan;
  const versions = await freeVersions(workspace, plan, role);
  const previous =
    role === 'targets' ? live.published?.bytes.targets : live.published?.delegated.get(role)?.bytes;
  const request = makeSigningRequest({
    repository: workspace.settings.name,
    role,
    document: unsignedDocument(plan, role, versions),
    roots: live.roots,
    delegators: delegatorsOf(plan, role),
    ...(previous !== undefined && { previous }),
    owners: new Map(Array.from(workspace.keys, ([id, { name }]) => [id, name])),
    longestValidity: workspace.expiration.targets,
    plannedAt: options.now,
    base: live.published?.sha256,
    ...(role === 'targets' && manifestsOf(plan)),
  });
  const path = requestPath(workspace, request, live.place);
  const result = { repository: live.place.name, path, plan };
  if (options.dryRun === true) return { ...result, request };
  const replace = options.replace === true;
  const written = await whileLocked(workspace, () => writeRequest(workspace, request, { path, replace }));
  return { ...result, request: written };
}

/** The list of releases before and after, so that people can read what changes in it. */
function manifestsOf({
  added,
  live,
}: RepositoryPlan): Pick<NewRequest, 'attachments' | 'previousAttachments'> {
  const list = added.find(({ target }) => target === manifestTarget);
  if (!(list?.source instanceof Uint8Array)) return {};
  const before = live.published && targetOf(live.published.targets, manifestTarget);
  const bytes = formatManifest(live.manifest);
  const isBefore = before?.hashes.sha256 === digestOf('sha256', bytes);
  return {
    attachments: new Map([[manifestTarget, list.source]]),
    ...(isBefore && { previousAttachments: new Map([[manifestTarget, bytes]]) }),
  };
}

/** A number that a crashed publication burned cannot be changed later: it will be signed. */
async function freeVersions(workspace: Workspace, plan: RepositoryPlan, role: string): Promise<Versions> {
  const versions = plannedVersions(plan);
  const taken = await workspace.store.stat(roleFileName(plan, role, versions));
  if (taken === undefined) return versions;
  return { ...versions, [role]: await freeVersion(workspace.store, plan, role, versions) };
}

/** Who delegates to the role, from the top down; a top-level role that is about to change, as it will be. */
function delegatorsOf(plan: RepositoryPlan, role: string): readonly Delegator[] {
  const names: string[] = [];
  for (let name = role; name !== 'targets'; ) {
    name = plan.places.find((place) => place.name === name)?.delegator ?? 'targets';
    names.unshift(name);
  }
  return names.map((name) => ({ role: name, bytes: fileOf(plan, name) }));
}

function fileOf(plan: RepositoryPlan, role: string): Uint8Array {
  const { published } = plan.live;
  const own = role === 'targets' ? published?.bytes.targets : published?.delegated.get(role)?.bytes;
  const isNew = role === 'targets' && plan.delegationsChange;
  if (own !== undefined && !isNew) return own;
  return formatEnvelope(unsignedDocument(plan, role, plannedVersions(plan)), []);
}

function noSuchRole({ name }: RepositoryPlace, role: string): TidegateError {
  const text = `${name}: there is no targets role ${role}; [[delegations]] of tidegate.toml name them`;
  return new TidegateError('config-invalid', text, { role });
}
