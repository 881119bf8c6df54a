/**
 * What may be believed at one moment, and the rules by which a further file joins it (TUF specification
 * 1.0.34, section 5, the detailed client workflow). A set is never changed: each rule takes a set and bytes
 * and returns a new set, or throws one coded error. The order of checks, from the cheapest and safest on:
 *
 * 1. the byte limit; then length and hashes, where a trusted parent states them
 * 2. UTF-8, strict JSON, the envelope
 * 3. the threshold over distinct keys; a new root needs the old root's threshold first, then its own
 * 4. field rules and the type of the document
 * 5. the identity of the repository, when the trusted root carries one
 * 6. versions: the next root exactly, no lower than any floor, exactly what the parent lists
 * 7. expiry at the fixed start time: a document is expired from the moment that it names
 */
import { TidegateError } from '../errors.ts';
import type { Document } from '../metadata/document.ts';
import { type Envelope, parseEnvelope } from '../metadata/envelope.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import { parseRoot, type RootDocument } from '../metadata/root.ts';
import { parseSnapshot, type SnapshotDocument } from '../metadata/snapshot.ts';
import type { TargetsDocument } from '../metadata/targets.ts';
import { parseTimestamp, type TimestampDocument } from '../metadata/timestamp.ts';
import { checkExpiry, checkIdentity, checkKeyIds, checkVersion, rollback } from './document-check.ts';
import { checkFile, checkLimit, statedLimit } from './file-check.ts';
import { type Floors, floorsUnderRoot, floorsWithSnapshot, floorsWithTimestamp } from './floors.ts';
import { limitsFor } from './limits.ts';
import type { TrustPolicy } from './policy.ts';
import { requireThreshold } from './threshold.ts';

export interface Verified<D extends Document> {
  readonly document: D;
  /** The bytes as they were received. */
  readonly bytes: Uint8Array;
}

export interface VerifiedTargets extends Verified<TargetsDocument> {
  readonly envelope: Envelope;
  /** The roles whose keys for this one were found to have signed it. */
  readonly delegators: ReadonlySet<string>;
}

export interface TrustedSet {
  readonly policy: TrustPolicy;
  readonly floors: Floors;
  readonly root: Verified<RootDocument>;
  readonly timestamp: Verified<TimestampDocument> | undefined;
  readonly snapshot: Verified<SnapshotDocument> | undefined;
  /** `targets` and delegated roles by name. */
  readonly targets: ReadonlyMap<string, VerifiedTargets>;
}

/**
 * The trust anchor, from outside the repository (5.2). It must be signed by its own keys; its expiry is not
 * asked, since it is where the walk begins, not where it ends.
 *
 * @throws length-limit, json-invalid, document-invalid, threshold-not-met and the like
 */
export function trustRoot(bytes: Uint8Array, policy: TrustPolicy, floors: Floors): TrustedSet {
  const file = 'trusted root';
  checkLimit(bytes, policy.limits.maxRootLength, file);
  const envelope = parseEnvelope(bytes, policy.limits, file);
  const document = parseRoot(envelope, policy.limits);
  checkKeyIds(document.keys, policy, file);
  requireThreshold(envelope, document.roles.root, document.keys, `root ${document.version}'s own root keys`);
  return {
    policy,
    floors,
    root: { document, bytes },
    timestamp: undefined,
    snapshot: undefined,
    targets: new Map(),
  };
}

/** The next root (5.3.3 to 5.3.9): signed by the trusted root's keys and by its own, one version higher. */
export function updateRoot(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  const { policy, root } = set;
  const file = metadataFileName('root', root.document.version + 1);
  checkLimit(bytes, policy.limits.maxRootLength, file);
  const envelope = parseEnvelope(bytes, policy.limits, file);
  const trusted = root.document;
  requireThreshold(envelope, trusted.roles.root, trusted.keys, `root ${trusted.version}'s root keys`);
  const document = parseRoot(envelope, policy.limits);
  checkKeyIds(document.keys, policy, file);
  requireThreshold(envelope, document.roles.root, document.keys, 'its own root keys');
  checkIdentity(document, trusted.repository);
  checkVersion(file, document.version, trusted.version + 1);
  return { ...set, root: { document, bytes } };
}

/**
 * Ends the walk over roots (5.3.10 to 5.3.12): the last root is the newest one seen, is not expired and
 * declares consistent snapshots where the policy wants them. Floors are carried over or fall here; when they
 * fall, stored timestamps and snapshots must be deleted, since a key that stayed could raise the floors again.
 *
 * @throws rollback, expired, consistent-snapshot-required
 */
export function finishRoot(set: TrustedSet): TrustedSet {
  const { document } = set.root;
  const file = `root ${document.version}`;
  if (document.version < set.floors.root) throw rollback(file, 'root', document.version, set.floors.root);
  checkExpiry(document, set.policy.now, file);
  if (set.policy.requireConsistentSnapshot && !document.consistentSnapshot) {
    throw new TidegateError(
      'consistent-snapshot-required',
      `${file}: consistent_snapshot is not true; a host would mix old and new files during a publication`,
      { file, expected: true, found: false },
    );
  }
  return { ...set, floors: floorsUnderRoot(set.floors, document) };
}

/**
 * A timestamp from the repository (5.4). One with the version of the trusted timestamp is discarded without
 * an error, and the trusted one stays.
 *
 * @throws rollback, expired and everything that a damaged or foreign file causes
 */
export function updateTimestamp(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  const next = joinTimestamp(set, bytes);
  checkExpiry(next.timestamp.document, set.policy.now, metadataFileName('timestamp'));
  return next;
}

/** A timestamp stored earlier. It may have expired since: it only serves to recognise what is older. */
export function restoreTimestamp(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  return joinTimestamp(set, bytes);
}

type WithTimestamp = TrustedSet & { readonly timestamp: Verified<TimestampDocument> };

function joinTimestamp(set: TrustedSet, bytes: Uint8Array): WithTimestamp {
  const file = metadataFileName('timestamp');
  const { policy, root, floors, timestamp } = set;
  checkLimit(bytes, policy.limits.maxTimestampLength, file);
  const envelope = parseEnvelope(bytes, policy.limits, file);
  requireThreshold(
    envelope,
    root.document.roles.timestamp,
    root.document.keys,
    `root ${root.document.version}'s timestamp keys`,
  );
  const document = parseTimestamp(envelope);
  checkIdentity(document, root.document.repository);
  if (document.version < floors.timestamp)
    throw rollback(file, 'timestamp', document.version, floors.timestamp);
  if (timestamp?.document.version === document.version) return { ...set, timestamp };
  const listed = document.snapshot.version;
  if (listed < floors.snapshot) throw rollback(file, 'the snapshot that it lists', listed, floors.snapshot);
  return {
    ...set,
    timestamp: { document, bytes },
    floors: floorsWithTimestamp(floors, document),
    snapshot: undefined,
    targets: new Map(),
  };
}

/** The snapshot that the trusted timestamp names (5.5). Nothing that it lists may be older or gone. */
export function updateSnapshot(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  const { policy, root } = set;
  const { snapshot: meta } = requireTimestamp(set).document;
  const file = metadataFileName('snapshot', meta.version);
  checkLimit(bytes, snapshotLimit(set), file);
  checkFile(bytes, meta, file);
  const envelope = parseEnvelope(bytes, limitsFor(meta, policy.limits), file);
  requireThreshold(
    envelope,
    root.document.roles.snapshot,
    root.document.keys,
    `root ${root.document.version}'s snapshot keys`,
  );
  const document = parseSnapshot(envelope);
  checkIdentity(document, root.document.repository);
  checkVersion(file, document.version, meta.version);
  for (const [name, floor] of set.floors.meta) {
    const listed = document.meta.get(name)?.version;
    if (listed === undefined || listed < floor) throw rollback(file, name, listed, floor);
  }
  checkExpiry(document, policy.now, file);
  return {
    ...set,
    snapshot: { document, bytes },
    floors: floorsWithSnapshot(set.floors, document),
    targets: new Map(),
  };
}

/** Bytes that a snapshot may have. @throws length-limit when the stated length is absurd */
export function snapshotLimit(set: TrustedSet): number {
  const { limits } = set.policy;
  const { snapshot } = requireTimestamp(set).document;
  return statedLimit(snapshot, limits.maxSnapshotLength, limits, 'snapshot');
}

export function requireTimestamp(set: TrustedSet): Verified<TimestampDocument> {
  if (set.timestamp === undefined)
    throw new TidegateError('internal', 'a snapshot was asked for before a timestamp was trusted');
  return set.timestamp;
}

export function requireSnapshot(set: TrustedSet): Verified<SnapshotDocument> {
  if (set.snapshot === undefined)
    throw new TidegateError('internal', 'targets were asked for before a snapshot was trusted');
  return set.snapshot;
}
