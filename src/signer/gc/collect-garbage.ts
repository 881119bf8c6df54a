/**
 * Removes what nothing refers to any more, in two phases a day apart, and cannot bite whoever publishes meanwhile:
 *
 *     list → read everything that is kept → mark (a note in the store) → … a day … → list, read again, intersect
 *     → the note says `removing` → read pins and everything that is kept once more → remove, each only if it is still
 *       the file that was marked → the note goes
 *
 * 1. A dry run writes nothing, and is what happens unless deletion is asked for.
 * 2. No removal is unconditional, and no request for one is sent more than ten minutes after the note: it is looked at
 *    after every wait, a machine that slept included. Publishers heed the note for an hour.
 * 3. Whatever dies on the way is finished by the next run. Two that run at once share nothing but the note, which one of
 *    them wins.
 */
import { TidegateError } from '../../errors.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import type { FileInfo } from '../../storage/store.ts';
import { inParallel } from '../audit/parallel.ts';
import { requireClock } from '../publication/clock-check.ts';
import { closeNote } from '../publication/pin.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { requireFreshLists } from './fresh-lists.ts';
import { garbageIn, inOrderOfRemoval, refuseRoot } from './garbage.ts';
import { type GraceSettings, requireGrace } from './grace.ts';
import { keptIn, requireModified } from './kept.ts';
import {
  markable,
  noteMarked,
  noteRemoving,
  readSweeps,
  removalLife,
  removalTime,
  type Sweep,
} from './sweep-note.ts';

export interface CollectOptions {
  /** Milliseconds since the epoch; asked again and again, because a removal has its time. */
  readonly now: () => number;
  readonly settings: GraceSettings;
  /** What people keep: names, or beginnings of names with `*` behind them. */
  readonly wishes: readonly string[];
  /** False: say what would happen, and write nothing. */
  readonly act: boolean;
  readonly signal?: AbortSignal;
}

export interface Collection {
  /** Everything in the store that nothing refers to. */
  readonly garbage: readonly FileInfo[];
  /** Removed now; in a dry run what could be. */
  readonly removed: readonly FileInfo[];
  /** Marked now; in a dry run what would be. */
  readonly marked: readonly FileInfo[];
  /** Marked before, and not long enough ago. */
  readonly waiting: readonly FileInfo[];
  /** Names that were marked, and that somebody refers to again, or that changed. */
  readonly spared: readonly string[];
}

/**
 * @throws usage for a grace that is too short, locked, clock-skewed, expired when a published timestamp has, by the clock
 *   of this machine, store-unsupported where lists are late, and what `keptIn` throws; nothing is removed then
 */
export async function collectGarbage(workspace: Workspace, options: CollectOptions): Promise<Collection> {
  const { settings, act } = options;
  const { store } = workspace;
  requireGrace(settings, workspace.expiration.timestamp);
  await requireClocks(workspace, options);
  const sweeps = await readSweeps(store);
  const look = await lookForGarbage(workspace, options);
  const { garbage, timestampLives } = look;
  if (act) await requireFitToAct(workspace, timestampLives, garbage.length + sweeps.length);
  const ripe = sweeps.filter((sweep) => isRipe(sweep, options));
  const removed: FileInfo[] = [];
  const spared: string[] = [];
  for (const sweep of ripe) {
    const outcome = act ? await remove(workspace, sweep, options) : foreseen(sweep, look);
    removed.push(...outcome.removed);
    spared.push(...outcome.spared);
  }
  const waiting = sweeps.filter((sweep) => !ripe.includes(sweep)).flatMap(({ files }) => files);
  const known = new Set([...waiting, ...ripe.flatMap(({ files }) => files)].map(({ name }) => name));
  const marked = markable(garbage.filter(({ name }) => !known.has(name)));
  if (act && marked.length > 0) await noteMarked(store, marked, options.now());
  return { garbage, removed, marked, waiting, spared };
}

async function requireClocks(workspace: Workspace, { now, signal }: CollectOptions): Promise<void> {
  for (const { name } of repositoriesOf(workspace.settings))
    await requireClock(workspace, name, { now: now(), ...(signal && { signal }) });
}

/**
 * Whose clock is ahead sees pins and the grace run out before others do; where a store has no clock, a timestamp that has
 * expired is the only sign of it. And where lists are late, pins are missing from them.
 */
async function requireFitToAct(
  { store }: Workspace,
  timestampLives: readonly number[],
  work: number,
): Promise<void> {
  if (timestampLives.some((life) => life <= 0)) {
    const text =
      'a published timestamp has expired by the clock of this machine: it is ahead, or nobody renews. Nothing was removed; look at the clock, then tidegate refresh';
    throw new TidegateError('expired', text, { location: store.location });
  }
  if (work > 0) await requireFreshLists(store);
}

/** What nothing refers to, now. */
export async function findGarbage(
  workspace: Workspace,
  options: Omit<CollectOptions, 'act'>,
): Promise<readonly FileInfo[]> {
  return (await lookForGarbage(workspace, options)).garbage;
}

interface Look {
  readonly garbage: readonly FileInfo[];
  /** Names of everything in the store. */
  readonly present: ReadonlySet<string>;
  /** As in `KeptFiles`. */
  readonly timestampLives: readonly number[];
}

async function lookForGarbage(
  workspace: Workspace,
  { now, settings, wishes, signal }: Omit<CollectOptions, 'act'>,
): Promise<Look> {
  const { store } = workspace;
  const files: FileInfo[] = [];
  for await (const file of store.list()) files.push(file);
  const { grace } = settings;
  const kept = await keptIn(workspace, { files, now: now(), grace, wishes, ...(signal && { signal }) });
  const { timestampLives } = kept;
  requireGrace(settings, Math.max(0, ...timestampLives));
  const garbage = garbageIn(files, repositoriesOf(workspace.settings), kept);
  const { youngSince } = kept;
  const present = new Set(files.map(({ name }) => name));
  if (youngSince === undefined) return { garbage, present, timestampLives };
  const old = new Set<string>();
  await inParallel(garbage, 8, async ({ name }) => {
    if ((await requireModified(store, name)) < youngSince) old.add(name);
  });
  return { garbage: garbage.filter(({ name }) => old.has(name)), present, timestampLives };
}

/** A removal that is under way is left alone until it must be dead. */
function isRipe({ state, markedAt, removingAt }: Sweep, { now, settings }: CollectOptions): boolean {
  if (state === 'removing') return now() - (removingAt ?? 0) >= removalLife;
  return now() - markedAt >= settings.wait;
}

interface Outcome {
  readonly removed: readonly FileInfo[];
  readonly spared: readonly string[];
}

function foreseen({ files }: Sweep, { garbage, present }: Look): Outcome {
  const still = new Map(garbage.map((file) => [file.name, file]));
  const removed = files.filter((file) => isSame(file, still.get(file.name)));
  return { removed, spared: sparedOf(files, removed, present) };
}

function isSame(file: FileInfo, found: FileInfo | undefined): boolean {
  return found !== undefined && found.length === file.length && found.etag === file.etag;
}

/** What a run that died had removed already is not spared. */
function sparedOf(
  files: readonly FileInfo[],
  removed: readonly FileInfo[],
  present: ReadonlySet<string>,
): readonly string[] {
  const gone = new Set(removed.map(({ name }) => name));
  return files.flatMap(({ name }) => (gone.has(name) || !present.has(name) ? [] : [name]));
}

async function remove(workspace: Workspace, sweep: Sweep, options: CollectOptions): Promise<Outcome> {
  const { store } = workspace;
  const before = foreseen(sweep, await lookForGarbage(workspace, options));
  const begun = options.now();
  const taken = await noteRemoving(store, sweep, before.removed, begun);
  if (taken === undefined) return { removed: [], spared: [] };
  // Whoever has pinned one of them until now is seen here; whoever pins from now on sees the note.
  const { removed: chosen, spared } = foreseen(taken, await lookForGarbage(workspace, options));
  const removed: FileInfo[] = [];
  const ready = (): void => {
    if (options.now() - begun >= removalTime) throw overdue(sweep);
  };
  for (const file of inOrderOfRemoval(chosen)) {
    checkCancelled('removing', options.signal);
    refuseRoot(file.name);
    if ((await store.remove(file.name, file.etag, { ready })) === 'removed') removed.push(file);
  }
  await closeNote(store, sweep.name);
  return { removed, spared: [...before.spared, ...spared] };
}

function overdue({ name }: Sweep): TidegateError {
  const text = `${name}: the removal takes longer than ${removalTime / 60_000} minutes; what is left goes with a run in an hour`;
  return new TidegateError('too-slow', text, { name });
}
