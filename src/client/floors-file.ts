/**
 * The floors on disk: what a host must never go below, kept apart from the files that they protect.
 *
 * 1. Two copies, each with a checksum and a generation, each replaced durably, one after the other. A crash between
 *    the two leaves a newer and an older copy; the newer counts.
 * 2. One damaged copy is replaced from the other. When no copy is sound, work stops (state-damaged): going on would
 *    mean to forget what this host has seen, and that is for a person to decide.
 * 3. No copy at all is a new host.
 * 4. Written before what they protect: after a crash in between, the host asks for what it had accepted already.
 */
import { TidegateError } from '../errors.ts';
import { canonicalBytes } from '../metadata/canonical.ts';
import { digestOf } from '../metadata/crypto.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, parseJson } from '../metadata/json.ts';
import { documentLimits } from '../metadata/limits.ts';
import { type Floors, noFloors } from '../trust/floors.ts';

/** What a host remembers besides the files themselves. */
export interface FloorsRecord {
  readonly generation: number;
  readonly floors: Floors;
  /** The latest start of a refresh whose timestamp was accepted, in milliseconds since the epoch. */
  readonly knownTime: number;
  /** The repository's name, once a root that carries one was trusted. */
  readonly repository: string | undefined;
}

export const newRecord: FloorsRecord = {
  generation: 0,
  floors: noFloors,
  knownTime: 0,
  repository: undefined,
};

const format = 'tidegate floors 1';

/** The bytes of a copy: a line with the format and the checksum, then canonical JSON. */
export function formatRecord(record: FloorsRecord): Uint8Array {
  const { generation, floors, knownTime, repository } = record;
  const { root, timestamp, snapshot, meta, timestampKeys, snapshotKeys } = floors;
  // Not by the writer of documents: it refuses text that others may have signed, such as odd role names.
  const json = new Map<string, JsonValue>([
    ['generation', generation],
    ['knownTime', knownTime],
    ['repository', repository ?? null],
    ['root', root],
    ['timestamp', timestamp],
    ['snapshot', snapshot],
    ['meta', meta],
    ['timestampKeys', [...timestampKeys]],
    ['snapshotKeys', [...snapshotKeys]],
  ]);
  const body = Buffer.from(canonicalBytes(json));
  return Buffer.concat([Buffer.from(`${format} ${digestOf('sha256', body)}\n`), body]);
}

/** The record in a copy; undefined when it is damaged in any way. */
export function parseRecord(bytes: Uint8Array): FloorsRecord | undefined {
  const end = bytes.indexOf(0x0a);
  const body = bytes.subarray(end + 1);
  const head = Buffer.from(bytes.subarray(0, Math.max(end, 0))).toString('latin1');
  if (head !== `${format} ${digestOf('sha256', body)}`) return undefined;
  try {
    return recordOf(parseJson(body, documentLimits, 'floors'));
  } catch (error) {
    if (error instanceof TidegateError) return undefined;
    throw error;
  }
}

function recordOf(value: JsonValue): FloorsRecord | undefined {
  if (!isJsonObject(value)) return undefined;
  const repository = value.get('repository');
  return {
    generation: countOf(value, 'generation'),
    knownTime: countOf(value, 'knownTime'),
    repository: typeof repository === 'string' ? repository : undefined,
    floors: {
      root: countOf(value, 'root'),
      timestamp: countOf(value, 'timestamp'),
      snapshot: countOf(value, 'snapshot'),
      meta: versionsOf(value.get('meta')),
      timestampKeys: textsOf(value.get('timestampKeys')),
      snapshotKeys: textsOf(value.get('snapshotKeys')),
    },
  };
}

function countOf(object: JsonObject, member: string): number {
  const value = object.get(member);
  if (typeof value === 'number' && value >= 0) return value;
  throw malformed(member);
}

function versionsOf(value: JsonValue | undefined): ReadonlyMap<string, number> {
  if (!isJsonObject(value)) throw malformed('meta');
  return new Map(Array.from(value.keys(), (name) => [name, countOf(value, name)]));
}

function textsOf(value: JsonValue | undefined): ReadonlySet<string> {
  if (!isJsonArray(value)) throw malformed('keys');
  return new Set(value.map(String));
}

function malformed(member: string): TidegateError {
  return new TidegateError('json-invalid', `floors: ${member} is malformed`);
}

/** True when two records say the same, whatever their generations. */
export function isSameRecord(a: FloorsRecord, b: FloorsRecord): boolean {
  return Buffer.compare(formatRecord({ ...a, generation: 0 }), formatRecord({ ...b, generation: 0 })) === 0;
}
