/**
 * Reads a repository as a host does, by the rules of `trust/`: roots from the anchor on, timestamp, snapshot, targets,
 * delegated roles, manifest. The signer looks through it at what is published, at what it is about to write, and at
 * what it wrote.
 *
 * Every delegated role is read, since some clients read them all before they believe anything. That one has expired is
 * no reason to stop here: it is its own keys' to renew, and hosts go on with the others.
 */
import { TidegateError } from '../../errors.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import {
  manifestTarget,
  metadataName,
  type RepositoryFolders,
  targetName,
} from '../../metadata/repository-layout.ts';
import { targetOf } from '../../metadata/targets.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { checkFile } from '../../trust/file-check.ts';
import type { Floors } from '../../trust/floors.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import {
  listedMeta,
  type RoleReference,
  targetsLimit,
  topLevelTargets,
  updateTargets,
} from '../../trust/targets-role.ts';
import {
  finishRoot,
  requireSnapshot,
  requireTimestamp,
  snapshotLimit,
  type TrustedSet,
  updateSnapshot,
  updateTimestamp,
} from '../../trust/trusted-set.ts';
import { maxManifestBytes } from '../../waves/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import type { Manifest } from '../../waves/release.ts';
import { emptyManifest } from '../../waves/releases.ts';
import { beginWalk, stepTo } from '../workspace/root-walk.ts';
import { numbersFrom, severalAtOnce } from '../workspace/several-at-once.ts';

/** Reads a small file of the store by its name; undefined when it does not exist. */
export type ReadFile = (name: string, limit: number) => Promise<Uint8Array | undefined>;

export interface ReadRequest {
  readonly folders: RepositoryFolders;
  /** The root to begin with. */
  readonly anchor: Uint8Array;
  readonly policy: TrustPolicy;
  readonly floors: Floors;
  /** Pass over delegated roles that the snapshot does not list. A host could not; an owner is about to write them. */
  readonly allowUnlisted?: boolean;
}

export interface ReadRepository {
  readonly set: TrustedSet;
  /** Every root from the anchor on. */
  readonly roots: readonly Uint8Array[];
  readonly manifest: Manifest;
}

export function readerOf(store: ReadableStore, signal?: AbortSignal): ReadFile {
  return async (name, limit) => (await store.read(name, limit, signal && { signal }))?.bytes;
}

/** Files that are not written yet, before those that are. */
export function overlaid(files: ReadonlyMap<string, Uint8Array>, below: ReadFile): ReadFile {
  return async (name, limit) => files.get(name) ?? (await below(name, limit));
}

/** The roots alone, up to the last. */
export async function readRootChain(
  read: ReadFile,
  { folders, anchor, policy, floors }: ReadRequest,
): Promise<{ readonly set: TrustedSet; readonly roots: readonly Uint8Array[] }> {
  let set = beginWalk(anchor, policy, floors);
  const roots = [anchor];
  const later = severalAtOnce(numbersFrom(set.root.document.version + 1), (version) =>
    read(metadataName(folders, 'root', version), policy.limits.maxRootLength),
  );
  for await (const bytes of later) {
    if (bytes === undefined) break;
    set = stepTo(set, bytes);
    roots.push(bytes);
  }
  return { set: finishRoot(set), roots };
}

/**
 * The whole repository.
 *
 * @throws not-found for a file that a trusted one names and that is not there, and what `trust/` throws
 */
export async function readRepository(read: ReadFile, request: ReadRequest): Promise<ReadRepository> {
  const { folders, policy } = request;
  const chain = await readRootChain(read, request);
  const required = requiredBy(read);
  const timestamp = await required(metadataName(folders, 'timestamp'), policy.limits.maxTimestampLength);
  let set = updateTimestamp(chain.set, timestamp);
  const snapshot = metadataName(folders, 'snapshot', requireTimestamp(set).document.snapshot.version);
  set = updateSnapshot(set, await required(snapshot, snapshotLimit(set)));
  return { ...(await readListed(read, request, set)), roots: chain.roots };
}

/** Everything below a trusted snapshot: targets, delegated roles and the manifest. @throws as `readRepository` */
export async function readListed(
  read: ReadFile,
  request: Pick<ReadRequest, 'folders' | 'policy' | 'allowUnlisted'>,
  start: TrustedSet,
): Promise<Omit<ReadRepository, 'roots'>> {
  const { folders } = request;
  const required = requiredBy(read);
  const targets = metadataName(folders, 'targets', listedMeta(start, 'targets').version);
  const bytes = await required(targets, targetsLimit(start, 'targets'));
  const set = await readDelegated(required, request, updateTargets(start, bytes, topLevelTargets));
  return { set, manifest: await readManifest(required, folders, set) };
}

function requiredBy(read: ReadFile): (name: string, limit: number) => Promise<Uint8Array> {
  return async (name, limit) => {
    const bytes = await read(name, limit);
    if (bytes === undefined) throw missing(name);
    return bytes;
  };
}

/** Delegated roles in the order of a search that ends nowhere, each once. Bins of succinct roles are left alone. */
async function readDelegated(
  required: (name: string, limit: number) => Promise<Uint8Array>,
  { folders, policy, allowUnlisted = false }: Pick<ReadRequest, 'folders' | 'policy' | 'allowUnlisted'>,
  start: TrustedSet,
): Promise<TrustedSet> {
  let set: TrustedSet = { ...start, policy: { ...policy, now: 0 } };
  let waiting = delegatedBy(set, 'targets');
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { role } = next;
    const unlisted = requireSnapshot(set).document.meta.get(snapshotEntryName(role)) === undefined;
    if (set.targets.has(role) || (unlisted && allowUnlisted)) continue;
    const name = metadataName(folders, role, listedMeta(set, role).version);
    set = updateTargets(set, await required(name, targetsLimit(set, role)), next);
    waiting = [...delegatedBy(set, role), ...waiting];
  }
  return { ...set, policy };
}

function delegatedBy(set: TrustedSet, delegator: string): RoleReference[] {
  const roles = set.targets.get(delegator)?.document.delegations?.roles ?? [];
  return roles.map(({ name }) => ({ role: name, delegator }));
}

async function readManifest(
  required: (name: string, limit: number) => Promise<Uint8Array>,
  folders: RepositoryFolders,
  set: TrustedSet,
): Promise<Manifest> {
  const document = set.targets.get('targets')?.document;
  const target = document && targetOf(document, manifestTarget);
  if (target === undefined) return emptyManifest;
  const name = targetName(folders, manifestTarget, target.hashes.sha256 ?? '');
  const bytes = await required(name, maxManifestBytes);
  checkFile(bytes, target, name);
  return parseManifest(bytes);
}

export function missing(name: string): TidegateError {
  return new TidegateError('not-found', `${name} does not exist in the store, and a trusted file names it`, {
    name,
  });
}
