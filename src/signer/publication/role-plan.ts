/**
 * Which roles are signed, with which version, expiry and keys. Pure.
 *
 * 1. Nobody types a version: each role gets the number after the highest that is published or was ever seen, or the
 *    one that it was signed with elsewhere. (A number that a crashed publication has burned is passed over later.)
 * 2. What changes pulls along what lists it: delegated roles and targets → snapshot → timestamp.
 * 3. What its keys no longer vouch for is signed anew by those that do, and so is what has expired, once anything is
 *    signed. An expired delegated role is left to its own keys.
 */
import { snapshotEntryName } from '../../metadata/file-names.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import type { Expiration } from '../workspace/expiration.ts';
import type { DelegatedPlace } from './delegation-plan.ts';
import { lacksSignatures } from './delegation-plan.ts';
import type { LiveRepository } from './live-repository.ts';

/** The top-level roles that a publication signs, in the order of writing. */
export const publishedRoles = ['targets', 'snapshot', 'timestamp'] as const;
export type PublishedRole = (typeof publishedRoles)[number];

export function isPublishedRole(role: string): role is PublishedRole {
  return (publishedRoles as readonly string[]).includes(role);
}

/** A file that was signed elsewhere, by a ceremony. Times in milliseconds since the epoch. */
export interface SignedRole {
  readonly bytes: Uint8Array;
  readonly version: number;
  /** When its content was planned: what depends on the time was computed for this moment. */
  readonly plannedAt: number;
  readonly expires: number;
}

/** One role that will be signed. Times in milliseconds since the epoch. */
export interface PlannedRole {
  /** `targets`, `snapshot`, `timestamp`, or the name of a delegated role. */
  readonly role: string;
  /** undefined: there is none yet. */
  readonly from: number | undefined;
  readonly to: number;
  readonly expiresFrom: number | undefined;
  readonly expires: number;
  readonly keys: RoleKeys;
  /** Names of the keys, in the order of `keys`. */
  readonly keyNames: readonly string[];
  /** True when its signatures came from elsewhere. */
  readonly signed: boolean;
}

export interface RolesInput {
  readonly live: LiveRepository;
  readonly places: readonly DelegatedPlace[];
  /** Targets roles whose content changes. */
  readonly changed: ReadonlySet<string>;
  /** True when who signs delegated roles changes. */
  readonly delegationsChange: boolean;
  readonly renew: ReadonlySet<string>;
  readonly signed: ReadonlyMap<string, SignedRole>;
  readonly expiration: Expiration;
  readonly names: ReadonlyMap<string, NamedKey>;
  readonly now: number;
}

/** Children first; none when nothing changes. */
export function planRoles(input: RolesInput): readonly PlannedRole[] {
  const wanted = new Set([...input.renew, ...input.live.unsigned, ...input.signed.keys(), ...input.changed]);
  if (signedRoles(input, wanted).length === 0) return [];
  return signedRoles(input, wanted.union(expiredRoles(input))).map((role) => plannedRole(role, input));
}

function signedRoles(
  { live, places, delegationsChange }: RolesInput,
  wanted: ReadonlySet<string>,
): readonly string[] {
  const isFirst = live.published === undefined;
  const delegated = places
    .filter(
      (place) =>
        wanted.has(place.name) ||
        place.published === undefined ||
        (delegationsChange && lacksSignatures(place)),
    )
    .map(({ name }) => name);
  const targets = isFirst || delegationsChange || wanted.has('targets');
  const snapshot = targets || delegated.length > 0 || wanted.has('snapshot');
  const timestamp = snapshot || live.missingRoots.length > 0 || wanted.has('timestamp');
  const changes: Readonly<Record<PublishedRole, boolean>> = { targets, snapshot, timestamp };
  return [...delegated, ...publishedRoles.filter((role) => changes[role])];
}

/** No host would take what is signed beside them. */
function expiredRoles({ live: { published }, now }: RolesInput): ReadonlySet<string> {
  return new Set(
    published === undefined ? [] : publishedRoles.filter((role) => published[role].expires <= now),
  );
}

function plannedRole(role: string, input: RolesInput): PlannedRole {
  const { live, expiration, names, now } = input;
  const document = isPublishedRole(role)
    ? live.published?.[role]
    : live.published?.delegated.get(role)?.document;
  const { keyIds, threshold } = keysOf(role, input);
  const signed = input.signed.get(role);
  const validity = expiration[isPublishedRole(role) ? role : 'targets'];
  return {
    role,
    from: document?.version,
    to: signed?.version ?? Math.max(document?.version ?? 0, floorOf(role, live)) + 1,
    expiresFrom: document?.expires,
    expires: signed?.expires ?? Math.floor((now + validity) / 1000) * 1000,
    keys: { keyIds, threshold },
    keyNames: keyIds.map((id) => names.get(id)?.name ?? id.slice(0, 12)),
    signed: signed !== undefined,
  };
}

function keysOf(role: string, { live, places }: RolesInput): RoleKeys {
  if (isPublishedRole(role)) return live.root.roles[role];
  return places.find(({ name }) => name === role)?.keys ?? { keyIds: [], threshold: 1 };
}

/** The highest version that was ever seen. A role that is no longer delegated stays in the snapshot, and in the floors. */
export function floorOf(role: string, { floors, published }: LiveRepository): number {
  if (role === 'snapshot' || role === 'timestamp') return floors[role];
  const entry = snapshotEntryName(role);
  return Math.max(floors.meta.get(entry) ?? 0, published?.snapshot.meta.get(entry)?.version ?? 0);
}
