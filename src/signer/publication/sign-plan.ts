/**
 * From a plan to signed files. Children first: what is listed is signed before what lists it. The whole is put before
 * the rules of `trust/`, as a host at this moment would, before anything leaves this process.
 */

import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { isJsonObject, type JsonObject } from '../../metadata/json.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import { manifestTarget, metadataName, targetName } from '../../metadata/repository-layout.ts';
import { parseTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { searchTarget } from '../../trust/lookup.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import { requireImages } from '../../waves/release.ts';
import type { KeyRing, NamedKey } from '../keys/key-ring.ts';
import { signDocument } from '../keys/signing.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import {
  type DocumentHead,
  fileMeta,
  type ListedFile,
  snapshotDocument,
  targetsDocument,
  timestampDocument,
} from './documents.ts';
import { listedIn } from './live-repository.ts';
import type { RepositoryPlan } from './plan.ts';
import { overlaid, type ReadFile, type ReadRepository, readRepository } from './repository-reader.ts';
import { isPublishedRole, type PublishedRole } from './role-plan.ts';

/** Version numbers to be written, by role; they differ from the plan's where a number was burned. */
export type Versions = Readonly<Record<PublishedRole, number>> & { readonly [role: string]: number };

export interface SignedFiles {
  readonly versions: Versions;
  /** Names in the store → bytes, in the order of writing; timestamp.json is the last. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function plannedVersions({ live: { published }, roles }: RepositoryPlan): Versions {
  return {
    targets: published?.targets.version ?? 0,
    snapshot: published?.snapshot.version ?? 0,
    timestamp: published?.timestamp.version ?? 0,
    ...Object.fromEntries(roles.map(({ role, to }) => [role, to])),
  };
}

/** Under which name a role of this version is written. */
export function roleFileName({ live }: RepositoryPlan, role: string, versions: Versions): string {
  return metadataName(live.place.folders, role, role === 'timestamp' ? undefined : versions[role]);
}

/**
 * Signs what the plan changes. What was signed elsewhere is taken as it is.
 *
 * @param kept files signed earlier, by name: used again as they are
 * @throws signatures-missing, key-unusable, and what opening key files throws
 */
export async function signPlan(
  plan: RepositoryPlan,
  versions: Versions,
  keys: SignWith,
  kept: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<SignedFiles> {
  const files = new Map<string, Uint8Array>();
  for (const { role, keys: roleKeys } of plan.roles) {
    const name = roleFileName(plan, role, versions);
    const ready = kept.get(name) ?? plan.signed.get(role)?.bytes;
    const what = `${plan.live.place.name}: ${role} ${versions[role]}`;
    const document = ready === undefined ? unsignedDocument(plan, role, versions, files) : undefined;
    const request = document && { document, role: preferred(role, roleKeys, keys), what };
    const bytes = ready ?? (request && (await signDocument(request, keys.ring, keys.names)));
    if (bytes !== undefined) files.set(name, bytes);
  }
  return { versions, files };
}

export interface SignWith {
  readonly ring: KeyRing;
  readonly names: ReadonlyMap<string, NamedKey>;
  /** Names of keys that shall sign a role before others that its root still lists: those of tidegate.toml. */
  readonly wished?: Partial<Readonly<Record<string, { readonly keys: readonly string[] }>>>;
}

/** A key that is on its way out signs only where the others are not enough. */
function preferred(role: string, { keyIds, threshold }: RoleKeys, { names, wished }: SignWith): RoleKeys {
  const stays = (id: string): boolean => wished?.[role]?.keys.includes(names.get(id)?.name ?? '') === true;
  return { keyIds: [...keyIds.filter(stays), ...keyIds.filter((id) => !stays(id))], threshold };
}

/** What a role will say, before anybody has signed it. @param files of the roles that it lists, by name */
export function unsignedDocument(
  plan: RepositoryPlan,
  role: string,
  versions: Versions,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): JsonObject {
  const { published } = plan.live;
  const expires = plan.roles.find((candidate) => candidate.role === role)?.expires ?? 0;
  const version = versions[role] ?? 0;
  const head = { repository: plan.repository, version, expires };
  const listed = (child: string): ListedFile | undefined => {
    const bytes = files.get(roleFileName(plan, child, versions));
    return bytes && { version: versions[child] ?? 0, bytes };
  };
  if (role === 'snapshot') {
    const delegated = plan.roles.flatMap(({ role: child }) => {
      const file = isPublishedRole(child) ? undefined : listed(child);
      return file === undefined ? [] : [[child, file] as const];
    });
    return snapshotDocument(
      { ...head, base: published?.snapshot.json },
      listed('targets'),
      new Map(delegated),
    );
  }
  if (role === 'timestamp') return timestampOf(plan, head, listed('snapshot'));
  const base = listedIn(plan.live, role)?.json;
  const delegations = role === 'targets' && plan.delegationsChange ? plan.delegations : undefined;
  return targetsDocument({ ...head, base }, plan.contents.get(role) ?? new Map(), delegations);
}

function timestampOf(
  { live: { published } }: RepositoryPlan,
  head: DocumentHead,
  snapshot: ListedFile | undefined,
): JsonObject {
  const meta = published?.timestamp.json.get('meta');
  const before = isJsonObject(meta) ? meta.get(snapshotEntryName('snapshot')) : undefined;
  return timestampDocument(
    { ...head, base: published?.timestamp.json },
    snapshot === undefined ? (before ?? null) : fileMeta(snapshot),
  );
}

/** The manifest and the roots that are not in the store yet, by name. */
export function unsignedFiles({ live, added }: RepositoryPlan): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const { target, sha256, source } of added) {
    if (source instanceof Uint8Array) files.set(targetName(live.place.folders, target, sha256), source);
  }
  for (const version of live.missingRoots) {
    const bytes = live.roots.at(version - live.root.version - 1);
    if (bytes !== undefined) files.set(metadataName(live.place.folders, 'root', version), bytes);
  }
  return files;
}

/**
 * Reads what would stand in the store as hosts read it. One walk speaks for all: it begins with the first root, as a
 * fresh host does, and keeps the floors of a host that knows the present state.
 *
 * @param read the store, with whatever is not in it yet laid over
 * @throws what `trust/` throws; manifest-image-missing when a release lacks an image
 */
export async function checkAsHosts(
  plan: RepositoryPlan,
  read: ReadFile,
  now: number,
): Promise<ReadRepository> {
  const { floors, place, roots } = plan.live;
  const anchor = hostAnchor(roots);
  const request = { folders: place.folders, anchor, policy: trustPolicyAt(now), floors };
  const fresh = await readRepository(read, request);
  const document = fresh.set.targets.get('targets')?.document;
  for (const release of plan.releases) {
    requireImages(release, (path) => isFound(fresh.set, parseTargetPath(path)));
  }
  if (document === undefined || targetOf(document, manifestTarget) === undefined) {
    throw new TidegateError('internal', `${plan.live.place.name}: the new targets list no manifest`);
  }
  return fresh;
}

/** Every role is in the set, so that the search asks for none. */
function isFound(set: TrustedSet, path: TargetPath): boolean {
  const step = searchTarget(set, path).next();
  return step.done === true && step.value.found !== undefined;
}

/** What a host would find, were the files there already. */
export function withFiles(plan: RepositoryPlan, signed: SignedFiles, store: ReadFile): ReadFile {
  return overlaid(new Map([...unsignedFiles(plan), ...signed.files]), store);
}

export function timestampDigest(plan: RepositoryPlan, signed: Pick<SignedFiles, 'files'>): string {
  const bytes = signed.files.get(metadataName(plan.live.place.folders, 'timestamp')) ?? new Uint8Array();
  return digestOf('sha256', bytes);
}
