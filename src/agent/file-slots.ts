/**
 * Two slots as files in one folder:
 *
 *     boot-flags.json   which slot runs, and the flags of both
 *     lock/             claims of agents at work
 *     slot-a/ slot-b/   <kind>.img for each image, and content.json once all of them are verified
 *
 * Rules:
 * 1. The active slot is never written. The inactive one is known by the flags, and refused when it is the same
 *    folder as the active one by another name.
 * 2. No link is followed: not a slot, not an image, not a record.
 * 3. Images are made anew, never opened for change, so that a second name of some file cannot be written through.
 * 4. Damaged flags are an error: nobody guesses what boots.
 */
import { constants } from 'node:fs';
import { join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { onDisk } from '../storage/disk-error.ts';
import { removeDurably } from '../storage/durable-file.ts';
import { type FileHandle, type FileStatus, type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { acquireLock, type Lock } from '../storage/lock.ts';
import { notPlain, statusIfAny } from '../storage/plain-file.ts';
import { sweepTemporaries, syncFolder } from '../storage/staged-file.ts';
import type { CancelOptions } from '../storage/store.ts';
import { type BootFlags, MAX_FLAG, otherSlot, type SlotFlags, type SlotName } from './boot-flags.ts';
import { integer, members, readSealed, type SealedFile, writeSealed } from './sealed-file.ts';
import {
  type ImagePlace,
  type InactiveSlot,
  isSlotSize,
  parseContent,
  type SlotContent,
  type Slots,
  slotSizeRule,
} from './slots.ts';

export interface FileSlotsOptions {
  readonly directory: string;
  /** Bytes that all images of one slot together may take; a multiple of 4096. */
  readonly slotSize: number;
  readonly fileSystem?: FileSystem;
}

const IMAGE_SUFFIX = '.img';
const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const createForReadBack = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW;

export class FileSlots implements Slots {
  readonly location: string;
  readonly slotSize: number;
  readonly #fs: FileSystem;

  /** Code config-invalid for a size that is no positive multiple of 4096. */
  constructor({ directory, slotSize, fileSystem = nodeFileSystem }: FileSlotsOptions) {
    if (!isSlotSize(slotSize)) {
      const text = `slot size: found ${slotSize}, expected ${slotSizeRule}`;
      throw new TidegateError('config-invalid', text, { found: slotSize, expected: slotSizeRule });
    }
    this.location = directory;
    this.slotSize = slotSize;
    this.#fs = fileSystem;
  }

  async lock({ signal }: CancelOptions = {}): Promise<Lock> {
    if ((await statusIfAny(this.#fs, this.location)) === undefined) throw this.#missing('the folder');
    const lock = await acquireLock(
      this.#fs,
      join(this.location, 'lock'),
      signal === undefined ? {} : { signal },
    );
    try {
      await sweepTemporaries(this.#fs, this.location);
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async readFlags(): Promise<BootFlags> {
    const flags = await readSealed(this.#fs, flagsFile(this.location));
    if (flags !== undefined) return flags;
    throw this.#missing('boot-flags.json');
  }

  async writeFlags(flags: BootFlags): Promise<void> {
    await writeSealed(this.#fs, flagsFile(this.location), flags);
  }

  async readContent(slot: SlotName): Promise<SlotContent | undefined> {
    if ((await this.#slotFolder(slot)) === undefined) return undefined;
    return await readSealed(this.#fs, contentFile(this.location, slot));
  }

  async inactive(): Promise<InactiveSlot> {
    const { active } = await this.readFlags();
    const name = otherSlot(active);
    const [own, running] = [await this.#slotFolder(name), await this.#slotFolder(active)];
    if (own === undefined) throw this.#unfit(name, 'is missing');
    if (own.inode === running?.inode && own.device === running.device) {
      throw this.#unfit(name, `is the same folder as the active slot-${active}`);
    }
    await this.#requirePlain(name);
    return new InactiveFileSlot(this.#fs, join(this.location, `slot-${name}`), name, this.slotSize);
  }

  async #slotFolder(slot: SlotName): Promise<FileStatus | undefined> {
    const path = join(this.location, `slot-${slot}`);
    const status = await statusIfAny(this.#fs, path);
    if (status !== undefined && status.kind !== 'folder') throw notPlain(path, status.kind, 'folder');
    return status;
  }

  async #requirePlain(slot: SlotName): Promise<void> {
    const folder = join(this.location, `slot-${slot}`);
    for (const { name, kind } of await onDisk('list', folder, () => this.#fs.entries(folder))) {
      if (kind !== 'file') throw notPlain(join(folder, name), kind, 'file');
    }
  }

  #missing(what: string): TidegateError {
    const text = `${this.location} holds no slots: ${what} is missing. Set them up once with \`tidegate-agent init\`.`;
    return new TidegateError('slot-invalid', text, { path: this.location });
  }

  #unfit(slot: SlotName, what: string): TidegateError {
    const path = join(this.location, `slot-${slot}`);
    return new TidegateError('slot-invalid', `${path} ${what}. Nothing was changed.`, { path, slot });
  }
}

/** Writes into one folder; used for the inactive slot, and once for the first content of the active one. */
export class InactiveFileSlot implements InactiveSlot {
  readonly name: SlotName;
  readonly capacity: number;
  readonly #fs: FileSystem;
  readonly #folder: string;
  #used = 0;

  constructor(fs: FileSystem, folder: string, name: SlotName, capacity: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.name = name;
    this.capacity = capacity;
  }

  async empty(): Promise<void> {
    await removeDurably(this.#fs, join(this.#folder, 'content.json'));
    for (const { name } of await onDisk('list', this.#folder, () => this.#fs.entries(this.#folder))) {
      const path = join(this.#folder, name);
      if (name.endsWith(IMAGE_SUFFIX)) await onDisk('remove', path, () => this.#fs.unlink(path));
    }
    await sweepTemporaries(this.#fs, this.#folder);
    await syncFolder(this.#fs, this.#folder);
    this.#used = 0;
  }

  async open(kind: string): Promise<ImagePlace> {
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(kind)) {
      throw new TidegateError(
        'slot-invalid',
        `An image of kind ${JSON.stringify(kind)} has no place in a slot.`,
        {
          kind,
        },
      );
    }
    const path = join(this.#folder, `${kind}${IMAGE_SUFFIX}`);
    const handle = await onDisk('create', path, () => this.#fs.open(path, createForReadBack, 0o644));
    return {
      handle,
      path,
      capacity: this.capacity - this.#used,
      settle: async (length) => {
        this.#used += length;
        await requireSame(this.#fs, path, handle);
        await syncFolder(this.#fs, this.#folder);
      },
      close: () => handle.close(),
    };
  }

  async record(content: SlotContent): Promise<void> {
    await writeSealed(this.#fs, contentFile(join(this.#folder, '..'), this.name), content);
  }
}

/** What bears the name is what was written: nobody has put another file in its place. */
async function requireSame(fs: FileSystem, path: string, handle: FileHandle): Promise<void> {
  const written = await onDisk('look at', path, () => handle.status());
  const named = await statusIfAny(fs, path);
  if (named?.inode === written.inode && named.device === written.device) return;
  const text = `${path} was replaced while it was written. Look for another program that works on the slots.`;
  throw new TidegateError('slot-invalid', text, { path });
}

function contentFile(directory: string, slot: SlotName): SealedFile<SlotContent> {
  return {
    path: join(directory, `slot-${slot}`, 'content.json'),
    format: 'tidegate slot content 1',
    parse: parseContent,
    remedy:
      'Delete it: an inactive slot is then empty until the next update. For the running slot, see `init`.',
  };
}

/** The file that the boot loader reads and writes. */
export function flagsFile(directory: string): SealedFile<BootFlags> {
  return {
    path: join(directory, 'boot-flags.json'),
    format: 'tidegate boot flags 1',
    parse: parseFlags,
    remedy:
      'Nothing was changed, and nothing is guessed. Put the file back from a copy; or delete it and run ' +
      '`tidegate-agent init` for the slot that runs now: the other one is then empty until the next update.',
  };
}

function parseFlags(value: unknown): BootFlags {
  const { active, a, b } = members(value);
  if (active !== 'a' && active !== 'b') throw new Error('found no slot name for the active slot');
  return { active, a: parseSlotFlags(a), b: parseSlotFlags(b) };
}

function parseSlotFlags(value: unknown): SlotFlags {
  const { priority, tries, successful } = members(value);
  if (typeof successful !== 'boolean') throw new Error('found no true or false for successful');
  return { priority: integer(priority, 0, MAX_FLAG), tries: integer(tries, 0, MAX_FLAG), successful };
}
