/**
 * From a plan to signed files. Children first: what is listed is signed before what lists it. The whole is put before
 * the rules of `trust/`, as a host at this moment would, before anything leaves this process.
 */

import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { isJsonObject, type JsonValue } from '../../metadata/json.ts';
import { manifestTarget, metadataName, targetName } from '../../metadata/repository-layout.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { requireImages } from '../../waves/release.ts';
import type { KeyRing, NamedKey } from '../keys/key-ring.ts';
import { signDocument } from '../keys/signing.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import { fileMeta, snapshotDocument, targetsDocument, timestampDocument } from './documents.ts';
import { type PublishedRole, publishedRoles, type RepositoryPlan } from './plan.ts';
import { overlaid, type ReadFile, type ReadRepository, readRepository } from './repository-reader.ts';

/** Version numbers to be written; they differ from the plan's where a number was burned. */
export type Versions = Readonly<Record<PublishedRole, number>>;

export interface SignedFiles {
  readonly versions: Versions;
  /** Names in the store → bytes, in the order of writing; timestamp.json is the last. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export function plannedVersions(plan: RepositoryPlan): Versions {
  const of = (role: PublishedRole): number => {
    const planned = plan.roles.find((candidate) => candidate.role === role);
    return planned?.to ?? plan.live.published?.[role].version ?? 0;
  };
  return { targets: of('targets'), snapshot: of('snapshot'), timestamp: of('timestamp') };
}

/** Under which name a role of this version is written. */
export function roleFileName({ live }: RepositoryPlan, role: PublishedRole, versions: Versions): string {
  return metadataName(live.place.folders, role, role === 'timestamp' ? undefined : versions[role]);
}

/**
 * Signs what the plan changes.
 *
 * @param kept files signed earlier, by name: used again as they are
 * @throws signatures-missing, key-unusable, and what opening key files throws
 */
export async function signPlan(
  plan: RepositoryPlan,
  versions: Versions,
  keys: { readonly ring: KeyRing; readonly names: ReadonlyMap<string, NamedKey> },
  kept: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<SignedFiles> {
  const files = new Map<string, Uint8Array>();
  for (const role of publishedRoles) {
    const planned = plan.roles.find((candidate) => candidate.role === role);
    if (planned === undefined) continue;
    const name = roleFileName(plan, role, versions);
    const document = unsigned(plan, role, versions, files);
    const what = `${plan.live.place.name}: ${role} ${versions[role]}`;
    const request = { document, role: planned.keys, what };
    files.set(name, kept.get(name) ?? (await signDocument(request, keys.ring, keys.names)));
  }
  return { versions, files };
}

function unsigned(
  plan: RepositoryPlan,
  role: PublishedRole,
  versions: Versions,
  files: ReadonlyMap<string, Uint8Array>,
) {
  const published = plan.live.published;
  const expires = plan.roles.find((candidate) => candidate.role === role)?.expires ?? 0;
  const head = {
    repository: plan.repository,
    version: versions[role],
    expires,
    base: published?.[role].json,
  };
  const listed = (child: PublishedRole) => {
    const bytes = files.get(roleFileName(plan, child, versions));
    return bytes && { version: versions[child], bytes };
  };
  if (role === 'targets') return targetsDocument(head, plan.targets);
  if (role === 'snapshot') return snapshotDocument(head, listed('targets'));
  const snapshot = listed('snapshot');
  const meta = published?.timestamp.json.get('meta');
  const before: JsonValue | undefined = isJsonObject(meta)
    ? meta.get(snapshotEntryName('snapshot'))
    : undefined;
  return timestampDocument(head, snapshot === undefined ? (before ?? null) : fileMeta(snapshot));
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
    requireImages(
      release,
      (path) => document !== undefined && targetOf(document, parseTargetPath(path)) !== undefined,
    );
  }
  if (document === undefined || targetOf(document, manifestTarget) === undefined) {
    throw new TidegateError('internal', `${plan.live.place.name}: the new targets list no manifest`);
  }
  return fresh;
}

/** What a host would find, were the files there already. */
export function withFiles(plan: RepositoryPlan, signed: SignedFiles, store: ReadFile): ReadFile {
  return overlaid(new Map([...unsignedFiles(plan), ...signed.files]), store);
}

export function timestampDigest(plan: RepositoryPlan, signed: Pick<SignedFiles, 'files'>): string {
  const bytes = signed.files.get(metadataName(plan.live.place.folders, 'timestamp')) ?? new Uint8Array();
  return digestOf('sha256', bytes);
}
