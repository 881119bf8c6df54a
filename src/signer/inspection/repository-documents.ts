/**
 * Every document of a repository as it stands, to be compared with another's. Nothing is verified: what is compared is
 * what lies there, sound or not. `tidegate verify` says whether hosts would believe it.
 */
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName, snapshotEntryName } from '../../metadata/file-names.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { type AuditPlace, findPlaces } from '../audit/places.ts';

/** Signed parts by what people call them: the role, with its repository before it where there are several. */
export type Documents = ReadonlyMap<string, JsonObject>;

interface PlaceOptions {
  readonly signal?: AbortSignal;
}

/** @throws not-found when there is no repository, document-invalid and the like for files that cannot be read */
export async function readRepositoryDocuments(location: string, options: PlaceOptions): Promise<Documents> {
  const places = await findPlaces({ location, ...options });
  const documents = new Map<string, JsonObject>();
  for (const place of places) {
    const prefix = places.length === 1 ? '' : `${place.name}: `;
    for (const [role, document] of await documentsAt(place, options))
      documents.set(`${prefix}${role}`, document);
  }
  return documents;
}

async function documentsAt(place: AuditPlace, options: PlaceOptions): Promise<Documents> {
  const reader = new PlaceReader(place, options);
  const documents = new Map<string, JsonObject>();
  const add = (role: string, document: JsonObject | undefined): void => {
    if (document !== undefined) documents.set(role, document);
  };
  add('root', await reader.lastRoot());
  const timestamp = await reader.read(metadataFileName('timestamp'));
  const version = timestamp && parseTimestamp(timestamp).snapshot.version;
  const snapshot = version === undefined ? undefined : await reader.role('snapshot', version);
  if (snapshot !== undefined) {
    for (const [entry, { version: listed }] of parseSnapshot(snapshot).meta) {
      const role = entry.slice(0, -snapshotEntryName('').length);
      add(role, (await reader.role(role, listed))?.signed);
    }
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

  async read(name: string): Promise<ReturnType<typeof parseEnvelope> | undefined> {
    const { metadata } = this.#place;
    const bytes = await metadata.readMetadata(name, defaultLimits.maxStatedLength, this.#options);
    return bytes && parseEnvelope(bytes, defaultLimits, `${metadata.location}/${name}`);
  }

  /** With its version in the name, as consistent snapshots have it, else without. */
  async role(role: string, version: number): ReturnType<PlaceReader['read']> {
    return (await this.read(metadataFileName(role, version))) ?? (await this.read(metadataFileName(role)));
  }

  async lastRoot(): Promise<JsonObject | undefined> {
    let last = await this.read(metadataFileName('root', 1));
    for (let version = 2; last !== undefined && version <= defaultLimits.maxRootRotations; version += 1) {
      const next = await this.read(metadataFileName('root', version));
      if (next === undefined) return last.signed;
      last = next;
    }
    return (last ?? (await this.read(metadataFileName('root'))))?.signed;
  }
}
