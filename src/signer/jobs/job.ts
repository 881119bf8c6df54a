/**
 * Jobs of several steps, `jobs/NAME.json` of a workspace: what shall be changed, and the moments that cannot be read
 * from anywhere else. Everything else is computed anew from tidegate.toml, the roots and the store at each run, so that
 * a job that died anywhere goes on where it was.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { formatTime, parseTime } from '../../metadata/time.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { makeFolders, removeDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import type { Workspace } from '../workspace/workspace.ts';

export const jobKinds = ['rotate', 'revoke', 'recover'] as const;
export type JobKind = (typeof jobKinds)[number];

/** Names of the keys of a role. */
export interface RoleChange {
  readonly role: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The last honest state of a repository, to which a recovery returns. */
export interface HonestState {
  /** The name of its place. */
  readonly repository: string;
  /** The last honest version of the timestamp. */
  readonly timestamp: number;
  readonly snapshot: Uint8Array;
  /** The list of targets of a trusted copy, instead of the one that the snapshot names. */
  readonly targets?: Uint8Array;
}

/** Moments, in milliseconds since the epoch; kept in whole seconds. */
export interface JobMarks {
  readonly started: number;
  /** The root that lists new keys was published. */
  readonly introduced?: number;
  /** The last signature by an old key expires. Written before new keys sign. */
  readonly oldExpires?: number;
  /** What is published is signed by new keys. */
  readonly switched?: number;
  readonly done?: number;
}

export interface Job {
  readonly kind: JobKind;
  /** `rotate-timestamp`; also the file's. */
  readonly name: string;
  readonly changes: readonly RoleChange[];
  /** Milliseconds in which caches may show hosts an older root; 0: nothing is waited for, the old keys go at once. */
  readonly wait: number;
  readonly marks: JobMarks;
  /** Of a recovery. */
  readonly honest?: readonly HonestState[];
  /** Target paths that go. */
  readonly remove?: readonly string[];
}

const maxLength = 128 * 1024 * 1024;
const limits = { maxDepth: 8, maxValues: 20_000, maxDigits: 16 };
const folder = 'jobs';
export const jobNameForm = /^(?:rotate|revoke|recover)(?:-[a-z0-9][a-z0-9._-]{0,80})?$/;

export function jobPath({ directory }: Pick<Workspace, 'directory'>, name: string): string {
  return join(directory, folder, `${name}.json`);
}

/** Every job of a workspace, by name; those that are done are gone. @throws state-damaged */
export async function readJobs(workspace: Workspace): Promise<readonly Job[]> {
  const { fileSystem, directory } = workspace;
  const path = join(directory, folder);
  if ((await statusIfAny(fileSystem, path)) === undefined) return [];
  const entries = await onDisk('list', path, () => fileSystem.entries(path));
  const names = entries.flatMap(({ name }) => (name.endsWith('.json') ? [name.slice(0, -5)] : []));
  const jobs: Job[] = [];
  for (const name of names.filter((candidate) => jobNameForm.test(candidate)).sort()) {
    const job = await readJob(workspace, name);
    if (job !== undefined) jobs.push(job);
  }
  return jobs;
}

/** @throws state-damaged */
export async function readJob(workspace: Workspace, name: string): Promise<Job | undefined> {
  const { fileSystem, directory } = workspace;
  const path = jobPath(workspace, name);
  const file = await readPlainFile(fileSystem, path, maxLength, { within: directory });
  if (file === undefined) return undefined;
  try {
    return jobIn(parseJson(file.bytes, limits, path), name, path);
  } catch (cause) {
    throw new TidegateError(
      'state-damaged',
      `${path} is damaged; tidegate rotate --abandon ${name} removes it`,
      { path },
      { cause },
    );
  }
}

export async function writeJob(workspace: Workspace, job: Job): Promise<void> {
  const { fileSystem, directory } = workspace;
  const path = jobPath(workspace, job.name);
  await makeFolders(fileSystem, path, { within: directory, mode: 0o700 });
  await writeDurably(fileSystem, path, new TextEncoder().encode(formatJson(jobJson(job))), {
    within: directory,
  });
}

export async function removeJob({ fileSystem, directory }: Workspace, name: string): Promise<void> {
  await removeDurably(fileSystem, jobPath({ directory }, name), { within: directory });
}

function jobJson({ kind, changes, wait, marks, honest, remove }: Job): JsonObject {
  const times = Object.entries(marks).map(([mark, time]) => [mark, formatTime(Number(time))]);
  const json = jsonOf({
    format: 1,
    kind,
    changes: changes.map((change) => ({ ...change })),
    wait,
    marks: Object.fromEntries(times),
    ...(remove !== undefined && { remove }),
    ...(honest !== undefined && {
      honest: honest.map(({ snapshot, targets, ...rest }) => ({
        ...rest,
        snapshot: Buffer.from(snapshot).toString('base64'),
        ...(targets !== undefined && { targets: Buffer.from(targets).toString('base64') }),
      })),
    }),
  });
  return isJsonObject(json) ? json : new Map();
}

function jobIn(json: JsonValue, name: string, path: string): Job {
  const kind = isJsonObject(json) ? jobKinds.find((candidate) => candidate === json.get('kind')) : undefined;
  if (!isJsonObject(json) || kind === undefined || json.get('format') !== 1)
    throw new Error(`${path}: no job`);
  const honest = json.get('honest');
  const remove = json.get('remove');
  return {
    kind,
    name,
    changes: objectsIn(json.get('changes')).map((change) => ({
      role: textAt(change, 'role'),
      before: textsIn(change.get('before')),
      after: textsIn(change.get('after')),
    })),
    wait: numberAt(json, 'wait'),
    marks: marksIn(json.get('marks')),
    ...(honest !== undefined && { honest: objectsIn(honest).map(honestIn) }),
    ...(remove !== undefined && { remove: textsIn(remove) }),
  };
}

function honestIn(json: JsonObject): HonestState {
  const targets = json.get('targets');
  return {
    repository: textAt(json, 'repository'),
    timestamp: numberAt(json, 'timestamp'),
    snapshot: Buffer.from(textAt(json, 'snapshot'), 'base64'),
    ...(typeof targets === 'string' && { targets: Buffer.from(targets, 'base64') }),
  };
}

const markNames = ['introduced', 'oldExpires', 'switched', 'done'] as const;

function marksIn(json: JsonValue | undefined): JobMarks {
  if (!isJsonObject(json)) throw new Error('no marks');
  const timeAt = (mark: string): number | undefined => parseTime(String(json.get(mark)));
  const started = timeAt('started');
  if (started === undefined) throw new Error('no beginning');
  const known = markNames.flatMap((mark) => {
    const time = timeAt(mark);
    return time === undefined ? [] : [[mark, time] as const];
  });
  return { started, ...Object.fromEntries(known) };
}

function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return isJsonArray(value) ? value.filter(isJsonObject) : [];
}

function textsIn(value: JsonValue | undefined): readonly string[] {
  return isJsonArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function textAt(json: JsonObject, member: string): string {
  const value = json.get(member);
  if (typeof value === 'string') return value;
  throw new Error(`${member} is no text`);
}

function numberAt(json: JsonObject, member: string): number {
  const value = json.get(member);
  if (typeof value === 'number') return value;
  throw new Error(`${member} is no number`);
}
