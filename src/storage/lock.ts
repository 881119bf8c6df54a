/**
 * An exclusive lock between processes, in a folder of its own, that outlives no crash.
 * - Who wants the lock puts a claim, a file with a name of its own, into the folder and then looks at the others:
 *   any other that lives, and the own claim is taken back. Of two at once at least one sees the other, so two
 *   never hold it.
 * - Names are never used twice, so removing the claim of a dead process cannot hit the claim of a living one;
 *   that is where lock files of one fixed name go wrong.
 * - A claim of another machine or container cannot be looked into; it counts as dead when much older than the own
 *   one, by the clock of the file system alone. So a holder writes to its claim again and again while it works.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { checkCancelled, pause } from './cancel.ts';
import { diskError, isSystem, onDisk } from './disk-error.ts';
import { makeFolder } from './durable-file.ts';
import { type FileSystem, openFlags } from './file-system.ts';
import { statusIfAny } from './plain-file.ts';
import { markedProcess, markState, processMark } from './process-mark.ts';
import type { CancelOptions } from './store.ts';
import { RESERVED_PREFIX } from './store-name.ts';

const CLAIM_PREFIX = `${RESERVED_PREFIX}claim-`;
/** How often a claim is written to in the time after which it would count as dead. */
const BEATS = 4;
const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 40;

export interface LockOptions extends CancelOptions {
  /** Milliseconds to wait for another holder, then code locked. Default 0. */
  readonly wait?: number;
  /**
   * Milliseconds after which the claim of a machine that cannot be looked into counts as dead, the same for all who
   * share a lock. Default 60,000.
   */
  readonly foreignAfter?: number;
}

export interface Lock {
  /** Gives the lock back; never throws. */
  release(): Promise<void>;
}

/** Claims that this process holds now: one with its mark that is not among them is left over from a failure. */
const held = new Set<string>();

/**
 * Takes the lock of a folder, which is made when missing (its parent must exist). Codes locked (details: process),
 * cancelled, disk-full, disk-error, not-a-plain-file.
 */
export async function acquireLock(fs: FileSystem, folder: string, options: LockOptions = {}): Promise<Lock> {
  const { wait = 0, foreignAfter = 60_000, signal } = options;
  const deadline = performance.now() + wait;
  await makeFolder(fs, folder, 0o755);
  for (;;) {
    checkCancelled(`waiting for the lock ${folder}`, signal);
    const result = await tryClaim(fs, folder, foreignAfter);
    if ('lock' in result) return result.lock;
    if (performance.now() >= deadline) throw lockedBy(folder, result.holder);
    await pause(randomInt(SHORTEST_PAUSE, LONGEST_PAUSE), `waiting for the lock ${folder}`, signal);
  }
}

async function tryClaim(
  fs: FileSystem,
  folder: string,
  foreignAfter: number,
): Promise<{ lock: Lock } | { holder: string }> {
  const name = `${CLAIM_PREFIX}${processMark()}-${randomBytes(8).toString('hex')}`;
  const path = join(folder, name);
  let beat: NodeJS.Timeout | undefined;
  const release = async (): Promise<void> => {
    clearInterval(beat);
    held.delete(path);
    await fs.unlink(path).catch(() => undefined);
  };
  held.add(path);
  try {
    const handle = await onDisk('create', path, () => fs.open(path, openFlags.create, 0o644));
    await handle.close();
    const holder = await livingOther(fs, folder, name, foreignAfter);
    if (holder === undefined) {
      beat = setInterval(() => void touch(fs, path).catch(() => undefined), foreignAfter / BEATS).unref();
      return { lock: { release } };
    }
    await release();
    return { holder };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Makes a claim as young as it can be. */
async function touch(fs: FileSystem, path: string): Promise<void> {
  const handle = await fs.open(path, openFlags.update);
  try {
    await handle.write([Uint8Array.of(0)], 0);
  } finally {
    await handle.close();
  }
}

/** Another claim that lives; those that do not are cleared away. */
async function livingOther(
  fs: FileSystem,
  folder: string,
  own: string,
  foreignAfter: number,
): Promise<string | undefined> {
  const mine = await onDisk('look at', folder, () => fs.status(join(folder, own)));
  let living: string | undefined;
  for (const { name } of await onDisk('list', folder, () => fs.entries(folder))) {
    if (name === own || !name.startsWith(CLAIM_PREFIX)) continue;
    const path = join(folder, name);
    if (await isLiving(fs, path, markOf(name), mine.modified - BigInt(foreignAfter) * 1_000_000n))
      living = name;
    else await clearAway(fs, path);
  }
  return living;
}

async function isLiving(fs: FileSystem, path: string, mark: string, foreignSince: bigint): Promise<boolean> {
  switch (markState(mark)) {
    case 'own':
      return held.has(path);
    case 'alive':
      return true;
    case 'dead':
      return false;
    case 'foreign': {
      const status = await statusIfAny(fs, path);
      return status !== undefined && status.modified >= foreignSince;
    }
  }
}

async function clearAway(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (!isSystem(error, 'ENOENT')) throw diskError(error, 'clear away', path);
  }
}

function markOf(claim: string): string {
  return claim.slice(CLAIM_PREFIX.length, claim.lastIndexOf('-'));
}

function lockedBy(folder: string, claim: string): TidegateError {
  const process = markedProcess(markOf(claim));
  const text = `Process ${process ?? 'unknown'} is working on ${dirname(folder)}; wait for it, or try again.`;
  return new TidegateError('locked', text, { path: folder, process: process ?? null });
}
