/**
 * Notes of publishers in the store, below `.publish/<repository>/`: for whoever publishes, resumes or cleans up, never
 * for hosts; nothing serves a name that begins with a dot.
 *
 *     plans/<digest>.json          a pin: what a publication is about to list, until when nothing of it may be removed
 *     prepared/<sha256>.json       a signed timestamp that waits for its commit: anyone can finish with it, without keys
 *     journal/<version>.json       one for each timestamp that was committed: by whom, from what, with which snapshot
 *
 * A note is created once, and decides nothing about trust: who reads one verifies what it names, as hosts do.
 */
import { hostname } from 'node:os';
import { TidegateError } from '../../errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf, type Plain } from '../../metadata/json-writer.ts';
import type { CancelOptions, ReadableStore } from '../../storage/store.ts';
import { userName } from '../workspace/user-name.ts';

export const notesFolder = '.publish';

export type NoteKind = 'plans' | 'prepared' | 'journal';

/** The largest note that is read, in bytes. */
export const maxNoteLength = 16 * 1024 * 1024;

const limits = { maxDepth: 8, maxValues: 200_000, maxDigits: 16 };

/** @param repository the name of its place */
export function notePrefix(repository: string, kind: NoteKind): string {
  return `${notesFolder}/${repository}/${kind}/`;
}

export function noteName(repository: string, kind: NoteKind, id: string | number): string {
  return `${notePrefix(repository, kind)}${id}.json`;
}

export function formatNote(members: { readonly [member: string]: Plain | undefined }): Uint8Array {
  return new TextEncoder().encode(formatJson(jsonOf({ format: 1, ...members })));
}

export interface Note {
  readonly json: JsonObject;
  readonly etag: string;
}

/** undefined when there is none. @throws state-damaged for what no publisher of this format wrote */
export async function readNote(
  store: ReadableStore,
  name: string,
  options: CancelOptions = {},
): Promise<Note | undefined> {
  const file = await store.read(name, maxNoteLength, options);
  return file && { json: parseNote(file.bytes, name), etag: file.etag };
}

function parseNote(bytes: Uint8Array, name: string): JsonObject {
  try {
    const json = parseJson(bytes, limits, name);
    if (isJsonObject(json) && json.get('format') === 1) return json;
  } catch (cause) {
    throw damaged(name, { cause });
  }
  throw damaged(name);
}

/** @returns the error to throw */
export function damaged(name: string, options?: ErrorOptions): TidegateError {
  const text = `${name} is no note of a publisher of this version; look at it, then remove it`;
  return new TidegateError('state-damaged', text, { name }, options);
}

export function textIn(json: JsonObject, member: string): string | undefined {
  const value = json.get(member);
  return typeof value === 'string' ? value : undefined;
}

export function integerIn(json: JsonObject, member: string): number | undefined {
  const value = json.get(member);
  return typeof value === 'number' ? value : undefined;
}

export function objectIn(json: JsonObject, member: string): JsonObject {
  const value: JsonValue | undefined = json.get(member);
  return isJsonObject(value) ? value : new Map();
}

/** Who writes a note, for people: the user and the machine. */
export function actor(): string {
  return `${userName()}@${hostname()}`;
}
