/**
 * Who may sign: the chain of roots and of delegating roles in a request, verified by the rules of `trust/`. Expiry is
 * not asked: a root that expired long ago is where the next one begins.
 */
import type { Delegations } from '../../metadata/delegations.ts';
import { keysForRole } from '../../metadata/delegations.ts';
import { type Envelope, parseEnvelope } from '../../metadata/envelope.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { parseTargets } from '../../metadata/targets.ts';
import { checkLimit } from '../../trust/file-check.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { countSignatures } from '../../trust/threshold.ts';
import { type TrustedSet, trustRoot, updateRoot } from '../../trust/trusted-set.ts';
import { type Delegator, type RequestSide, requestInvalid } from './signing-request.ts';

const policy: TrustPolicy = {
  now: 0,
  limits: defaultLimits,
  requireConsistentSnapshot: false,
  allowDelegations: true,
  requireHashedKeyIds: false,
};

/** More roots than this are no chain that people could have signed. */
const maxRoots = 1024;

/**
 * Roots one after the other, from the first one given on.
 *
 * @throws threshold-not-met, version-mismatch, identity-mismatch and what a damaged root causes
 */
export function verifiedRoots(roots: readonly Uint8Array[], where: string): readonly RootDocument[] {
  if (roots.length > maxRoots)
    throw requestInvalid(where, `${roots.length} roots, expected at most ${maxRoots}`);
  const documents: RootDocument[] = [];
  let set: TrustedSet | undefined;
  for (const bytes of roots) {
    set = set === undefined ? trustRoot(bytes, policy, noFloors) : updateRoot(set, bytes);
    documents.push(set.root.document);
  }
  return documents;
}

export function rootSide(root: RootDocument): RequestSide {
  return { by: `root ${root.version}'s keys`, role: root.roles.root, keys: root.keys };
}

/** The keys that a root names for a role of the top. */
export function topLevelSide(root: RootDocument, role: 'targets' | 'snapshot' | 'timestamp'): RequestSide {
  return { by: `root ${root.version}'s ${role} keys`, role: root.roles[role], keys: root.keys };
}

export interface DelegatedSide {
  readonly side: RequestSide;
  /** Delegators that too few of their keys have signed. */
  readonly unsigned: readonly string[];
}

/**
 * The keys that the last delegator names for a delegated role.
 *
 * @throws request-invalid when the delegators are no path from `targets` to the role
 */
export function delegatedSide(
  root: RootDocument,
  delegators: readonly Delegator[],
  role: string,
  where: string,
): DelegatedSide {
  const unsigned: string[] = [];
  let side = topLevelSide(root, 'targets');
  let name = 'targets';
  for (const [index, delegator] of delegators.entries()) {
    if (delegator.role !== name)
      throw requestInvalid(where, `delegator ${index + 1} is ${delegator.role}, expected ${name}`);
    const envelope = readTargetsFile(delegator.bytes, `${where}: ${name}`);
    if (!meetsThreshold(envelope, side)) unsigned.push(name);
    const { delegations, version } = parseTargets(envelope, defaultLimits);
    const next = delegators[index + 1]?.role ?? role;
    side = delegationSide(delegations, next, `the keys that ${name} ${version} delegates ${next} to`, where);
    name = next;
  }
  if (delegators.length === 0)
    throw requestInvalid(where, `no delegator is given for the delegated role ${role}`);
  return { side, unsigned };
}

function delegationSide(
  delegations: Delegations | undefined,
  name: string,
  by: string,
  where: string,
): RequestSide {
  const role = delegations && !isTopLevelRole(name) ? keysForRole(delegations, name) : undefined;
  if (delegations === undefined || role === undefined)
    throw requestInvalid(where, `the role ${name} is not delegated by the delegators in the request`);
  return { by, role, keys: delegations.keys, delegations };
}

/** A file of a targets role, read but not believed. */
function readTargetsFile(bytes: Uint8Array, file: string): Envelope {
  checkLimit(bytes, defaultLimits.maxTargetsLength, file);
  return parseEnvelope(bytes, defaultLimits, file);
}

export function meetsThreshold(envelope: Envelope, { role, keys }: RequestSide): boolean {
  return countSignatures(envelope, role, keys).signedBy.length >= role.threshold;
}
