/**
 * Every bound on what is fetched and walked before it is trusted, in one place. A length that a trusted parent
 * states takes the place of the role's own limit, but never passes `maxStatedLength`. It raises that limit only
 * beside a hash: without one, anybody can send other bytes of that length, and all of them would be read.
 */

import type { FileMeta } from '../metadata/file-meta.ts';
import { type DocumentLimits, documentLimits } from '../metadata/limits.ts';

export interface Limits extends DocumentLimits {
  /** Bytes of one root file. */
  readonly maxRootLength: number;
  /** Bytes of timestamp.json. */
  readonly maxTimestampLength: number;
  /** Bytes of a snapshot whose hash the timestamp does not state. */
  readonly maxSnapshotLength: number;
  /** Bytes of a targets role whose hash the snapshot does not state. */
  readonly maxTargetsLength: number;
  /** Bytes of a file whose length and hash a parent states. */
  readonly maxStatedLength: number;
  /** JSON values of a snapshot or targets role whose hash no parent states; with a hash, `maxValues` holds. */
  readonly maxUnhashedValues: number;
  /** New root versions walked in one refresh. */
  readonly maxRootRotations: number;
  /** Delegated roles visited in one search, the top-level one included. */
  readonly maxVisitedRoles: number;
}

export const defaultLimits: Limits = {
  ...documentLimits,
  maxRootLength: 524_288,
  maxTimestampLength: 16_384,
  maxSnapshotLength: 2_097_152,
  maxTargetsLength: 5_242_880,
  maxStatedLength: 67_108_864,
  maxUnhashedValues: 125_000,
  maxRootRotations: 256,
  maxVisitedRoles: 64,
};

/** The bounds for the reading of a file, by what its parent says of it. */
export function limitsFor(meta: FileMeta, limits: Limits): Limits {
  if (meta.hashes !== undefined) return limits;
  return { ...limits, maxValues: Math.min(limits.maxValues, limits.maxUnhashedValues) };
}
