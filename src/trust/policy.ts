/** What a caller decides about an update before it begins: its time, its bounds, and how strict it is. */
import type { Limits } from './limits.ts';

export interface TrustPolicy {
  /** The start of the update, in milliseconds since the epoch. One value for the whole of it (5.1). */
  readonly now: number;
  readonly limits: Limits;
  /** Refuse repositories whose files are overwritten in place. Hosts do. */
  readonly requireConsistentSnapshot: boolean;
  readonly allowDelegations: boolean;
  /** Refuse key ids that are not the hash of the key. Off, ids are labels (TAP 12). */
  readonly requireHashedKeyIds: boolean;
}
