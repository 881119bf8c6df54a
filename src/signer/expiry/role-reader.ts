/**
 * Every role of a repository as it is public, delegated ones included, verified from a root on by the rules of
 * `trust/`; only that something has expired is no fault here, since that is what is asked. No target is read.
 */
import { TidegateError } from '../../errors.ts';
import { keysForRole } from '../../metadata/delegations.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { TargetsDocument } from '../../metadata/targets.ts';
import {
  confirmTargets,
  listedMeta,
  targetsLimit,
  topLevelTargets,
  updateTargets,
} from '../../trust/targets-role.ts';
import {
  requireSnapshot,
  requireTimestamp,
  snapshotLimit,
  type TrustedSet,
  updateSnapshot,
  updateTimestamp,
} from '../../trust/trusted-set.ts';
import { missing, type ReadFile, type ReadRequest, readRootChain } from '../publication/repository-reader.ts';

/** One role and how long it lives. */
export interface RoleLife {
  readonly role: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/**
 * Reads root, timestamp, snapshot, targets and what they delegate to; undefined when there is no timestamp, so that
 * nothing is published.
 *
 * @throws not-found for a file that a trusted one names, role-not-in-snapshot for a delegated role that hosts cannot
 *   find, and what `trust/` throws
 */
export async function readEveryRole(read: ReadFile, request: ReadRequest): Promise<TrustedSet | undefined> {
  const { folders, policy } = request;
  const required = async (name: string, limit: number): Promise<Uint8Array> => {
    const bytes = await read(name, limit);
    if (bytes === undefined) throw missing(name);
    return bytes;
  };
  const chain = await readRootChain(read, request);
  const timestamp = await read(metadataName(folders, 'timestamp'), policy.limits.maxTimestampLength);
  if (timestamp === undefined) return undefined;
  let set = updateTimestamp(chain.set, timestamp);
  const snapshot = metadataName(folders, 'snapshot', requireTimestamp(set).document.snapshot.version);
  set = updateSnapshot(set, await required(snapshot, snapshotLimit(set)));
  const waiting = [topLevelTargets];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { role } = next;
    if (set.targets.has(role)) {
      // A role that two delegate to has to be signed for each of them.
      set = confirmTargets(set, next);
      continue;
    }
    if (set.targets.size > policy.limits.maxDelegatedRoles) throw tooMany(set.targets.size);
    const name = metadataName(folders, role, listedMeta(set, role).version);
    set = updateTargets(set, await required(name, targetsLimit(set, role)), next);
    const document = set.targets.get(role)?.document;
    if (document === undefined) continue;
    waiting.push(...delegatedBy(set, document).map((child) => ({ role: child, delegator: role })));
  }
  return set;
}

/** Roles in the order of their delegation; hash bins are those that the snapshot lists, since most of many are empty. */
function delegatedBy(set: TrustedSet, { delegations }: TargetsDocument): readonly string[] {
  if (delegations === undefined) return [];
  if (delegations.succinct === undefined) return delegations.roles.map(({ name }) => name);
  const listed = [...requireSnapshot(set).document.meta.keys()].map((name) => name.slice(0, -'.json'.length));
  return listed.filter((name) => keysForRole(delegations, name) !== undefined);
}

/** The roles of a set, from the root down. */
export function livesOf({ root, timestamp, snapshot, targets }: TrustedSet): readonly RoleLife[] {
  const lives: RoleLife[] = [];
  const add = (role: string, found: { readonly document: Omit<RoleLife, 'role'> } | undefined): void => {
    if (found !== undefined)
      lives.push({ role, version: found.document.version, expires: found.document.expires });
  };
  add('root', root);
  add('timestamp', timestamp);
  add('snapshot', snapshot);
  for (const [role, verified] of targets) add(role, verified);
  return lives;
}

function tooMany(limit: number): TidegateError {
  return new TidegateError('delegation-limit', `more than ${limit} delegated roles`, { limit });
}
