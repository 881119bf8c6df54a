/**
 * Signed requests for targets roles against what would be published now. A file is used exactly as it was signed, so that
 * everything it says must come out again from the drafts, policies and base of the moment at which it was planned:
 *
 * 1. What it was made from (the version before) is what is published. That snapshot and timestamp were refreshed
 *    meanwhile makes no difference: nothing in it depends on them.
 * 2. Planned again for its own moment, the role has the very bytes that people signed.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { parseTime } from '../../metadata/time.ts';
import { type LiveRepository, listedIn, readLive } from '../publication/live-repository.ts';
import { planAt, waitingFor } from '../publication/plan-publication.ts';
import { floorOf, type SignedRole } from '../publication/role-plan.ts';
import { plannedVersions, unsignedDocument } from '../publication/sign-plan.ts';
import { mostBurned } from '../publication/upload.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import type { CollectedRequest } from './request-folder.ts';
import { isComplete, progressOf, progressText, signedFile } from './request-signatures.ts';
import type { SigningRequest } from './signing-request.ts';
import { requestTitle } from './verified-request.ts';

/** Signed files by role, for each repository by the name of its place. */
export type SignedRoles = ReadonlyMap<string, ReadonlyMap<string, SignedRole>>;

export interface MatchedRequests {
  readonly signed: SignedRoles;
  /** Sentences on requests that wait for signatures. */
  readonly notes: readonly string[];
}

export interface MatchOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/**
 * @throws base-moved for one made from another version than is published, workspace-invalid when drafts, policies or
 *   delegations changed since, signatures-missing for one that a person named, request-invalid for a role that is not
 *   signed this way, and what planning throws
 */
export async function matchRequests(
  workspace: Workspace,
  requests: readonly CollectedRequest[],
  options: MatchOptions,
): Promise<MatchedRequests> {
  const notes: string[] = [];
  const complete: SigningRequest[] = [];
  for (const { request, given } of requests) {
    requireTargets(request);
    const progress = progressOf(request);
    if (isComplete(progress) || given) complete.push(request);
    else notes.push(`${requestTitle(request)} waits for signatures: ${progressText(progress)}`);
  }
  const candidates = complete.map((request) => ({ request, role: signedRole(request) }));
  const signed = new Map<string, ReadonlyMap<string, SignedRole>>();
  const matched = new Set<SigningRequest>();
  const lives: LiveRepository[] = [];
  for (const place of candidates.length === 0 ? [] : repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, place, options.signal);
    lives.push(live);
    const found = new Map<string, SignedRole>();
    for (const { request, role } of candidates) {
      const outcome = isPublished(request, live)
        ? 'published'
        : await fits(workspace, live, request, role, options);
      if (outcome === true) found.set(request.role, role);
      if (outcome !== false) matched.add(request);
    }
    signed.set(place.name, found);
  }
  for (const request of complete) if (!matched.has(request)) throw mismatch(request, lives);
  return { signed, notes };
}

/** @throws signatures-missing */
function signedRole(request: SigningRequest): SignedRole {
  const expires = request.document.get('expires');
  return {
    bytes: signedFile(request),
    version: request.version,
    plannedAt: request.plannedAt,
    expires: parseTime(String(expires)) ?? 0,
  };
}

async function fits(
  workspace: Workspace,
  live: LiveRepository,
  request: SigningRequest,
  role: SignedRole,
  { now }: MatchOptions,
): Promise<boolean> {
  const { role: name, payload, version } = request;
  if (!isSameBase(request, live) || !isNextVersion(request, live)) return false;
  const waiting = await waitingFor(workspace, live.place);
  const signed = new Map([[name, role]]);
  const plan = await planAt(workspace, live, { ...waiting, renew: new Set(), signed, now });
  const planned = plan?.roles.find((candidate) => candidate.role === name);
  if (plan === undefined || planned === undefined || planned.to !== version) return false;
  const validity = workspace.expiration.targets;
  if (role.expires !== Math.floor((role.plannedAt + validity) / 1000) * 1000) return false;
  const document = unsignedDocument(plan, name, plannedVersions(plan));
  return Buffer.compare(canonicalBytes(document), payload) === 0;
}

function publishedFile({ role }: SigningRequest, { published }: LiveRepository): Uint8Array | undefined {
  return role === 'targets' ? published?.bytes.targets : published?.delegated.get(role)?.bytes;
}

function isSameBase(request: SigningRequest, live: LiveRepository): boolean {
  const present = publishedFile(request, live);
  const { previous } = request;
  if (previous === undefined || present === undefined) return previous === present;
  return Buffer.compare(previous, present) === 0;
}

/** Numbers may be passed over that a crashed publication has burned, and no more. */
function isNextVersion({ role, version }: SigningRequest, live: LiveRepository): boolean {
  const highest = Math.max(listedIn(live, role)?.version ?? 0, floorOf(role, live));
  return version > highest && version <= highest + mostBurned + 1;
}

function isPublished(request: SigningRequest, live: LiveRepository): boolean {
  const document = listedIn(live, request.role);
  return document !== undefined && Buffer.compare(canonicalBytes(document.json), request.payload) === 0;
}

function requireTargets({ role, where }: SigningRequest): void {
  if (role !== 'snapshot' && role !== 'timestamp') return;
  const text = `${where}: ${role} is signed by the job that publishes; requests are for root, targets and delegated roles`;
  throw new TidegateError('request-invalid', text, { file: where });
}

function mismatch(request: SigningRequest, lives: readonly LiveRepository[]): TidegateError {
  const { where } = request;
  const title = requestTitle(request);
  if (!lives.some((live) => isSameBase(request, live))) {
    const text = `${where}: ${title} was made from another version than is published now. Propose it again, or take the file away; nothing was written`;
    return new TidegateError('base-moved', text, { file: where });
  }
  const text = `${where}: drafts, delegations or policies changed since ${title} was planned: it would not have these bytes now. Propose it again, or put them back; nothing was written`;
  return new TidegateError('workspace-invalid', text, { file: where });
}
