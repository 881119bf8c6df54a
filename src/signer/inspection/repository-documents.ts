/**
 * Every document of a repository as it stands, to be compared with another's. Nothing is verified: what is compared is
 * what lies there, sound or not. `tidegate verify` says whether hosts would believe it.
 */
import { TidegateError } from '../../errors.ts';
import { type Envelope, parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName, snapshotEntryName, targetFileName } from '../../metadata/file-names.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { parseTargets, type Target, targetOf } from '../../metadata/targets.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { checkFile } from '../../trust/file-check.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { maxManifestBytes } from '../../waves/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import type { Manifest } from '../../waves/release.ts';
import { type AuditPlace, findPlaces } from '../audit/places.ts';
import { maxAuditedRoots, rootGapLimit } from '../audit/root-chain.ts';

export interface GivenSigned {
  readonly signed: JsonObject;
  /** Of a targets role whose manifest is at hand. */
  readonly manifest?: Manifest | undefined;
}

/** By what people call them: the role, with its repository before it where there are several. */
export type Documents = ReadonlyMap<string, GivenSigned>;

interface PlaceOptions {
  readonly signal?: AbortSignal;
}

/** @throws not-found when there is no repository or no root in it, document-invalid and the like for files that cannot be read */
export async function readRepositoryDocuments(location: string, options: PlaceOptions): Promise<Documents> {
  const places = await findPlaces({ location, ...options });
  const documents = new Map<string, GivenSigned>();
  for (const place of places) {
    const prefix = places.length === 1 ? '' : `${place.name}: `;
    for (const [role, document] of await documentsAt(place, options))
      documents.set(`${prefix}${role}`, document);
  }
  return documents;
}

async function documentsAt(place: AuditPlace, options: PlaceOptions): Promise<Documents> {
  const reader = new PlaceReader(place, options);
  const documents = new Map<string, GivenSigned>();
  const add = (role: string, signed: JsonObject | undefined, manifest?: Manifest): void => {
    if (signed !== undefined) documents.set(role, { signed, manifest });
  };
  add('root', await reader.lastRoot());
  const timestamp = await reader.read(metadataFileName('timestamp'));
  const version = timestamp && parseTimestamp(timestamp).snapshot.version;
  const snapshot = version === undefined ? undefined : await reader.role('snapshot', version);
  for (const [entry, { version: listed }] of snapshot === undefined ? [] : parseSnapshot(snapshot).meta) {
    const role = entry.slice(0, -snapshotEntryName('').length);
    // Old snapshots of python-tuf list the root too.
    if (isTopLevelRole(role) && role !== 'targets') continue;
    const envelope = await reader.role(role, listed);
    add(role, envelope?.signed, envelope && (await reader.manifestOf(envelope)));
  }
  add('snapshot', snapshot?.signed);
  add('timestamp', timestamp?.signed);
  return documents;
}

class PlaceReader {
  readonly #place: AuditPlace;
  readonly #options: PlaceOptions;

  constructor(place: AuditPlace, options: PlaceOptions) {
    this.#place = place;
    this.#options = options;
  }

  async read(name: string): Promise<Envelope | undefined> {
    const { metadata } = this.#place;
    const bytes = await metadata.readMetadata(name, defaultLimits.maxStatedLength, this.#options);
    return bytes && parseEnvelope(bytes, defaultLimits, `${metadata.location}/${name}`);
  }

  /** With its version in the name, as consistent snapshots have it, else without. */
  async role(role: string, version: number): ReturnType<PlaceReader['read']> {
    return (await this.read(metadataFileName(role, version))) ?? (await this.read(metadataFileName(role)));
  }

  /** The manifest that a targets role lists, when it is there and has the listed hash. */
  async manifestOf(envelope: Envelope): Promise<Manifest | undefined> {
    const target = targetOf(parseTargets(envelope, defaultLimits), manifestTarget);
    if (target === undefined || target.length > maxManifestBytes) return undefined;
    for (const hash of [target.hashes.sha256, target.hashes.sha512, undefined]) {
      const file = await this.#place.targets.openTarget(targetFileName(manifestTarget, hash), this.#options);
      const bytes = file && (await readSmall(file.body, target.length));
      if (bytes !== undefined && isListed(bytes, target)) return parseManifest(bytes);
    }
    return undefined;
  }

  /** The highest that is there: a chain may begin above 1, and may be longer than any client walks. */
  async lastRoot(): Promise<JsonObject> {
    let last: Envelope | undefined;
    let known = 1;
    for (let version = 1; version <= Math.min(known + rootGapLimit, maxAuditedRoots); version += 1) {
      const found = await this.read(metadataFileName('root', version));
      if (found === undefined) continue;
      last = found;
      known = version;
    }
    last ??= await this.read(metadataFileName('root'));
    if (last !== undefined) return last.signed;
    const { location } = this.#place.metadata;
    const text = `${location}: no root: found none of the versions 1 to ${1 + rootGapLimit}, and no root.json`;
    throw new TidegateError('not-found', text, { location });
  }
}

function isListed(bytes: Uint8Array, target: Target): boolean {
  try {
    checkFile(bytes, target, target.path);
    return true;
  } catch {
    return false;
  }
}

/** undefined when there is more than the limit. */
async function readSmall(body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
