/**
 * Pins: what a publication is about to list stays in the store until it is done, or until the pin has run out.
 *
 * 1. A pin is there before anybody asks whether an image is in the store already: between that answer and the commit
 *    nothing may remove it.
 * 2. Whoever cleans up reads the pins after it has marked what to remove, and takes their names out. Of roles it leaves
 *    every version from those of the pin on: they may be numbers that were burned, or files that wait for the commit.
 * 3. A pin that has run out holds nothing. A publication that takes longer holds its pin anew before it goes on, and
 *    does not commit when half its life is over since then; whoever cleans up heeds it for half its life longer than it
 *    says. So clocks may be days apart.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { isJsonObject } from '../../metadata/json.ts';
import { jsonOf } from '../../metadata/json-writer.ts';
import { targetName } from '../../metadata/repository-layout.ts';
import type { ReadableStore, SwappableStore, WritableStore } from '../../storage/store.ts';
import { requireNotRemoving } from '../gc/sweep-note.ts';
import type { LiveRepository } from './live-repository.ts';
import type { RepositoryPlan } from './plan.ts';
import {
  actor,
  damaged,
  formatNote,
  integerIn,
  noteName,
  notesFolder,
  objectIn,
  readNote,
  textIn,
} from './store-note.ts';

/** Milliseconds for which a pin holds: longer than the slowest upload between two looks at it. */
export const pinLifetime = 7 * 24 * 3_600_000;

/** Milliseconds after holding a pin within which a publication commits. */
const pinHolds = pinLifetime / 2;
/** Milliseconds for which whoever cleans up heeds a pin that has run out. */
export const pinSlack = pinLifetime / 2;

/** Others that hold the same pin at the same moment, before something must be wrong. */
const mostTries = 5;

export interface Pin {
  /** The digest of the repository's part of the plan. */
  readonly plan: string;
  /** Names in the store. */
  readonly files: ReadonlySet<string>;
  /** The lowest version of each role that it may write. */
  readonly versions: ReadonlyMap<string, number>;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What a pin is made from. */
export interface PinWish extends Omit<Pin, 'files' | 'expiresAt'> {
  readonly repository: string;
  /** Names in the store, with length and SHA-256 where they are known. */
  readonly files: ReadonlyMap<string, { readonly length: number; readonly sha256?: string }>;
}

export function pinOf({ added, digest, live, roles }: RepositoryPlan): PinWish {
  const { name, folders } = live.place;
  const files = added.map(({ target, length, sha256 }) => {
    return [targetName(folders, target, sha256), { length, sha256 }] as const;
  });
  const versions = new Map(roles.map(({ role, to }) => [role, to]));
  return { repository: name, plan: digest, files: new Map(files), versions };
}

/** Makes a pin, or makes sure that it holds for long enough. @param now milliseconds since the epoch */
export async function holdPin(store: SwappableStore, wish: PinWish, now: number): Promise<void> {
  const name = noteName(wish.repository, 'plans', wish.plan);
  const note = noteOf(wish, now);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await store.create(name, note);
      return;
    } catch (error) {
      if (!isTidegateError(error, 'name-taken') || attempt === mostTries) throw error;
    }
    const found = await readNote(store, name);
    if (found === undefined) continue;
    if ((integerIn(found.json, 'expires_at') ?? 0) - now >= pinHolds) return;
    if ((await store.swap(name, note, found.etag)) === 'swapped') return;
  }
}

/** Holds a pin, and makes sure that no clean-up which did not see it is in its way. @throws locked */
export async function pinFiles(store: SwappableStore, wish: PinWish, now: number): Promise<void> {
  await holdPin(store, wish, now);
  await requireNotRemoving(store, new Set(wish.files.keys()), now);
}

/**
 * A machine that slept has been overtaken by clean-ups that saw no pin.
 *
 * @param held when it was held, and `now`, in milliseconds since the epoch
 * @param next what a person does then
 * @throws too-slow
 */
export function requirePinned(
  { place }: Pick<LiveRepository, 'place'>,
  held: number,
  now: number,
  next = 'Publish again',
): void {
  if (now - held < pinHolds) return;
  const text = `${place.name}: more than ${pinHolds / 3_600_000} hours went by between the last look at its files and the commit; nothing was committed. ${next}`;
  throw new TidegateError('too-slow', text, { repository: place.name });
}

function noteOf({ plan, files, versions }: PinWish, now: number): Uint8Array {
  return formatNote({
    plan,
    actor: actor(),
    files: new Map(Array.from(files, ([name, file]) => [name, jsonOf({ ...file })])),
    versions,
    expires_at: now + pinLifetime,
  });
}

/** Gives a pin back. One that may not be removed, or that somebody holds anew, runs out by itself. */
export async function closeNote(store: SwappableStore, name: string): Promise<void> {
  try {
    const found = await store.stat(name);
    if (found !== undefined) await store.remove(name, found.etag);
  } catch (error) {
    if (!isTidegateError(error, 'access-denied', 'store-unsupported')) throw error;
  }
}

export async function closePin(store: SwappableStore, repository: string, digest: string): Promise<void> {
  await closeNote(store, noteName(repository, 'plans', digest));
}

/**
 * The pins that hold now, of every repository, also of one that nobody knows here: it may list the same targets.
 *
 * @throws state-damaged for one that cannot be read: nobody knows then what it holds
 */
export async function readPins(store: WritableStore, now: number): Promise<readonly Pin[]> {
  const pins: Pin[] = [];
  for await (const { name } of store.list(`${notesFolder}/`)) {
    const pin = isPinName(name) ? await readPin(store, name) : undefined;
    if (pin !== undefined && pin.expiresAt > now) pins.push(pin);
  }
  return pins;
}

export function isPinName(name: string): boolean {
  return /\/plans\/[^/]+\.json$/.test(name);
}

/** undefined: there is none. @throws state-damaged */
export async function readPin(store: ReadableStore, name: string): Promise<Pin | undefined> {
  const found = await readNote(store, name);
  if (found === undefined) return undefined;
  const { json } = found;
  const [plan, expiresAt, files] = [textIn(json, 'plan'), integerIn(json, 'expires_at'), json.get('files')];
  if (plan === undefined || expiresAt === undefined || !isJsonObject(files)) throw damaged(name);
  const versions = [...objectIn(json, 'versions')].map(([role, version]) => [role, Number(version)] as const);
  return { plan, expiresAt, files: new Set(files.keys()), versions: new Map(versions) };
}
