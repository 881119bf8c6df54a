/**
 * The journal of commits in the store, `.publish/<repository>/journal/<version of the timestamp>.json`, and the signed
 * timestamps that wait for their commit. With both, anyone who may write to the store can find out what a publisher that
 * died had begun, and finish it, without its disk and without keys.
 */
import { isTidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { ReadableStore, SwappableStore, WritableStore } from '../../storage/store.ts';
import { severalAtOnce } from '../workspace/several-at-once.ts';
import type { LiveRepository, PublishedRoles } from './live-repository.ts';
import { closeNote, closePin } from './pin.ts';
import type { RepositoryPlan } from './plan.ts';
import type { SignedFiles } from './sign-plan.ts';
import {
  actor,
  damaged,
  formatNote,
  integerIn,
  noteName,
  notePrefix,
  objectIn,
  readNote,
  textIn,
} from './store-note.ts';

/** A timestamp that is signed and perhaps not committed yet. Times in milliseconds since the epoch. */
export interface PreparedCommit {
  /** The id of the whole plan. */
  readonly plan: string;
  /** The digest of the repository's part of it. */
  readonly part: string;
  readonly preparedAt: number;
  /** What is replaced; undefined: this is the first publication. */
  readonly base: { readonly sha256: string; readonly version: number } | undefined;
  readonly version: number;
  /** The bytes of timestamp.json. */
  readonly timestamp: Uint8Array;
  readonly note: JsonObject;
}

export interface PreparedBy {
  /** The id of the whole plan. */
  readonly plan: string;
  readonly now: number;
}

/** Written when everything else is in the store, so that nothing but the commit is missing. */
export async function notePrepared(
  store: SwappableStore,
  plan: RepositoryPlan,
  { files, versions }: SignedFiles,
  { plan: id, now }: PreparedBy,
): Promise<void> {
  const { live, digest } = plan;
  const name = metadataName(live.place.folders, 'timestamp');
  const timestamp = files.get(name) ?? new Uint8Array();
  const digests = Array.from(files, ([file, bytes]) => [file, digestOf('sha256', bytes)] as const);
  const note = formatNote({
    plan: id,
    part: digest,
    actor: actor(),
    prepared_at: now,
    version: versions.timestamp,
    snapshot: versions.snapshot,
    base: baseOf(live.published),
    files: new Map(digests),
    timestamp: new TextDecoder().decode(timestamp),
  });
  const noted = noteName(live.place.name, 'prepared', digestOf('sha256', timestamp));
  await createNote(store, noted, note);
}

function baseOf(published: PublishedRoles | undefined) {
  if (published === undefined) return null;
  const { sha256, etag, timestamp, snapshot } = published;
  return { sha256, etag: etag ?? null, version: timestamp.version, snapshot: snapshot.version };
}

/** One that is there already says the same of the same timestamp, in somebody else's name. */
async function createNote(store: SwappableStore, name: string, note: Uint8Array): Promise<void> {
  try {
    await store.create(name, note);
  } catch (error) {
    if (!isTidegateError(error, 'name-taken')) throw error;
  }
}

/** Signed timestamps that were not settled. @throws state-damaged */
export async function readPrepared(
  store: WritableStore,
  repository: string,
): Promise<readonly PreparedCommit[]> {
  const found: PreparedCommit[] = [];
  for await (const { name } of store.list(notePrefix(repository, 'prepared'))) {
    const prepared = await readOnePrepared(store, name);
    if (prepared !== undefined) found.push(prepared);
  }
  return found;
}

async function readOnePrepared(store: ReadableStore, name: string): Promise<PreparedCommit | undefined> {
  const note = (await readNote(store, name))?.json;
  if (note === undefined) return undefined;
  const [plan, part, timestamp] = [textIn(note, 'plan'), textIn(note, 'part'), textIn(note, 'timestamp')];
  const [preparedAt, version] = [integerIn(note, 'prepared_at'), integerIn(note, 'version')];
  if (plan === undefined || part === undefined || timestamp === undefined) throw damaged(name);
  if (preparedAt === undefined || version === undefined) throw damaged(name);
  const base = objectIn(note, 'base');
  const [sha256, from] = [textIn(base, 'sha256'), integerIn(base, 'version')];
  const bytes = new TextEncoder().encode(timestamp);
  return {
    ...{ plan, part, preparedAt, version, note, timestamp: bytes },
    base: sha256 === undefined || from === undefined ? undefined : { sha256, version: from },
  };
}

/** What is known of one commit. */
export interface CommitNote {
  readonly version: number;
  readonly sha256: string;
  readonly snapshot: number;
  /** When it was noted, in milliseconds since the epoch: soon after it was committed. */
  readonly time: number;
  /** When its timestamp expires, in milliseconds since the epoch; notes of earlier versions do not say it. */
  readonly expires?: number;
}

/**
 * Notes what is published, unless it is noted. Whoever finds out first writes it: the publisher, whoever resumes, or the
 * next one, so that no snapshot that hosts have seen is ever missing from the journal.
 */
export async function noteCommit(
  store: SwappableStore,
  { place, published }: Pick<LiveRepository, 'place' | 'published'>,
  now: number,
): Promise<void> {
  if (published === undefined) return;
  const name = noteName(place.name, 'journal', published.timestamp.version);
  if ((await store.stat(name)) !== undefined) return;
  const prepared = await readCommitted(store, noteName(place.name, 'prepared', published.sha256));
  const note = prepared?.note ?? new Map();
  await createNote(
    store,
    name,
    formatNote({
      plan: prepared?.plan,
      part: prepared?.part,
      actor: textIn(note, 'actor'),
      noted_by: actor(),
      noted_at: now,
      version: published.timestamp.version,
      expires: published.timestamp.expires,
      sha256: published.sha256,
      etag: published.etag,
      snapshot: published.snapshot.version,
      base: note.get('base'),
      files: note.get('files'),
    }),
  );
}

/** The end of a commit in the store: it is noted, and what was prepared and pinned for it goes. */
export async function settleNotes(store: SwappableStore, live: LiveRepository, now: number): Promise<void> {
  const { place, published } = live;
  if (published === undefined) return;
  await noteCommit(store, live, now);
  const name = noteName(place.name, 'prepared', published.sha256);
  const prepared = await readCommitted(store, name);
  if (prepared !== undefined) await closePin(store, place.name, prepared.part);
  await closeNote(store, name);
}

/**
 * What was prepared and is committed now. Nothing hangs on its note any more: one that cannot be read, as that of another
 * version of this program, is as good as none, and must not hold up every publication from here on.
 */
async function readCommitted(store: ReadableStore, name: string): Promise<PreparedCommit | undefined> {
  try {
    return await readOnePrepared(store, name);
  } catch (error) {
    if (isTidegateError(error, 'state-damaged')) return undefined;
    throw error;
  }
}

/** Every commit that is noted, in the order of names. @throws state-damaged */
export async function readCommits(store: WritableStore, repository: string): Promise<readonly CommitNote[]> {
  const names: string[] = [];
  for await (const { name } of store.list(notePrefix(repository, 'journal'))) names.push(name);
  const commits: CommitNote[] = [];
  for await (const commit of severalAtOnce(names, (name) => readCommit(store, name)))
    if (commit !== undefined) commits.push(commit);
  return commits;
}

/** undefined: there is no such note. @throws state-damaged */
export async function readCommit(store: ReadableStore, name: string): Promise<CommitNote | undefined> {
  const note = (await readNote(store, name))?.json;
  if (note === undefined) return undefined;
  const [version, snapshot] = [integerIn(note, 'version'), integerIn(note, 'snapshot')];
  const [sha256, time] = [textIn(note, 'sha256'), integerIn(note, 'noted_at')];
  if (version === undefined || snapshot === undefined) throw damaged(name);
  if (sha256 === undefined || time === undefined) throw damaged(name);
  const expires = integerIn(note, 'expires');
  return { version, snapshot, sha256, time, ...(expires !== undefined && { expires }) };
}
