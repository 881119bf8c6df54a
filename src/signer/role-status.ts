/** The roles of a repository, delegated ones too: who signed, how long they live, whether something is to be done. Pure. */
import { type Envelope, parseEnvelope } from '../metadata/envelope.ts';
import { snapshotEntryName } from '../metadata/file-names.ts';
import type { KeySet, RoleKeys } from '../metadata/keys.ts';
import { topLevelRoles } from '../metadata/role-name.ts';
import { defaultLimits } from '../trust/limits.ts';
import { countSignatures } from '../trust/threshold.ts';
import type { NamedKey } from './keys/key-ring.ts';
import type { LiveRepository } from './publication/live-repository.ts';
import { dueRoles } from './refresh.ts';
import { signersOf } from './role-signers.ts';
import type { Expiration } from './workspace/expiration.ts';

export interface RoleStatus {
  readonly role: string;
  /** For a delegated role, who delegates to it; undefined for a top-level one. */
  readonly delegator: string | undefined;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Milliseconds until then; negative when it has passed. */
  readonly remaining: number;
  /** `unsigned`: it lacks signatures under the root in force, so it must be published anew. */
  readonly state: 'good' | 'due' | 'unsigned' | 'expired';
  readonly signatures: {
    readonly have: number;
    readonly need: number;
    /** Names of the keys that signed. */
    readonly by: readonly string[];
    /** Names of the keys of the role that did not. */
    readonly without: readonly string[];
  };
}

/** A new root needs people and safes: due eight weeks before its end. */
const rootNotice = 8 * 7 * 24 * 3_600_000;

export interface RoleContext {
  readonly expiration: Expiration;
  /** By key id. */
  readonly keys: ReadonlyMap<string, NamedKey>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Root always; the others once they are published, in the order in which hosts come to them. */
export function roleStatusesOf(live: LiveRepository, context: RoleContext): readonly RoleStatus[] {
  return [...topLevelStatuses(live, context), ...delegatedStatuses(live, context)];
}

function topLevelStatuses(live: LiveRepository, context: RoleContext): readonly RoleStatus[] {
  const due = dueOf(live, context.expiration, context.now);
  return topLevelRoles.flatMap((role) => {
    const document = role === 'root' ? live.root : live.published?.[role];
    const bytes = role === 'root' ? live.roots.at(-1) : live.published?.bytes[role];
    if (document === undefined || bytes === undefined) return [];
    const envelope = parseEnvelope(bytes, defaultLimits, snapshotEntryName(role));
    const signers = { role: live.root.roles[role], keys: live.root.keys };
    const unsigned = role !== 'root' && live.unsigned.has(role);
    const state = unsigned ? 'unsigned' : due.has(role) ? 'due' : 'good';
    return [statusOfOne({ role, delegator: undefined, document, envelope, signers, state }, context)];
  });
}

function delegatedStatuses(live: LiveRepository, context: RoleContext): readonly RoleStatus[] {
  const due = dueRoles(live, context.expiration, context.now);
  return [...(live.published?.delegated ?? [])].flatMap(([role, { document, envelope }]) => {
    const signers = signersOf(live, role);
    if (signers?.delegator === undefined) return [];
    const state = due.has(role) ? 'due' : 'good';
    return [statusOfOne({ role, delegator: signers.delegator, document, envelope, signers, state }, context)];
  });
}

interface OneRole {
  readonly role: string;
  readonly delegator: string | undefined;
  readonly document: { readonly version: number; readonly expires: number };
  readonly envelope: Envelope;
  readonly signers: { readonly role: RoleKeys; readonly keys: KeySet };
  /** What it is when it has not expired. */
  readonly state: RoleStatus['state'];
}

function statusOfOne(
  { role, delegator, document, envelope, signers, state }: OneRole,
  { keys, now }: RoleContext,
): RoleStatus {
  const { version, expires } = document;
  const { signedBy, threshold } = countSignatures(envelope, signers.role, signers.keys);
  const named = (ids: readonly string[]): readonly string[] =>
    ids.map((id) => keys.get(id)?.name ?? id.slice(0, 12));
  const without = signers.role.keyIds.filter((id) => !signedBy.includes(id));
  const signatures = { have: signedBy.length, need: threshold, by: named(signedBy), without: named(without) };
  const remaining = expires - now;
  const shown = remaining <= 0 ? 'expired' : state;
  return { role, delegator, version, expires, remaining, state: shown, signatures };
}

function dueOf(live: LiveRepository, expiration: Expiration, now: number): ReadonlySet<string> {
  const due = new Set(dueRoles(live, expiration, now));
  if (live.root.expires - now < rootNotice) due.add('root');
  return due;
}
