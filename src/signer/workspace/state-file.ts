/**
 * What a workspace remembers of each repository, apart from the store: the floors, so that a store that was put back
 * to an older state is noticed, and the journal of the last publication, so that an interrupted one is finished with
 * the very bytes that were signed.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { makeFolders, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { type Floors, noFloors } from '../../trust/floors.ts';
import type { Workspace } from './workspace.ts';

export interface Journal {
  /** The digest of the repository's part of the plan. */
  readonly plan: string;
  /** The time of the plan, in milliseconds since the epoch. */
  readonly now: number;
  /** True once the publication was seen by a client. */
  readonly done: boolean;
  /** The SHA-256 of the signed timestamp. */
  readonly timestamp: string;
  /** Signed files by their names in the store, in the order of writing; empty once it is done. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const maxStateLength = 256 * 1024 * 1024;
const limits = { maxDepth: 8, maxValues: 100_000, maxDigits: 16 };

export async function readFloors(workspace: Workspace, repository: string): Promise<Floors> {
  const json = await readState(workspace, repository, 'seen.json');
  if (json === undefined) return noFloors;
  const meta = json.get('meta');
  const entries = isJsonObject(meta) ? [...meta] : [];
  return {
    root: integer(json.get('root')),
    timestamp: integer(json.get('timestamp')),
    snapshot: integer(json.get('snapshot')),
    meta: new Map(entries.map(([name, version]) => [name, integer(version)])),
    timestampKeys: new Set(texts(json.get('timestampKeys'))),
    snapshotKeys: new Set(texts(json.get('snapshotKeys'))),
  };
}

export async function writeFloors(workspace: Workspace, repository: string, floors: Floors): Promise<void> {
  const { timestampKeys, snapshotKeys, ...versions } = floors;
  const json = jsonOf({ ...versions, timestampKeys: [...timestampKeys], snapshotKeys: [...snapshotKeys] });
  await writeState(workspace, repository, 'seen.json', json);
}

/**
 * The snapshot that was published last, byte for byte: what a recovery returns to must not come from a store to which
 * somebody else has had access.
 */
export async function readSeenSnapshot(
  workspace: Workspace,
  repository: string,
): Promise<Uint8Array | undefined> {
  const text = (await readState(workspace, repository, 'snapshot.json'))?.get('bytes');
  return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}

export async function writeSeenSnapshot(
  workspace: Workspace,
  repository: string,
  bytes: Uint8Array,
): Promise<void> {
  const known = await readSeenSnapshot(workspace, repository);
  if (known !== undefined && Buffer.compare(known, bytes) === 0) return;
  const json = jsonOf({ bytes: Buffer.from(bytes).toString('base64') });
  await writeState(workspace, repository, 'snapshot.json', json);
}

export async function readJournal(workspace: Workspace, repository: string): Promise<Journal | undefined> {
  const json = await readState(workspace, repository, 'journal.json');
  if (json === undefined) return undefined;
  const files = json.get('files');
  const entries = isJsonObject(files) ? [...files] : [];
  return {
    plan: String(json.get('plan')),
    now: integer(json.get('now')),
    done: json.get('done') === true,
    timestamp: String(json.get('timestamp')),
    files: new Map(entries.map(([name, text]) => [name, Buffer.from(String(text), 'base64')])),
  };
}

export async function writeJournal(
  workspace: Workspace,
  repository: string,
  journal: Journal,
): Promise<void> {
  const files = Array.from(
    journal.files,
    ([name, bytes]) => [name, Buffer.from(bytes).toString('base64')] as const,
  );
  await writeState(workspace, repository, 'journal.json', jsonOf({ ...journal, files: new Map(files) }));
}

function statePath(workspace: Workspace, repository: string, name: string): string {
  return join(workspace.directory, 'state', ...repository.split('/'), name);
}

async function readState(
  workspace: Workspace,
  repository: string,
  name: string,
): Promise<JsonObject | undefined> {
  const path = statePath(workspace, repository, name);
  const { fileSystem, directory } = workspace;
  const file = await readPlainFile(fileSystem, path, maxStateLength, { within: directory });
  if (file === undefined) return undefined;
  const json = parsed(file.bytes, path);
  if (isJsonObject(json) && json.get('format') === 1) return json;
  throw damaged(path);
}

function parsed(bytes: Uint8Array, path: string): JsonValue {
  try {
    return parseJson(bytes, limits, path);
  } catch (cause) {
    throw damaged(path, { cause });
  }
}

async function writeState(
  workspace: Workspace,
  repository: string,
  name: string,
  json: JsonValue,
): Promise<void> {
  const path = statePath(workspace, repository, name);
  const { fileSystem, directory } = workspace;
  await makeFolders(fileSystem, path, { within: directory, mode: 0o700 });
  const document = new Map<string, JsonValue>([['format', 1], ...(isJsonObject(json) ? json : [])]);
  await writeDurably(fileSystem, path, new TextEncoder().encode(formatJson(document)), { within: directory });
}

/** The file is written whole or not at all, so damage means a disk that fails or a hand that strayed. */
function damaged(path: string, options?: ErrorOptions): TidegateError {
  return new TidegateError(
    'state-damaged',
    `${path} is damaged; compare the store's versions with your records, then delete the file`,
    { path },
    options,
  );
}

function integer(value: JsonValue | undefined): number {
  return typeof value === 'number' ? value : 0;
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
