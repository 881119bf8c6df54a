/**
 * The signed part of the documents that are written: the portable profile that every client reads.
 *
 * 1. `spec_version` 1.0.0; times in whole seconds; every `meta` entry with version, length and SHA-256.
 * 2. The name of the repository in every document.
 * 3. A document that replaces another keeps the members that it does not change, unknown ones too.
 * 4. Nothing is added over which a client in the field would stumble (document-invalid, by every function here).
 */
import { digestOf } from '../../metadata/crypto.ts';
import { repositoryMember, writtenSpecVersion } from '../../metadata/document.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';
import { jsonOf, type Plain, withMembers } from '../../metadata/json-writer.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { formatTime } from '../../metadata/time.ts';
import { refuseUnportable } from '../audit/written-document.ts';

/** What every document says. */
export interface DocumentHead {
  /** The name of the repository. */
  readonly repository: string;
  readonly version: number;
  /** Milliseconds since the epoch; written in whole seconds. */
  readonly expires: number;
  /** The document that this one replaces. */
  readonly base?: JsonObject | undefined;
}

/** What a parent says of a file that it lists. */
export interface ListedFile {
  readonly version: number;
  readonly bytes: Uint8Array;
}

export function rootDocument(
  head: DocumentHead,
  keys: ReadonlyMap<string, JsonObject>,
  roles: Readonly<Record<TopLevelRole, RoleKeys>>,
): JsonObject {
  const before = head.base?.get('roles');
  const roleJson = (role: TopLevelRole): Plain => {
    const known = isJsonObject(before) ? before.get(role) : undefined;
    const { keyIds, threshold } = roles[role];
    return withMembers(isJsonObject(known) ? known : new Map(), { keyids: keyIds, threshold });
  };
  return documentOf('root', head, {
    consistent_snapshot: true,
    keys: new Map(keys),
    roles: Object.fromEntries(topLevelRoles.map((role) => [role, roleJson(role)])),
  });
}

/**
 * @param targets target objects by path, as they stand in the document
 * @param delegations the member as it shall stand; not given: as it was
 */
export function targetsDocument(
  head: DocumentHead,
  targets: JsonObject,
  delegations?: JsonObject | undefined,
): JsonObject {
  return documentOf('targets', head, { targets, ...(delegations !== undefined && { delegations }) });
}

/**
 * @param targets the top-level targets role, where it changes
 * @param delegated delegated roles that change, by name. Entries of all others are taken over from the base: of a role that
 *   was ever listed hosts want to see the entry for ever.
 */
export function snapshotDocument(
  head: DocumentHead,
  targets: ListedFile | undefined,
  delegated: ReadonlyMap<string, ListedFile> = new Map(),
): JsonObject {
  const before = head.base?.get('meta');
  const meta = new Map<string, JsonValue>(isJsonObject(before) ? before : []);
  const set = (role: string, file: ListedFile): void => {
    const entry = snapshotEntryName(role);
    const known = meta.get(entry);
    const own = fileMeta(file);
    meta.set(entry, isJsonObject(known) && isJsonObject(own) ? new Map([...known, ...own]) : own);
  };
  for (const [role, file] of delegated) set(role, file);
  if (targets !== undefined) set('targets', targets);
  return documentOf('snapshot', head, { meta });
}

export function timestampDocument(head: DocumentHead, snapshot: JsonValue): JsonObject {
  const entry = snapshotEntryName('snapshot');
  const before = head.base?.get('meta');
  const known = isJsonObject(before) ? before.get(entry) : undefined;
  return documentOf('timestamp', head, { meta: new Map([[entry, withUnknown(snapshot, known)]]) });
}

const fileMetaMembers = ['hashes', 'length', 'version'];

/** An entry of `meta`, with what nobody here knows of the one that it replaces. */
function withUnknown(entry: JsonValue, before: JsonValue | undefined): JsonValue {
  if (!isJsonObject(entry) || !isJsonObject(before)) return entry;
  const unknown = [...before].filter(([member]) => !fileMetaMembers.includes(member));
  return new Map([...unknown, ...entry]);
}

export function fileMeta({ version, bytes }: ListedFile): JsonValue {
  return jsonOf({ hashes: { sha256: digestOf('sha256', bytes) }, length: bytes.byteLength, version });
}

function documentOf(
  type: TopLevelRole,
  { repository, version, expires, base }: DocumentHead,
  members: { readonly [member: string]: Plain },
): JsonObject {
  const document = withMembers(base ?? new Map(), {
    _type: type,
    spec_version: writtenSpecVersion,
    [repositoryMember]: repository,
    version,
    expires: formatTime(expires),
    ...members,
  });
  refuseUnportable(document, base);
  return document;
}
