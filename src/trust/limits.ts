/**
 * Every bound on what is fetched and walked before it is trusted, in one place. A length that a trusted parent
 * states takes the place of the role's own limit, but never passes `maxStatedLength`.
 */
import { type DocumentLimits, documentLimits } from '../metadata/limits.ts';

export interface Limits extends DocumentLimits {
  /** Bytes of one root file. */
  readonly maxRootLength: number;
  /** Bytes of timestamp.json. */
  readonly maxTimestampLength: number;
  /** Bytes of a snapshot whose length the timestamp does not state. */
  readonly maxSnapshotLength: number;
  /** Bytes of a targets role whose length the snapshot does not state. */
  readonly maxTargetsLength: number;
  /** Bytes of a file whose length a parent states. */
  readonly maxStatedLength: number;
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
  maxRootRotations: 256,
  maxVisitedRoles: 64,
};
