/**
 * Every bound on what a signed document may hold, and why it is there: each caps the work that bytes which
 * nobody has vouched for can cause, far above what a real repository needs.
 */
import type { JsonLimits } from './json.ts';

export interface DocumentLimits extends JsonLimits {
  /** Entries of `signatures` in one file. */
  readonly maxSignatures: number;
  /** Key objects in root or in one `delegations`. */
  readonly maxKeys: number;
  /** Key ids of one role. */
  readonly maxKeyIds: number;
  /** Roles in one `delegations`; larger sets use succinct roles. */
  readonly maxDelegatedRoles: number;
  /** Paths or hash prefixes of one delegated role. */
  readonly maxPaths: number;
  /** Characters of one path pattern: matching costs its length times that of the path. */
  readonly maxPatternLength: number;
  /** Characters of text and members in the `custom` of one target. */
  readonly maxCustomSize: number;
}

export const documentLimits: DocumentLimits = {
  maxDepth: 64,
  maxValues: 4_000_000,
  maxDigits: 20,
  maxSignatures: 256,
  maxKeys: 512,
  maxKeyIds: 256,
  maxDelegatedRoles: 1024,
  maxPaths: 1024,
  maxPatternLength: 1024,
  maxCustomSize: 65_536,
};
