/**
 * What is published now, as the base of the next change.
 *
 * 1. Trust begins with the workspace's first root, and every rule of a host holds, but for expiry: what has expired is
 *    to be replaced.
 * 2. A store that shows older versions than this workspace has seen is refused, and so is one that shows nothing any
 *    more: what hosts have seen must never be signed again with another content.
 * 3. Roots of the store and of the workspace are one chain; of a version that both have, the bytes are the same.
 */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { RootDocument } from '../../metadata/root.ts';
import type { SnapshotDocument } from '../../metadata/snapshot.ts';
import type { TargetsDocument } from '../../metadata/targets.ts';
import type { TimestampDocument } from '../../metadata/timestamp.ts';
import type { SmallFile } from '../../storage/store.ts';
import type { Floors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import type { Manifest } from '../../waves/release.ts';
import { emptyManifest } from '../../waves/releases.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import { readFloors } from '../workspace/state-file.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import { overlaid, type ReadFile, readerOf, readRepository, readRootChain } from './repository-reader.ts';

export interface PublishedRoles {
  readonly timestamp: TimestampDocument;
  readonly snapshot: SnapshotDocument;
  readonly targets: TargetsDocument;
  /** Files as they were read. */
  readonly bytes: Readonly<Record<'timestamp' | 'snapshot' | 'targets', Uint8Array>>;
  /** Of timestamp.json, to replace it by. */
  readonly etag: string;
  readonly sha256: string;
}

export interface LiveRepository {
  readonly place: RepositoryPlace;
  /** The last root of store and workspace together. */
  readonly root: RootDocument;
  /** The chain, version 1 first. */
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
  const { folders } = place;
  const store = readerOf(workspace.store, signal);
  const floors = await readFloors(workspace, place.name);
  const name = metadataName(folders, 'timestamp');
  const head = await workspace.store.read(name, defaultLimits.maxTimestampLength, signal && { signal });
  const { merged, missing } = await mergeRoots(workspace, place, store);
  const [anchor = new Uint8Array()] = workspace.roots;
  const request = { folders, anchor, policy: regardlessOfExpiry, floors };
  const roots = overlaid(merged, store);
  if (head === undefined) {
    const chain = await readRootChain(roots, request);
    if (floors.timestamp > 0) throw vanished(workspace, name, floors);
    const nothing = { published: undefined, manifest: emptyManifest, missingRoots: missing };
    return { place, root: chain.set.root.document, roots: chain.roots, floors, ...nothing };
  }
  // The timestamp that was read with its etag is the one that decides, whatever is published meanwhile.
  const found = await readRepository(overlaid(new Map([[name, head.bytes]]), roots), request);
  return {
    place,
    root: found.set.root.document,
    roots: found.roots,
    missingRoots: missing,
    published: publishedIn(found.set, head),
    manifest: found.manifest,
    floors: found.set.floors,
  };
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
    bytes: { timestamp: timestamp.bytes, snapshot: snapshot.bytes, targets: top.bytes },
    etag: head.etag,
    sha256: digestOf('sha256', head.bytes),
  };
}

/** The workspace's roots by their names in the store, and the versions that the store lacks. */
async function mergeRoots(
  { roots, store }: Workspace,
  { folders }: RepositoryPlace,
  read: ReadFile,
): Promise<{ merged: ReadonlyMap<string, Uint8Array>; missing: readonly number[] }> {
  const merged = new Map<string, Uint8Array>();
  const missing: number[] = [];
  for (const [index, own] of roots.entries()) {
    const name = metadataName(folders, 'root', index + 1);
    const there = await read(name, defaultLimits.maxRootLength);
    merged.set(name, own);
    if (there === undefined) missing.push(index + 1);
    else if (!Buffer.from(there).equals(own)) {
      throw new TidegateError(
        'workspace-invalid',
        `${name} in ${store.location} is not the workspace's root ${index + 1}: another repository is published there`,
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
