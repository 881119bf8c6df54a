/** A target that may be believed: where it can be had from, and how its bytes are known. */
import type { HashAlgorithm } from '../metadata/crypto.ts';
import { hashAlgorithms } from '../metadata/crypto.ts';
import type { Hashes } from '../metadata/file-meta.ts';
import { targetFileName } from '../metadata/file-names.ts';
import type { JsonValue } from '../metadata/json.ts';
import type { TargetPath } from '../metadata/target-path.ts';
import type { FoundTarget } from '../trust/lookup.ts';
import type { Source } from './source.ts';

export interface ResolvedTarget {
  readonly path: TargetPath;
  /** One address for each location, in the order in which they are asked; segments percent-encoded. */
  readonly urls: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Lower-case hexadecimal. All of them must match. */
  readonly hashes: Hashes;
  /** Whatever the signer attached; undefined when absent. */
  readonly custom: JsonValue | undefined;
  /** The role that lists it. */
  readonly role: string;
}

/** True when the bytes of one are the bytes of the other, as far as length and every signed hash tell. */
export function isSameTarget(one: ResolvedTarget, other: ResolvedTarget): boolean {
  return (
    one.length === other.length && hashAlgorithms.every((name) => one.hashes[name] === other.hashes[name])
  );
}

/** A target with the names under which a store may hold it. */
export interface LocatedTarget extends ResolvedTarget {
  /** With consistent snapshots one for each hash, otherwise the path itself. */
  readonly names: readonly string[];
}

export function locate(target: FoundTarget, consistent: boolean, sources: readonly Source[]): LocatedTarget {
  const hashes = hashAlgorithms.map((name: HashAlgorithm) => target.hashes[name]);
  const names = consistent
    ? hashes.filter((hash) => hash !== undefined).map((hash) => targetFileName(target.path, hash))
    : [target.path];
  const [name = target.path] = names;
  return { ...target, names, urls: sources.map((source) => source.targetUrl(name)) };
}
