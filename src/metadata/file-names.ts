/**
 * The one place that knows what files of a repository are called (TUF specification 6.2): shared by whoever
 * writes, reads, serves and copies one.
 */
import { encodeSegment } from './role-name.ts';
import type { TargetPath } from './target-path.ts';

/** `timestamp.json` never has a version; other roles do when snapshots are consistent, and root always. */
export function metadataFileName(role: string, version?: number): string {
  const name = `${encodeSegment(role)}.json`;
  return version === undefined ? name : `${version}.${name}`;
}

/** How a role is called in the `meta` of a snapshot: not encoded, since it is no path there. */
export function snapshotEntryName(role: string): string {
  return `${role}.json`;
}

/** With a hash, `dir/HASH.name`: the specification's place for targets of consistent snapshots. Not encoded. */
export function targetFileName(path: TargetPath, hash?: string): string {
  if (hash === undefined) return path;
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${hash}.${path.slice(slash)}`;
}
