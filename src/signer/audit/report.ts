/** What an audit says. */
import type { Problem } from './problems.ts';
import type { ProfileFinding } from './profile/finding.ts';

export interface AuditedRole {
  readonly role: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

export interface AuditReport {
  readonly repository: string;
  readonly metadata: string;
  readonly targets: string;
  /** Whether a root from outside began the trust. Without one the repository agrees with itself, whoever made it. */
  readonly origin: 'proven' | 'unproven';
  /** Versions of roots that are there. */
  readonly roots: readonly number[];
  /** Of those, where a host that has them embedded does not come to the last. */
  readonly stranded: readonly number[];
  readonly roles: readonly AuditedRole[];
  readonly files: {
    /** Files of targets that roles list, those that are there, and those that were read whole and are right. */
    readonly listed: number;
    readonly present: number;
    readonly verified: number;
    /** Bytes that were read of them. */
    readonly bytes: number;
  };
  /** undefined: there is no manifest that can be read. */
  readonly releases: number | undefined;
  readonly problems: readonly Problem[];
  /** What the profile says, where one was asked for. */
  readonly profile: readonly ProfileFinding[];
}
