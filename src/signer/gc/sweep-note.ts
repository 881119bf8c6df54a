/**
 * The notes of clean-ups in the store, `.publish/gc/<id>.json`: one for the whole store, because repositories share their
 * targets. `marked`: nothing is removed yet. `removing`: what it lists may be gone at any moment, so that nobody may find
 * "it is there already" and rely on it. Whoever publishes pins first and looks here then; a clean-up writes `removing`
 * first and reads the pins then: one of the two sees the other.
 */
import { randomUUID } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { isJsonObject } from '../../metadata/json.ts';
import { type FileInfo, SWAP_LIMIT, type SwappableStore, type WritableStore } from '../../storage/store.ts';
import {
  actor,
  damaged,
  formatNote,
  integerIn,
  notesFolder,
  readNote,
  textIn,
} from '../publication/store-note.ts';

const folder = `${notesFolder}/gc/`;
/** Files of one mark. The rest comes with the next. */
const mostMarked = 3000;
/** Bytes of a note: small enough to be swapped, also when it says `removing`. */
const longestNote = SWAP_LIMIT - 1024;
/** Milliseconds after which nothing is removed any more upon one reading of pins. */
export const removalTime = 10 * 60_000;
/** Milliseconds after which a removal is taken for dead: others may finish it, and publishers pass over it. */
export const removalLife = 6 * removalTime;

export type SweepState = 'marked' | 'removing';

/** Times in milliseconds since the epoch. */
export interface Sweep {
  /** Of the note in the store. */
  readonly name: string;
  readonly etag: string;
  readonly state: SweepState;
  readonly markedAt: number;
  /** When the removal began, or went on. */
  readonly removingAt: number | undefined;
  readonly files: readonly FileInfo[];
}

/** As many of these as one note holds. */
export function markable(files: readonly FileInfo[]): readonly FileInfo[] {
  let chosen = files.slice(0, mostMarked);
  while (bytesOf({ markedAt: 0, removingAt: undefined, files: chosen }).byteLength > longestNote)
    chosen = chosen.slice(0, Math.ceil(chosen.length / 2));
  return chosen;
}

/** Makes a note of what was found; its name sorts by its time. */
export async function noteMarked(
  store: SwappableStore,
  files: readonly FileInfo[],
  now: number,
): Promise<string> {
  const time = new Date(now)
    .toISOString()
    .replaceAll(/[^\dT]/g, '')
    .slice(0, 15);
  const name = `${folder}${time}-${randomUUID().slice(0, 8)}.json`;
  await store.create(name, bytesOf({ markedAt: now, removingAt: undefined, files }));
  return name;
}

/** undefined: somebody else has taken it meanwhile. Of two at the same moment, too, only one has. */
export async function noteRemoving(
  store: SwappableStore,
  sweep: Sweep,
  files: readonly FileInfo[],
  now: number,
): Promise<Sweep | undefined> {
  const next = { markedAt: sweep.markedAt, removingAt: now, files };
  if ((await store.swap(sweep.name, bytesOf(next), sweep.etag)) === 'lost') return undefined;
  return await readSweep(store, sweep.name);
}

function bytesOf({
  markedAt,
  removingAt,
  files,
}: Pick<Sweep, 'markedAt' | 'removingAt' | 'files'>): Uint8Array {
  const listed = files.map(({ name, etag, length }) => {
    return [
      name,
      new Map<string, string | number>([
        ['etag', etag],
        ['length', length],
      ]),
    ] as const;
  });
  return formatNote({
    state: removingAt === undefined ? 'marked' : 'removing',
    actor: actor(),
    marked_at: markedAt,
    removing_at: removingAt,
    // A swap for what is there already would be told that it has won.
    taken: removingAt === undefined ? undefined : randomUUID(),
    files: new Map(listed),
  });
}

/** The oldest first. @throws state-damaged */
export async function readSweeps(store: WritableStore): Promise<readonly Sweep[]> {
  const sweeps: Sweep[] = [];
  for await (const { name } of store.list(folder)) {
    const sweep = isSweepNote(name) ? await readSweep(store, name) : undefined;
    if (sweep !== undefined) sweeps.push(sweep);
  }
  return sweeps;
}

/** A repository of a variant `gc` has notes below the same folder. */
function isSweepNote(name: string): boolean {
  return /^[^/]+\.json$/.test(name.slice(folder.length));
}

async function readSweep(store: WritableStore, name: string): Promise<Sweep | undefined> {
  const note = await readNote(store, name);
  if (note === undefined) return undefined;
  const { json, etag } = note;
  const [state, files] = [textIn(json, 'state'), json.get('files')];
  const [markedAt, removingAt] = [integerIn(json, 'marked_at'), integerIn(json, 'removing_at')];
  if (markedAt === undefined || !isJsonObject(files)) throw damaged(name);
  if (state !== 'marked' && state !== 'removing') throw damaged(name);
  const listed = Array.from(files, ([file, facts]) => {
    if (!isJsonObject(facts)) throw damaged(name);
    return { name: file, etag: textIn(facts, 'etag') ?? '', length: integerIn(facts, 'length') ?? 0 };
  });
  return { name, etag, state, markedAt, removingAt, files: listed };
}

/**
 * For whoever is about to rely on files that are in the store already, after he has pinned them.
 *
 * @param now milliseconds since the epoch
 * @throws locked when a clean-up is removing one of them
 */
export async function requireNotRemoving(
  store: WritableStore,
  names: ReadonlySet<string>,
  now: number,
): Promise<void> {
  for (const sweep of await readSweeps(store)) {
    if (sweep.state !== 'removing' || now - (sweep.removingAt ?? 0) >= removalLife) continue;
    const file = sweep.files.find(({ name }) => names.has(name));
    if (file === undefined) continue;
    const text = `a clean-up is just removing ${file.name} from ${store.location} (${sweep.name}). Try again in some minutes; if the clean-up died: tidegate gc --delete`;
    throw new TidegateError('locked', text, { name: file.name, note: sweep.name });
  }
}
