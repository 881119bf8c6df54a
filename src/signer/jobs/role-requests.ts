/**
 * Targets roles that people sign for a job: the requests that are complete and are just what the job would have signed,
 * and new ones for those that are missing.
 */

import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { parseTime } from '../../metadata/time.ts';
import { proposePlanned } from '../ceremony/propose-targets.ts';
import { collectRequests } from '../ceremony/request-folder.ts';
import { isComplete, progressOf, progressText, signedFile } from '../ceremony/request-signatures.ts';
import type { SigningRequest } from '../ceremony/signing-request.ts';
import type { LiveRepository } from '../publication/live-repository.ts';
import type { RepositoryPlan } from '../publication/plan.ts';
import { type PlacePlan, planAt } from '../publication/plan-publication.ts';
import { isPublishedRole, type SignedRole } from '../publication/role-plan.ts';
import { plannedVersions, unsignedDocument } from '../publication/sign-plan.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { hasPrivateKey } from '../workspace/workspace-keys.ts';

/** A request that waits for people. */
export interface WaitingRequest {
  readonly path: string;
  readonly role: string;
  readonly version: number;
  /** "1 of 2 by root 4's keys" */
  readonly progress: string;
  /** Names of keys that may still sign. */
  readonly missing: readonly string[];
}

export function waitingRequest(workspace: Workspace, request: SigningRequest, path: string): WaitingRequest {
  const progress = progressOf(request);
  const open = progress.filter(({ have, need }) => have < need);
  const missing = new Set(open.flatMap(({ missing: ids }) => ids));
  const names = Array.from(
    missing,
    (id) => workspace.keys.get(id)?.name ?? request.owners.get(id) ?? id.slice(0, 12),
  );
  return {
    path,
    role: request.role,
    version: request.version,
    progress: progressText(progress),
    missing: names,
  };
}

/** A plan with what people have signed for it; undefined: nothing would change. */
export async function planWithSigned(
  workspace: Workspace,
  live: LiveRepository,
  plan: Omit<PlacePlan, 'signed'>,
  files: readonly string[],
): Promise<RepositoryPlan | undefined> {
  const signed = new Map<string, SignedRole>();
  const collected = await collectRequests(workspace, files);
  for (const { request } of collected) {
    if (request.role === 'root' || request.role === 'snapshot' || request.role === 'timestamp') continue;
    if (!isComplete(progressOf(request))) continue;
    const role = signedRole(request);
    if (
      await isWanted(
        workspace,
        live,
        { ...plan, signed: new Map([...signed, [request.role, role]]) },
        request,
      )
    )
      signed.set(request.role, role);
  }
  return await planAt(workspace, live, { ...plan, signed });
}

function signedRole(request: SigningRequest): SignedRole {
  return {
    bytes: signedFile(request),
    version: request.version,
    plannedAt: request.plannedAt,
    expires: parseTime(String(request.document.get('expires'))) ?? 0,
  };
}

async function isWanted(
  workspace: Workspace,
  live: LiveRepository,
  wanted: PlacePlan,
  { role, version, payload }: SigningRequest,
): Promise<boolean> {
  const plan = await planAt(workspace, live, wanted);
  if (plan === undefined || !plan.roles.some((planned) => planned.role === role)) return false;
  const versions = { ...plannedVersions(plan), [role]: version };
  return Buffer.compare(canonicalBytes(unsignedDocument(plan, role, versions)), payload) === 0;
}

/**
 * Requests for the roles of a plan that nobody can sign here.
 *
 * @throws signatures-missing when snapshot or timestamp are among them: no people sign those
 */
export async function requestMissing(
  workspace: Workspace,
  plan: RepositoryPlan,
  now: number,
  signal: AbortSignal | undefined,
): Promise<readonly WaitingRequest[]> {
  const waiting: WaitingRequest[] = [];
  for (const { role, keys, keyNames, signed } of plan.roles) {
    const atHand: string[] = [];
    for (const name of keyNames) if (await hasPrivateKey(workspace, name)) atHand.push(name);
    if (signed || atHand.length >= keys.threshold) continue;
    if (isPublishedRole(role) && role !== 'targets') throw missingKeys(plan, role, keyNames);
    const known = await openRequest(workspace, plan, role);
    if (known !== undefined) waiting.push(known);
    else {
      const { request, path } = await proposePlanned(workspace, plan, role, {
        now,
        ...(signal && { signal }),
      });
      waiting.push(waitingRequest(workspace, request, path));
    }
  }
  return waiting;
}

/** One that was asked for before, for the same content. */
async function openRequest(
  workspace: Workspace,
  plan: RepositoryPlan,
  role: string,
): Promise<WaitingRequest | undefined> {
  for (const { request, paths } of await collectRequests(workspace)) {
    const [path] = paths;
    if (request.role !== role || path === undefined || isComplete(progressOf(request))) continue;
    const expires = parseTime(String(request.document.get('expires'))) ?? 0;
    const roles = plan.roles.map((planned) => (planned.role === role ? { ...planned, expires } : planned));
    const versions = { ...plannedVersions(plan), [role]: request.version };
    const document = unsignedDocument({ ...plan, roles }, role, versions);
    if (Buffer.compare(canonicalBytes(document), request.payload) === 0)
      return waitingRequest(workspace, request, path);
  }
  return undefined;
}

function missingKeys(plan: RepositoryPlan, role: string, names: readonly string[]): TidegateError {
  const text = `${plan.live.place.name}: ${role} is signed with ${names.join(' or ')}, and none is at hand in keys/ or [keys] of tidegate.toml; nothing was published`;
  return new TidegateError('signatures-missing', text, { role });
}
