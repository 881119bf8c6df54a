/**
 * The root that goes into an OS image, where every host begins. A mistake here reaches hosts that nothing can mend any
 * more, so a root is given out, or passes a build, only when hosts can go on from it:
 *
 * 1. It follows the rules of a host: signed by its own keys, key ids that are hashes.
 * 2. It is public, byte for byte, under its version, in every repository that it is for.
 * 3. From it the public chain leads on to the last root.
 * 4. It expired a year ago at most. A host begins with an expired root too; one that old was forgotten in a build.
 */
import { TidegateError } from '../errors.ts';
import { digestOf } from '../metadata/crypto.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import { metadataName } from '../metadata/repository-layout.ts';
import type { RootDocument } from '../metadata/root.ts';
import { formatTime } from '../metadata/time.ts';
import { noFloors } from '../trust/floors.ts';
import { defaultLimits } from '../trust/limits.ts';
import { trustRoot } from '../trust/trusted-set.ts';
import { placesOfWorkspace, type WatchedPlace } from './expiry/expiration-check.ts';
import { fingerprintWords } from './keys/fingerprint.ts';
import { readRootChain } from './publication/repository-reader.ts';
import { regardlessOfExpiry, trustPolicyAt } from './workspace/roots.ts';
import type { Workspace } from './workspace/workspace.ts';

const year = 365 * 86_400_000;

export interface EmbeddedKey {
  readonly id: string;
  /** Words to read aloud, of the id. */
  readonly words: string;
}

export interface EmbeddedRoot {
  readonly bytes: Uint8Array;
  readonly version: number;
  /** undefined for a root of another tool that names none. */
  readonly repository: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expires: number;
  readonly threshold: number;
  /** The keys of the root role. */
  readonly keys: readonly EmbeddedKey[];
  /** Of the file. */
  readonly sha256: string;
  /** The version that hosts come to from it. */
  readonly latest: number;
}

type PublicPlace = Pick<WatchedPlace, 'name' | 'folders' | 'read'>;

export interface EmbedOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/**
 * The last public root of a workspace.
 *
 * @throws not-found when none is published, and what `checkEmbeddedRoot` throws
 */
export async function newestPublicRoot(
  workspace: Workspace,
  { now, signal }: EmbedOptions,
): Promise<EmbeddedRoot> {
  const places = await placesOfWorkspace(workspace, signal);
  let lowest: Uint8Array | undefined;
  for (const { folders, read, anchor } of places) {
    // Roots of a later repository of the workspace may be published further than those of an earlier one.
    const request = { folders, anchor, policy: regardlessOfExpiry, floors: noFloors };
    const { roots } = await readRootChain(read, request);
    const last = roots.at(-1) ?? anchor;
    if (lowest === undefined || versionOf(last) < versionOf(lowest)) lowest = last;
  }
  return await checkEmbeddedRoot(lowest ?? new Uint8Array(), places, now);
}

/**
 * Whether a root may be in an image.
 *
 * @throws not-found when it is not public, identity-mismatch when another one is public under its version, expired, and what
 *   `trust/` throws for it or for a root that follows it
 */
export async function checkEmbeddedRoot(
  bytes: Uint8Array,
  places: readonly PublicPlace[],
  now: number,
): Promise<EmbeddedRoot> {
  const { document } = trustRoot(bytes, trustPolicyAt(now), noFloors).root;
  let latest = document.version;
  for (const { name, folders, read } of places) {
    const file = metadataName(folders, 'root', document.version);
    requireSame(bytes, await read(file, defaultLimits.maxRootLength), document.version, name);
    const request = { folders, anchor: bytes, policy: regardlessOfExpiry, floors: noFloors };
    const { set } = await readRootChain(read, request);
    latest = Math.max(latest, set.root.document.version);
  }
  if (document.expires + year <= now) throw forgotten(document, latest);
  return { ...described(document), bytes, sha256: digestOf('sha256', bytes), latest };
}

function described({ version, repository, expires, roles }: RootDocument) {
  const { threshold, keyIds } = roles.root;
  const keys = keyIds.map((id) => ({ id, words: fingerprintWords(id) }));
  return { version, repository, expires, threshold, keys };
}

function versionOf(bytes: Uint8Array): number {
  return trustRoot(bytes, regardlessOfExpiry, noFloors).root.document.version;
}

function requireSame(bytes: Uint8Array, there: Uint8Array | undefined, version: number, place: string): void {
  const file = metadataFileName('root', version);
  if (there === undefined) {
    const text = `root ${version} is not public: ${place} has no ${file}. Publish it first, or embed one that is`;
    throw new TidegateError('not-found', text, { version, location: place });
  }
  if (Buffer.compare(there, bytes) === 0) return;
  const [found, expected] = [digestOf('sha256', bytes), digestOf('sha256', there)];
  const text = `this root ${version} is not the public one: its SHA-256 is ${found}, that of ${file} of ${place} is ${expected}`;
  throw new TidegateError('identity-mismatch', text, { version, found, expected, location: place });
}

function forgotten({ version, expires }: RootDocument, latest: number): TidegateError {
  const instead =
    latest === version
      ? 'make the next one: tidegate root propose'
      : `embed a later one, such as root ${latest}`;
  const text = `root ${version} expired at ${formatTime(expires)}, over a year ago; ${instead}`;
  return new TidegateError('expired', text, { version, found: formatTime(expires), latest });
}
