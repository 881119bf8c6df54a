/**
 * What a complete copy of a repository consists of, computed from what is trusted of it. Pure. The rules:
 *
 * 1. Every root from the first one on, since each host walks on from the root that it was built with.
 * 2. `timestamp.json`, the snapshot, and every targets role that the snapshot lists, read or not.
 * 3. Every target of every role that was read, under each name that a host may ask for: with consistent snapshots
 *    one per stated hash. No target is treated differently, the manifest neither.
 * 4. Roles that were not read are named, since their targets are not in the list.
 */
import { digestOf } from '../metadata/crypto.ts';
import type { FileMeta } from '../metadata/file-meta.ts';
import { metadataFileName, targetFileName } from '../metadata/file-names.ts';
import type { RepositoryFolders } from '../metadata/repository-layout.ts';
import { isTargetPath } from '../metadata/target-path.ts';
import { type TargetsDocument, targetOf } from '../metadata/targets.ts';
import { requireSnapshot, requireTimestamp, type TrustedSet } from '../trust/trusted-set.ts';

export interface InventoryFile {
  /** In the store. */
  readonly name: string;
  /** Bytes; undefined where nothing trusted states them. */
  readonly length: number | undefined;
  /** Lower-case hexadecimal; undefined where nothing trusted states it. */
  readonly sha256: string | undefined;
}

export interface Inventory {
  /** Each name once: roots, timestamp, snapshot, targets roles, targets. */
  readonly files: readonly InventoryFile[];
  /** Roles of the snapshot whose targets are missing above. A complete copy has none. */
  readonly unread: readonly string[];
}

/**
 * @param set with timestamp and snapshot, and the targets roles that were read
 * @param folders where the repository lies in the store; '' is the store itself
 * @throws internal when timestamp or snapshot are not trusted yet
 */
export function inventoryOf(set: TrustedSet, folders: RepositoryFolders): Inventory {
  const consistent = set.root.document.consistentSnapshot;
  const files = [
    ...topLevelFiles(set, consistent).map((file) => within(folders.metadata, file)),
    ...[...set.targets.values()]
      .flatMap(({ document }) => targetFiles(document, consistent))
      .map((file) => within(folders.targets, file)),
  ];
  const unread = rolesOf(set).filter((role) => !set.targets.has(role));
  // Roles may share a target; its name is then the same, and so are its bytes.
  return { files: [...new Map(files.map((file) => [file.name, file])).values()], unread };
}

function topLevelFiles(set: TrustedSet, consistent: boolean): readonly InventoryFile[] {
  const { root } = set;
  const timestamp = requireTimestamp(set);
  const snapshot = requireSnapshot(set);
  const versioned = (version: number): number | undefined => (consistent ? version : undefined);
  const earlier = Array.from({ length: root.document.version - 1 }, (_, index) =>
    unknownFile(metadataFileName('root', index + 1)),
  );
  const roles = rolesOf(set).map((role) => {
    const meta = snapshot.document.meta.get(`${role}.json`);
    const name = metadataFileName(role, versioned(meta?.version ?? 0));
    const read = set.targets.get(role);
    return read === undefined ? statedFile(name, meta) : knownFile(name, read.bytes);
  });
  return [
    ...earlier,
    knownFile(metadataFileName('root', root.document.version), root.bytes),
    knownFile(metadataFileName('timestamp'), timestamp.bytes),
    knownFile(metadataFileName('snapshot', versioned(snapshot.document.version)), snapshot.bytes),
    ...roles,
  ];
}

/** In the order of the snapshot. */
function rolesOf(set: TrustedSet): readonly string[] {
  return [...requireSnapshot(set).document.meta.keys()].map((entry) => entry.slice(0, -'.json'.length));
}

function targetFiles(document: TargetsDocument, consistent: boolean): readonly InventoryFile[] {
  return [...document.targets.keys()].flatMap((path) => {
    const target = isTargetPath(path) ? targetOf(document, path) : undefined;
    if (target === undefined) return [];
    const { length, hashes } = target;
    const prefixes = consistent ? Object.values(hashes) : [undefined];
    return prefixes.map((hash) => ({
      name: targetFileName(target.path, hash),
      length,
      sha256: hashes.sha256,
    }));
  });
}

function knownFile(name: string, bytes: Uint8Array): InventoryFile {
  return { name, length: bytes.byteLength, sha256: digestOf('sha256', bytes) };
}

function statedFile(name: string, meta: FileMeta | undefined): InventoryFile {
  return { name, length: meta?.length, sha256: meta?.hashes?.sha256 };
}

function unknownFile(name: string): InventoryFile {
  return statedFile(name, undefined);
}

function within(folder: string, file: InventoryFile): InventoryFile {
  return folder === '' ? file : { ...file, name: `${folder}/${file.name}` };
}
