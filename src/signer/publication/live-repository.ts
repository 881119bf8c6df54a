/**
 * What is published now, as the base of the next change.
 *
 * 1. Trust begins with the workspace's first root, and every rule of a host holds, but for expiry: what has expired is
 *    to be replaced.
 * 2. A store that shows older versions than this workspace has seen is refused, and so is one that shows nothing any
 *    more: what hosts have seen must never be signed again with another content.
 * 3. Roots of the store and of the workspace are one chain; of a version that both have, the bytes are the same.
 * 4. What is published need not verify under the last root: a new root may just be on its way. Then it must verify under
 *    one before, back to the root under which this workspace last published, or else the last one in the store. Keys that
 *    a published root gave up are never believed again.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { Document } from '../../metadata/document.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import type { SnapshotDocument } from '../../metadata/snapshot.ts';
import type { TargetsDocument } from '../../metadata/targets.ts';
import type { TimestampDocument } from '../../metadata/timestamp.ts';
import type { SmallFile } from '../../storage/store.ts';
import { checkIdentity } from '../../trust/document-check.ts';
import type { Floors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { countSignatures } from '../../trust/threshold.ts';
import type { TrustedSet, VerifiedTargets } from '../../trust/trusted-set.ts';
import type { Manifest } from '../../waves/release.ts';
import { emptyManifest } from '../../waves/releases.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import { severalAtOnce } from '../workspace/several-at-once.ts';
import { readFloors } from '../workspace/state-file.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import {
  overlaid,
  type ReadFile,
  type ReadRepository,
  type ReadRequest,
  readerOf,
  readRepository,
  readRootChain,
} from './repository-reader.ts';

export interface PublishedRoles {
  readonly timestamp: TimestampDocument;
  readonly snapshot: SnapshotDocument;
  readonly targets: TargetsDocument;
  /** Roles that others delegate to and that the snapshot lists, in the order of a search. */
  readonly delegated: ReadonlyMap<string, VerifiedTargets>;
  /** Files as they were read. */
  readonly bytes: Readonly<Record<'timestamp' | 'snapshot' | 'targets', Uint8Array>>;
  /** Of timestamp.json, to replace it by; undefined: it is gone, and must not come back meanwhile. */
  readonly etag: string | undefined;
  readonly sha256: string;
}

export interface LiveRepository {
  readonly place: RepositoryPlace;
  /** The last root of store and workspace together. */
  readonly root: RootDocument;
  /** Roles that must be signed anew: their signatures are not enough under `root`, or they name no repository. */
  readonly unsigned: ReadonlySet<string>;
  /** The chain, the oldest first. */
  readonly roots: readonly Uint8Array[];
  /** Versions of roots that the store lacks. */
  readonly missingRoots: readonly number[];
  /** undefined: nothing was ever published. */
  readonly published: PublishedRoles | undefined;
  readonly manifest: Manifest;
  /** The lowest versions that may still be shown. */
  readonly floors: Floors;
}

/** @throws rollback, workspace-invalid, not-found, and what `trust/` throws for files that do not verify */
export async function readLive(
  workspace: Workspace,
  place: RepositoryPlace,
  signal?: AbortSignal,
): Promise<LiveRepository> {
  const { name, head, whole, request, ...chain } = await readChain(workspace, place, signal);
  const { root, missingRoots: missing, floors } = chain;
  const common = { place, ...chain };
  if (head === undefined) {
    if (floors.timestamp > 0) throw vanished(workspace, name, floors);
    return { ...common, unsigned: new Set(), published: undefined, manifest: emptyManifest };
  }
  // The timestamp that was read with its etag is the one that decides, whatever is published meanwhile.
  const read = overlaid(new Map([[name, head.bytes]]), whole);
  const lowest = floors.root > 0 ? floors.root : root.version - missing.length;
  const found = await readUnderLatest(read, request, { highest: root.version, lowest });
  return {
    ...common,
    unsigned: unsignedUnder(root, found.set).union(namelessRoles(found.set, root, workspace.settings.name)),
    published: publishedIn(found.set, head),
    manifest: found.manifest,
    floors: found.set.floors,
  };
}

/** The roots of store and workspace together, and `timestamp.json` as it is: what is known before any of it is believed. */
export interface LiveChain extends Pick<LiveRepository, 'root' | 'roots' | 'missingRoots' | 'floors'> {
  /** Of `timestamp.json` in the store. */
  readonly name: string;
  readonly head: SmallFile | undefined;
  /** The store, with the workspace's roots laid over. */
  readonly whole: ReadFile;
  readonly request: ReadRequest;
}

/** @throws rollback, workspace-invalid, and what `trust/` throws for roots that do not verify */
export async function readChain(
  workspace: Workspace,
  place: RepositoryPlace,
  signal?: AbortSignal,
): Promise<LiveChain> {
  const { folders } = place;
  requireSomeRoot(workspace);
  const store = readerOf(workspace.store, signal);
  const floors = await readFloors(workspace, place.name);
  const name = metadataName(folders, 'timestamp');
  const head = await workspace.store.read(name, defaultLimits.maxTimestampLength, signal && { signal });
  const { merged, missing: missingRoots } = await mergeRoots(workspace, place, store);
  const [anchor = new Uint8Array()] = workspace.roots;
  const request = { folders, anchor, policy: regardlessOfExpiry, floors, allowUnlisted: true };
  const whole = overlaid(merged, store);
  const { set, roots } = await readRootChain(whole, request);
  return { root: set.root.document, roots, missingRoots, floors, name, head, whole, request };
}

function requireSomeRoot({ roots }: Workspace): void {
  if (roots.length > 0) return;
  throw new TidegateError(
    'workspace-invalid',
    'no root is signed yet; next: tidegate root propose, collect signatures on the request, then tidegate publish',
  );
}

/** Under the highest root that the published roles verify with. */
async function readUnderLatest(
  read: ReadFile,
  request: ReadRequest,
  { highest, lowest }: { readonly highest: number; readonly lowest: number },
): Promise<ReadRepository> {
  try {
    return await readRepository(upToRoot(read, request, highest), request);
  } catch (error) {
    if (!isTidegateError(error, 'threshold-not-met', 'identity-mismatch') || highest <= lowest) throw error;
    try {
      return await readUnderLatest(read, request, { highest: highest - 1, lowest });
    } catch (other) {
      // None of the roots: what the last one says of it is what hosts say.
      throw isTidegateError(other, 'threshold-not-met', 'identity-mismatch') ? error : other;
    }
  }
}

/** The repository as if later roots were not there. */
function upToRoot(read: ReadFile, { folders }: ReadRequest, highest: number): ReadFile {
  const after = metadataName(folders, 'root', highest + 1);
  return async (name, limit) => (name === after ? undefined : await read(name, limit));
}

function unsignedUnder(
  last: RootDocument,
  { root, timestamp, snapshot, targets }: TrustedSet,
): LiveRepository['unsigned'] {
  if (root.document.version === last.version) return new Set();
  const files = { timestamp, snapshot, targets: targets.get('targets') };
  const roles = ['timestamp', 'snapshot', 'targets'] as const;
  return new Set(
    roles.filter((role) => {
      const envelope = parseEnvelope(files[role]?.bytes ?? new Uint8Array(), defaultLimits, role);
      const { signedBy, threshold } = countSignatures(envelope, last.roles[role], last.keys);
      return signedBy.length < threshold;
    }),
  );
}

/**
 * Roles that another tool signed, which name no repository; delegated ones once the root has a name, as hosts ask for it
 * from then on. That of another repository is refused at once.
 */
function namelessRoles(
  { timestamp, snapshot, targets }: TrustedSet,
  last: RootDocument,
  name: string,
): LiveRepository['unsigned'] {
  const documents = new Map<string, Document | undefined>([
    ['timestamp', timestamp?.document],
    ['snapshot', snapshot?.document],
    ...Array.from(targets, ([role, { document }]) => [role, document] as const),
  ]);
  const nameless = [...documents].filter(([role, document]) => {
    if (document?.repository !== undefined) checkIdentity(document, name);
    return document?.repository === undefined && (isTopLevelRole(role) || last.repository !== undefined);
  });
  return new Set(nameless.map(([role]) => role));
}

/**
 * The store, but for the roots that were just found in it: they were compared byte for byte with the workspace's, and
 * nothing that is published under a root's name ever changes. Roots that it lacked are read.
 */
export function besideKnownRoots(
  { place, root, roots, missingRoots }: Pick<LiveRepository, 'place' | 'root' | 'roots' | 'missingRoots'>,
  store: ReadFile,
): ReadFile {
  const first = root.version - roots.length + 1;
  const known = roots.flatMap((bytes, index) => {
    const version = first + index;
    return missingRoots.includes(version)
      ? []
      : [[metadataName(place.folders, 'root', version), bytes] as const];
  });
  return overlaid(new Map(known), store);
}

/** What is published of a targets role, the top-level one or a delegated one. */
export function listedIn(
  { published }: Pick<LiveRepository, 'published'>,
  role: string,
): TargetsDocument | undefined {
  return role === 'targets' ? published?.targets : published?.delegated.get(role)?.document;
}

/** Every published targets role, the top-level one first. */
export function listingIn({ published }: Pick<LiveRepository, 'published'>): readonly TargetsDocument[] {
  if (published === undefined) return [];
  return [published.targets, ...Array.from(published.delegated.values(), ({ document }) => document)];
}

function publishedIn({ timestamp, snapshot, targets }: TrustedSet, head: SmallFile): PublishedRoles {
  const top = targets.get('targets');
  if (timestamp === undefined || snapshot === undefined || top === undefined) {
    throw new TidegateError('internal', 'a repository was read and a role is missing');
  }
  return {
    timestamp: timestamp.document,
    snapshot: snapshot.document,
    targets: top.document,
    delegated: new Map([...targets].filter(([role]) => role !== 'targets')),
    bytes: { timestamp: timestamp.bytes, snapshot: snapshot.bytes, targets: top.bytes },
    etag: head.etag,
    sha256: digestOf('sha256', head.bytes),
  };
}

/** The workspace's roots by their names in the store, and the versions that the store lacks. */
async function mergeRoots(
  { roots, settings, store }: Workspace,
  { folders }: RepositoryPlace,
  read: ReadFile,
): Promise<{ merged: ReadonlyMap<string, Uint8Array>; missing: readonly number[] }> {
  const merged = new Map<string, Uint8Array>();
  const missing: number[] = [];
  const nameOf = (version: number): string => metadataName(folders, 'root', version);
  const own = roots.map((bytes, index) => ({ version: settings.firstRoot + index, bytes }));
  const pairs = severalAtOnce(own, async (root) => {
    return { ...root, there: await read(nameOf(root.version), defaultLimits.maxRootLength) };
  });
  for await (const { version, bytes, there } of pairs) {
    const name = nameOf(version);
    merged.set(name, bytes);
    if (there === undefined) missing.push(version);
    else if (!Buffer.from(there).equals(bytes)) {
      throw new TidegateError(
        'workspace-invalid',
        `${name} in ${store.location} is not the workspace's root ${version}: another repository is published there`,
        { name, location: store.location },
      );
    }
  }
  return { merged, missing };
}

function vanished({ store }: Workspace, name: string, floors: Floors): TidegateError {
  return new TidegateError(
    'rollback',
    `${name} is gone from ${store.location}; version ${floors.timestamp} was published. Put the store back as it was: hosts refuse anything below`,
    { name, location: store.location, floor: floors.timestamp },
  );
}
