/**
 * Floors: the lowest versions that may still be believed, remembered apart from the files themselves so that
 * losing a file never loses the protection (TUF specification 5.4.3, 5.5.5).
 *
 * 1. Floors only rise, with each document that was verified and accepted.
 * 2. The floor of timestamp, snapshot and everything that the snapshot lists falls away in one case alone: a
 *    new root no longer trusts a key with which timestamp or snapshot could be signed when the floor was set
 *    (5.3.11, recovery from a fast-forward attack).
 */
import { publicKeysOf } from '../metadata/keys.ts';
import type { RootDocument } from '../metadata/root.ts';
import type { SnapshotDocument } from '../metadata/snapshot.ts';
import type { TimestampDocument } from '../metadata/timestamp.ts';

export interface Floors {
  readonly root: number;
  readonly timestamp: number;
  readonly snapshot: number;
  /** Versions by entry name of the snapshot (`targets.json`); an entry here may not vanish. */
  readonly meta: ReadonlyMap<string, number>;
  /** The distinct public keys that could sign timestamp and snapshot when the floors were set. */
  readonly timestampKeys: ReadonlySet<string>;
  readonly snapshotKeys: ReadonlySet<string>;
}

export const noFloors: Floors = {
  root: 0,
  timestamp: 0,
  snapshot: 0,
  meta: new Map(),
  timestampKeys: new Set(),
  snapshotKeys: new Set(),
};

/** The floors under a newly trusted root. */
export function floorsUnderRoot(floors: Floors, root: RootDocument): Floors {
  const timestampKeys = publicKeysOf(root.roles.timestamp, root.keys);
  const snapshotKeys = publicKeysOf(root.roles.snapshot, root.keys);
  const version = Math.max(floors.root, root.version);
  const revoked =
    !floors.timestampKeys.isSubsetOf(timestampKeys) || !floors.snapshotKeys.isSubsetOf(snapshotKeys);
  return { ...(revoked ? noFloors : floors), root: version, timestampKeys, snapshotKeys };
}

/** The floors after an accepted timestamp. */
export function floorsWithTimestamp(floors: Floors, timestamp: TimestampDocument): Floors {
  return {
    ...floors,
    timestamp: Math.max(floors.timestamp, timestamp.version),
    snapshot: Math.max(floors.snapshot, timestamp.snapshot.version),
  };
}

/** The floors after an accepted snapshot. */
export function floorsWithSnapshot(floors: Floors, snapshot: SnapshotDocument): Floors {
  const meta = new Map(Array.from(snapshot.meta, ([name, { version }]) => [name, version]));
  return { ...floors, snapshot: Math.max(floors.snapshot, snapshot.version), meta };
}
