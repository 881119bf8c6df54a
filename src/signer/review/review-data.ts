/** A review as data, for programs: the same facts as the lines for people, with names as claims or confirmed. */
import { isJsonArray, isJsonObject, type JsonValue } from '../../metadata/json.ts';
import { formatTime } from '../../metadata/time.ts';
import type { SideProgress } from '../ceremony/request-signatures.ts';
import type { RequestSide } from '../ceremony/signing-request.ts';
import { fingerprintWords } from '../keys/fingerprint.ts';
import { type Change, objectOrNothing } from './change.ts';
import type { Difference } from './difference.ts';
import type { FileChange, FileChanges } from './file-change.ts';
import { type KeyChange, type KeyFacts, keyFacts, type OwnerNames } from './key-facts.ts';
import type { Review } from './request-review.ts';

export function reviewData(review: Review): { readonly [member: string]: unknown } {
  const { request, alarms, difference, progress, dropped, trustedRoot, names } = review;
  const { role, version, repository, sha256, payload, plannedAt, rootVersion } = request;
  return {
    role,
    version,
    repository,
    sha256,
    words: fingerprintWords(sha256),
    bytes: payload.length,
    planned_at: formatTime(plannedAt),
    root_in_force: rootVersion ?? null,
    trusted_root: trustedRoot ?? null,
    alarms,
    difference: differenceData(difference),
    signers: progress.map((side, index) => signerData(side, request.sides[index], names)),
    not_counted: dropped.map(({ keyId, why }) => ({ keyid: keyId, why })),
  };
}

/** A confirmed name belongs to the bytes of a key, so they are looked at here too. */
function signerData(
  { by, have, need, signed, missing }: SideProgress,
  side: RequestSide | undefined,
  names: OwnerNames,
): unknown {
  const owner = (id: string): unknown => {
    const key = keyFacts(id, objectOrNothing(side?.keys.get(id)?.json), names);
    return { keyid: id, owner: key.owner ?? null };
  };
  return { by, have, need, signed: signed.map(owner), missing: missing.map(owner) };
}

export function differenceData(difference: Difference): { readonly [member: string]: unknown } {
  const { type, differs, head, consistentSnapshot, keys, roles, delegations, targets, meta, others } =
    difference;
  return {
    type,
    differs,
    ...Object.fromEntries(Object.entries(head).map(([name, change]) => [name, changeData(change)])),
    consistentSnapshot: changeData(consistentSnapshot),
    keys: keys.map(keyChangeData),
    roles: roles.map(plain),
    delegations: {
      roles: delegations.roles.map(plain),
      reordered: delegations.reordered,
      others: plain(delegations.others),
    },
    targets: filesData(targets),
    meta: filesData(meta),
    others: plain(others),
  };
}

function changeData({ before, after }: Change): unknown {
  return { before: plain(before ?? null), after: plain(after ?? null) };
}

function keyChangeData({ state, key, before }: KeyChange): unknown {
  return { state, ...keyData(key), ...(before !== undefined && { before: keyData(before) }) };
}

export function keyData({ id, hash, owner, type, scheme, unusable }: KeyFacts): {
  readonly [member: string]: unknown;
} {
  return {
    keyid: id,
    hash,
    words: fingerprintWords(hash),
    owner: owner ?? null,
    keytype: type,
    scheme,
    ...(unusable !== undefined && { unusable }),
  };
}

function filesData({ changes, kept }: FileChanges): unknown {
  return { changes: changes.map((change: FileChange) => plain(change)), kept };
}

/** Maps become objects; integers beyond 2^53, which JSON of programs cannot hold, become text. */
export function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object') return value ?? null;
  if (isJsonObject(value as JsonValue))
    return Object.fromEntries(Array.from(value as Map<string, unknown>, entry));
  if (isJsonArray(value as JsonValue)) return (value as readonly unknown[]).map(plain);
  return Object.fromEntries(Object.entries(value).map(entry));
}

function entry([name, member]: readonly [string, unknown]): readonly [string, unknown] {
  return [name, plain(member)];
}
