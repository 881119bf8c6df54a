/**
 * What a publication would change: computed from what is published, the drafts and the policies alone. Writes nothing.
 *
 * 1. Nobody types a version: each changed role gets the number after the highest that is published or was ever seen.
 *    (A number that a crashed publication has burned is passed over when it is published.)
 * 2. Everything that is listed stays listed. A target name that is taken by other bytes is refused.
 * 3. What changes pulls along what lists it: targets → snapshot → timestamp.
 * 4. What the keys of a new root no longer vouch for is signed again by those that do, and so is what has expired, once
 *    anything is signed.
 * 5. The digest covers everything that decides what will be signed, but not who could sign here and now.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import type { JsonObject, JsonValue } from '../../metadata/json.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import type { TargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { formatManifest } from '../../waves/manifest.ts';
import { type Manifest, type Release, releaseKey } from '../../waves/release.ts';
import { addRelease, type NewRelease } from '../../waves/releases.ts';
import type { Schedule } from '../../waves/wave-policy.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import type { Draft, DraftImage } from '../release/draft.ts';
import type { Expiration } from '../workspace/expiration.ts';
import { targetObject } from './documents.ts';
import type { LiveRepository } from './live-repository.ts';
import { planDigest } from './plan-json.ts';

/** The roles that a publication signs, in the order of writing. */
export const publishedRoles = ['targets', 'snapshot', 'timestamp'] as const;
export type PublishedRole = (typeof publishedRoles)[number];

export interface ScheduledDraft {
  readonly draft: Draft;
  readonly schedule: Schedule;
}

export interface PlanInput {
  /** The name of the repository, as it is signed. */
  readonly repository: string;
  readonly live: LiveRepository;
  readonly drafts: readonly ScheduledDraft[];
  readonly expiration: Expiration;
  /** Names of keys, by id. */
  readonly names: ReadonlyMap<string, NamedKey>;
  /** Roles to sign again though nothing in them changes. */
  readonly renew: ReadonlySet<PublishedRole>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One role that will be signed. Times in milliseconds since the epoch. */
export interface PlannedRole {
  readonly role: PublishedRole;
  /** undefined: there is none yet. */
  readonly from: number | undefined;
  readonly to: number;
  readonly expiresFrom: number | undefined;
  readonly expires: number;
  readonly keys: RoleKeys;
  /** Names of the keys, in the order of `keys`. */
  readonly keyNames: readonly string[];
}

/** A target that is new, or whose bytes change (the manifest alone). */
export interface PlannedTarget {
  readonly target: TargetPath;
  readonly length: number;
  readonly sha256: string;
  readonly source: DraftImage | Uint8Array;
}

export interface RepositoryPlan {
  readonly live: LiveRepository;
  readonly repository: string;
  readonly now: number;
  readonly renew: ReadonlySet<PublishedRole>;
  readonly roles: readonly PlannedRole[];
  readonly added: readonly PlannedTarget[];
  readonly releases: readonly Release[];
  readonly manifest: Manifest;
  /** All target objects of the new targets role. */
  readonly targets: JsonObject;
  readonly json: JsonObject;
  /** SHA-256 of the canonical form of `json`. */
  readonly digest: string;
}

/** The plan of one repository; undefined when nothing would change. @throws name-taken, release-invalid */
export function planRepository(input: PlanInput): RepositoryPlan | undefined {
  const { live, now, renew, repository } = input;
  const waiting = input.drafts.filter(({ draft }) => !isPublished(draft, live));
  const releases = waiting.map(releaseOf);
  const manifest = releases.reduce<Manifest>((sum, release) => addRelease(sum, release), live.manifest);
  const before: JsonObject = live.published?.targets.targets ?? new Map();
  const images = waiting.flatMap(({ draft }) => draft.images.map(plannedImage));
  const added = [...distinct(images, before), ...plannedManifest(manifest, before)];
  const targets = new Map<string, JsonValue>([
    ...before,
    ...added.map((target) => [target.target, targetObject(target)] as const),
  ]);
  const wanted = new Set([...renew, ...live.unsigned]);
  if (changedRoles(live, added.length > 0, wanted).length === 0) return undefined;
  const signed = changedRoles(live, added.length > 0, wanted.union(expiredRoles(live, now)));
  const roles = signed.map((role) => plannedRole(role, input));
  const whole = manifestAfter(manifest, releases);
  const plan = { live, repository, now, renew, roles, added, releases: whole, manifest, targets };
  return { ...plan, ...planDigest(plan) };
}

/** True when exactly this release is published: a publication that was interrupted late has done its work. */
export function isPublished(draft: Draft, live: Pick<LiveRepository, 'manifest' | 'published'>): boolean {
  const release = live.manifest.updates.find((update) => releaseKey(update) === releaseKey(draft));
  const { published } = live;
  if (release === undefined || published === undefined) return false;
  return draft.images.every(({ kind, target, sha256 }) => {
    const listed = targetOf(published.targets, target);
    return release.images[kind] === target && listed?.hashes.sha256 === sha256;
  });
}

/** Refuses an image under a name that is taken by other bytes. @throws name-taken */
export function checkNameFree(
  { target, length, sha256 }: Pick<PlannedTarget, 'target' | 'length' | 'sha256'>,
  taken: { readonly length: number; readonly hashes: { readonly sha256?: string } } | undefined,
  where: string,
): void {
  if (taken === undefined || (taken.length === length && taken.hashes.sha256 === sha256)) return;
  throw new TidegateError(
    'name-taken',
    `target ${target}: ${where} has other bytes under this name (SHA-256 ${taken.hashes.sha256}; the new ones have ${sha256}). Give the file a name with its version, or use the naming "standard"`,
    { target, found: sha256, expected: taken.hashes.sha256 ?? null },
  );
}

function releaseOf({ draft, schedule }: ScheduledDraft): NewRelease {
  const { variant, arch, version, maxVersion, spread, images } = draft;
  return {
    variant,
    arch,
    version,
    ...(maxVersion !== undefined && { maxVersion }),
    waves: schedule.waves,
    images: Object.fromEntries(images.map(({ kind, target }) => [kind, target])),
    spread,
    ...(schedule.lastWaveEnds !== undefined &&
      spread === 'linear' && { lastWaveEnds: schedule.lastWaveEnds }),
  };
}

/** The releases as they stand in the manifest: with the max_version in force. */
function manifestAfter(manifest: Manifest, releases: readonly NewRelease[]): readonly Release[] {
  const keys = new Set(releases.map(releaseKey));
  return manifest.updates.filter((update) => keys.has(releaseKey(update)));
}

function plannedImage(image: DraftImage): PlannedTarget {
  return { target: image.target, length: image.length, sha256: image.sha256, source: image };
}

/** Each name once; those that are listed already, with the same bytes, are left out. */
function distinct(images: readonly PlannedTarget[], before: JsonObject): readonly PlannedTarget[] {
  const seen = new Map<string, PlannedTarget>();
  for (const image of images) {
    refuseManifestName(image.target);
    const other = seen.get(image.target);
    checkNameFree(image, other && { length: other.length, hashes: other }, 'another draft');
    checkListed(image, before);
    seen.set(image.target, image);
  }
  return [...seen.values()].filter(({ target }) => !before.has(target));
}

/** @throws name-taken for an image that would bear the name of the list of releases */
export function refuseManifestName(target: TargetPath): void {
  if (target !== manifestTarget) return;
  const text = `${manifestTarget} is the name of the list of releases; an image needs another`;
  throw new TidegateError('name-taken', text, { target });
}

function checkListed(image: PlannedTarget, before: JsonObject): void {
  const listed = before.get(image.target);
  if (listed === undefined || sameJson(listed, targetObject(image))) return;
  const hash = /"sha256":"([0-9a-f]+)"/.exec(new TextDecoder().decode(canonicalBytes(listed)))?.[1];
  checkNameFree(
    image,
    { length: -1, hashes: hash === undefined ? {} : { sha256: hash } },
    'what is published',
  );
}

function plannedManifest(manifest: Manifest, before: JsonObject): readonly PlannedTarget[] {
  const bytes = formatManifest(manifest);
  const planned = { target: manifestTarget, length: bytes.byteLength, sha256: digestOf('sha256', bytes) };
  const listed = before.get(manifestTarget);
  if (listed !== undefined && sameJson(listed, targetObject(planned))) return [];
  return [{ ...planned, source: bytes }];
}

function sameJson(a: JsonValue, b: JsonValue): boolean {
  return Buffer.from(canonicalBytes(a)).equals(canonicalBytes(b));
}

/** No host would take what is signed beside them. */
function expiredRoles({ published }: LiveRepository, now: number): ReadonlySet<PublishedRole> {
  return new Set(
    published === undefined ? [] : publishedRoles.filter((role) => published[role].expires <= now),
  );
}

function changedRoles(
  live: LiveRepository,
  targetsChange: boolean,
  renew: ReadonlySet<PublishedRole>,
): readonly PublishedRole[] {
  const fresh = live.published === undefined || live.missingRoots.length > 0;
  const targets = live.published === undefined || targetsChange || renew.has('targets');
  const snapshot = targets || renew.has('snapshot');
  const timestamp = snapshot || fresh || renew.has('timestamp');
  const changes: Readonly<Record<PublishedRole, boolean>> = { targets, snapshot, timestamp };
  return publishedRoles.filter((role) => changes[role]);
}

function plannedRole(role: PublishedRole, { live, expiration, names, now }: PlanInput): PlannedRole {
  const document = live.published?.[role];
  const keys = live.root.roles[role];
  return {
    role,
    from: document?.version,
    to: Math.max(document?.version ?? 0, floorOf(role, live)) + 1,
    expiresFrom: document?.expires,
    expires: Math.floor((now + expiration[role]) / 1000) * 1000,
    keys,
    keyNames: keys.keyIds.map((id) => names.get(id)?.name ?? id.slice(0, 12)),
  };
}

function floorOf(role: PublishedRole, { floors }: LiveRepository): number {
  return role === 'targets' ? (floors.meta.get(snapshotEntryName('targets')) ?? 0) : floors[role];
}
