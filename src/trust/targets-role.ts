/**
 * Targets roles join the trusted set (TUF specification 5.6): the top-level one signed by the root's keys,
 * delegated ones by the keys of the role that delegates to them. A role that two roles delegate to is
 * verified for each of them.
 */
import { TidegateError } from '../errors.ts';
import { type Delegations, keysForRole } from '../metadata/delegations.ts';
import { type Envelope, parseEnvelope } from '../metadata/envelope.ts';
import type { FileMeta } from '../metadata/file-meta.ts';
import { metadataFileName, snapshotEntryName } from '../metadata/file-names.ts';
import type { KeySet, RoleKeys } from '../metadata/keys.ts';
import { printable } from '../metadata/printable.ts';
import { parseTargets } from '../metadata/targets.ts';
import { checkExpiry, checkIdentity, checkKeyIds, checkVersion } from './document-check.ts';
import { checkFile, checkLimit, statedLimit } from './file-check.ts';
import { limitsFor } from './limits.ts';
import type { TrustPolicy } from './policy.ts';
import { requireThreshold } from './threshold.ts';
import { requireSnapshot, type TrustedSet } from './trusted-set.ts';

/** The role whose delegations (for `targets`: whose roles) say who signs `role`. */
export interface RoleReference {
  readonly role: string;
  /** `root` for the top-level targets role. */
  readonly delegator: string;
}

export const topLevelTargets: RoleReference = { role: 'targets', delegator: 'root' };

/** True when the role is trusted already, under this delegator's keys. */
export function isTrusted(set: TrustedSet, { role, delegator }: RoleReference): boolean {
  return set.targets.get(role)?.delegators.has(delegator) ?? false;
}

/** @throws hash-mismatch, threshold-not-met, version-mismatch, expired and the like, as for every role */
export function updateTargets(set: TrustedSet, bytes: Uint8Array, reference: RoleReference): TrustedSet {
  const { policy } = set;
  const meta = listedMeta(set, reference.role);
  const file = metadataFileName(reference.role, meta.version);
  checkLimit(bytes, targetsLimit(set, reference.role), file);
  checkFile(bytes, meta, file);
  const envelope = parseEnvelope(bytes, limitsFor(meta, policy.limits), file);
  checkSigners(set, envelope, reference);
  const document = parseTargets(envelope, policy.limits);
  checkIdentity(document, set.root.document.repository);
  checkVersion(file, document.version, meta.version);
  checkExpiry(document, policy.now, file);
  if (document.delegations !== undefined) checkDelegations(document.delegations, policy, file);
  const verified = { document, bytes, envelope, delegators: new Set([reference.delegator]) };
  return { ...set, targets: new Map(set.targets).set(reference.role, verified) };
}

/** @throws delegations-not-allowed, document-invalid */
function checkDelegations(delegations: Delegations, policy: TrustPolicy, file: string): void {
  const { keys, roles, succinct } = delegations;
  checkKeyIds(keys, policy, file);
  if (policy.allowDelegations || (roles.length === 0 && succinct === undefined)) return;
  throw new TidegateError(
    'delegations-not-allowed',
    `${file}: delegates to other roles, which is not allowed here`,
    { file },
  );
}

/**
 * Verifies a role that is trusted through another delegator for this one too, without reading it again.
 * A set in which the role is missing is returned as it is.
 */
export function confirmTargets(set: TrustedSet, reference: RoleReference): TrustedSet {
  const known = set.targets.get(reference.role);
  if (known === undefined || known.delegators.has(reference.delegator)) return set;
  checkSigners(set, known.envelope, reference);
  const delegators = new Set([...known.delegators, reference.delegator]);
  return { ...set, targets: new Map(set.targets).set(reference.role, { ...known, delegators }) };
}

/** Bytes that a targets role may have. @throws length-limit, role-not-in-snapshot */
export function targetsLimit(set: TrustedSet, role: string): number {
  const { limits } = set.policy;
  return statedLimit(listedMeta(set, role), limits.maxTargetsLength, limits, role);
}

/** What the trusted snapshot says of a targets role. @throws role-not-in-snapshot */
export function listedMeta(set: TrustedSet, role: string): FileMeta {
  const { document } = requireSnapshot(set);
  const meta = document.meta.get(snapshotEntryName(role));
  if (meta !== undefined) return meta;
  throw new TidegateError(
    'role-not-in-snapshot',
    `role "${printable(role)}" is not listed in snapshot ${document.version}`,
    {
      role: printable(role),
      snapshot: document.version,
    },
  );
}

function checkSigners(set: TrustedSet, envelope: Envelope, reference: RoleReference): void {
  const { keys, roleKeys, signers } = signersOf(set, reference);
  requireThreshold(envelope, roleKeys, keys, signers);
}

function signersOf(
  set: TrustedSet,
  { role, delegator }: RoleReference,
): { keys: KeySet; roleKeys: RoleKeys; signers: string } {
  const root = set.root.document;
  if (delegator === 'root')
    return { keys: root.keys, roleKeys: root.roles.targets, signers: `root ${root.version}'s targets keys` };
  const delegations = set.targets.get(delegator)?.document.delegations;
  const roleKeys = delegations === undefined ? undefined : keysForRole(delegations, role);
  if (delegations === undefined || roleKeys === undefined) {
    throw new TidegateError(
      'internal',
      `role ${printable(role)} is not delegated by ${printable(delegator)}`,
    );
  }
  return {
    keys: delegations.keys,
    roleKeys,
    signers: `the keys that ${printable(delegator)} delegates ${printable(role)} to`,
  };
}
