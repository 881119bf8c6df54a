/**
 * Which names are served, and what may be told about them without opening the file. Pure.
 *
 * A repository with consistent snapshots holds three kinds of files, and nothing else that a store happens to hold
 * is handed out:
 * - `N.<role>.json`: metadata of one version, for ever the same
 * - `timestamp.json`: the one file that changes
 * - `<SHA-256 or SHA-512>.<name>`: a target, for ever the same
 */
export interface ServedName {
  readonly name: string;
  /** The name stands for the content. */
  readonly immutable: boolean;
  readonly contentType: string;
  readonly cacheControl: string;
}

const versionedMetadata = /^[1-9][0-9]{0,15}\.(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+\.json$/;
const hashedTarget = /^(?:[0-9a-f]{64}|[0-9a-f]{128})\../;
const versionedRoot = /^[1-9][0-9]{0,15}\.root\.json$/;

/** A year: caches take it for "for ever". Nobody in between may recompress what is signed. */
const forEver = 'public, max-age=31536000, immutable, no-transform';
/** A stale timestamp is harmless while its signed expiry lasts, so caches may use it when the server is away. */
const forSeconds = 'public, max-age=10, stale-if-error=3600, no-transform';
/** Every host asks for the root after the newest one at every refresh. */
const absentForSeconds = 'public, max-age=10';
const never = 'no-store';

/** Undefined for what no repository holds. */
export function servedName(name: string): ServedName | undefined {
  const file = lastSegment(name);
  const immutable = versionedMetadata.test(file) || hashedTarget.test(file);
  if ((!immutable && file !== 'timestamp.json') || file.endsWith('~')) return undefined;
  return {
    name,
    immutable,
    contentType: file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
    cacheControl: immutable ? forEver : forSeconds,
  };
}

/** How long the absence of a file may be remembered. */
export function absenceCacheControl(name: string): string {
  return versionedRoot.test(lastSegment(name)) ? absentForSeconds : never;
}

function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
