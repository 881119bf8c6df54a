/**
 * A signing request: one file with everything that a person needs to see what he signs, and to sign it, on a machine
 * without network or workspace. What it holds, and how far each part is believed:
 *
 * 1. `payload` is the very bytes that are signed. What is shown is computed from them.
 * 2. `roots` is a chain that is verified link by link; it ends at the root in force. Whether it is the chain of the
 *    repository that is meant, only the signer's own trusted root can tell (trusted-root.ts).
 * 3. `delegators` lead from `targets` to whoever delegates to the role. Each is verified with the keys of the one
 *    before; one that is not signed yet is kept, and named in `unsigned`.
 * 4. `previous` counts only where keys of the chain or of the delegators verify it; otherwise nothing counts as seen.
 * 5. `owners`, `policy`, `plannedAt` and `base` are claims of whoever wrote the file: shown as such, never decided by.
 */
import { TidegateError } from '../../errors.ts';
import type { Delegations } from '../../metadata/delegations.ts';
import type { WrittenSignature } from '../../metadata/envelope.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { KeySet, RoleKeys } from '../../metadata/keys.ts';
import type { TopLevelRole } from '../../metadata/role-name.ts';

/** Bytes of a request file: a targets role of five megabytes, twice, escaped, and its attachments. */
export const maxRequestLength = 33_554_432;

/** A delegating role with its metadata file. */
export interface Delegator {
  readonly role: string;
  readonly bytes: Uint8Array;
}

/** What the file holds, decoded but not verified. */
export interface RequestContent {
  /** The name of the repository; empty for one whose documents carry none. */
  readonly repository: string;
  readonly role: string;
  /** Canonical JSON: what signatures cover. */
  readonly payload: Uint8Array;
  /** Root files in the order of their versions, up to the one in force; none for a first root. */
  readonly roots: readonly Uint8Array[];
  /** For a delegated role: the files of `targets` and of the roles below it, down to the one that delegates to it. */
  readonly delegators: readonly Delegator[];
  /** The file of the role's version before; for root it is the last of `roots`, and not given. */
  readonly previous: Uint8Array | undefined;
  /** Names of people by key id. */
  readonly owners: ReadonlyMap<string, string>;
  /** The longest validity in milliseconds that the writer's policy allows this role. */
  readonly longestValidity: number | undefined;
  /** Milliseconds since the epoch. */
  readonly plannedAt: number;
  /** SHA-256 of the `timestamp.json` that it was planned from; undefined before the first publication. */
  readonly base: string | undefined;
  /** Texts of targets that the payload lists, by target path, so that they can be read too: the manifest. */
  readonly attachments: ReadonlyMap<string, Uint8Array>;
  /** The same for what the version before lists. */
  readonly previousAttachments: ReadonlyMap<string, Uint8Array>;
  readonly signatures: readonly WrittenSignature[];
}

/** Keys of which enough must sign. A root that follows another has two sides. */
export interface RequestSide {
  /** Whose keys: "root 4's keys", "root 4's targets keys". */
  readonly by: string;
  readonly role: RoleKeys;
  readonly keys: KeySet;
  /** Of a delegated role, who delegates to it for which paths. */
  readonly delegations?: Delegations;
}

/** A request of which everything was verified that can be. Made by `verifiedRequest` alone. */
export interface SigningRequest extends RequestContent {
  /** The file, for messages. */
  readonly where: string;
  /** What kind of document it is; a delegated role is of the kind `targets`. */
  readonly type: TopLevelRole;
  readonly version: number;
  /** The payload, read. */
  readonly document: JsonObject;
  /** Of the payload, in hexadecimal. */
  readonly sha256: string;
  readonly sides: readonly RequestSide[];
  /** The version before, where it is verified. */
  readonly before: JsonObject | undefined;
  /** True when a version before was given and no key at hand verifies it. */
  readonly previousUnverified: boolean;
  /** Delegating roles that do not meet their own threshold yet. */
  readonly unsigned: readonly string[];
  /** The version of the root in force; undefined for a first root. */
  readonly rootVersion: number | undefined;
}

export function requestInvalid(where: string, problem: string, cause?: unknown): TidegateError {
  const message = `${where}: ${problem}. Nothing was signed or written`;
  return new TidegateError('request-invalid', message, { file: where }, cause === undefined ? {} : { cause });
}
