/**
 * What firmware and boot loader do with file slots, for tests and demonstrations: choose by the flags as GRUB's
 * gptprio does, use up a try, start what lies there. A slot whose images are not whole does not start, and tells.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { BootFlags, SlotName } from '../../src/agent/boot-flags.ts';
import { FileSlots, flagsFile } from '../../src/agent/file-slots.ts';
import { readSealed, writeSealed } from '../../src/agent/sealed-file.ts';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import { readPlainFile } from '../../src/storage/plain-file.ts';
import type { ReleaseId } from '../../src/waves/release.ts';

export interface Booted {
  readonly slot: SlotName;
  readonly release: ReleaseId;
  /** How often the boot loader had to start before a system stayed up. */
  readonly starts: number;
}

export interface Machine {
  readonly directory: string;
  readonly fileSystem?: FileSystem;
}

const IMAGE_LIMIT = 2 ** 31;

/** GRUB: in order of the table, the highest priority above 0 that has tries left or was successful. */
export function chooseSlot(flags: BootFlags): SlotName | undefined {
  let best = 0;
  let chosen: SlotName | undefined;
  for (const slot of ['a', 'b'] as const) {
    const { priority, tries, successful } = flags[slot];
    if (priority <= best || (tries === 0 && !successful)) continue;
    best = priority;
    chosen = slot;
  }
  return chosen;
}

/** One start: the release that was started. Throws when nothing can boot, or what boots is not whole. */
export async function start({
  directory,
  fileSystem: fs = nodeFileSystem,
}: Machine): Promise<Omit<Booted, 'starts'>> {
  const file = flagsFile(directory);
  const flags = await readSealed(fs, file);
  const slot = flags === undefined ? undefined : chooseSlot(flags);
  if (flags === undefined || slot === undefined) throw new Error(`nothing boots: ${JSON.stringify(flags)}`);
  const { tries } = flags[slot];
  await writeSealed(fs, file, {
    ...flags,
    active: slot,
    [slot]: { ...flags[slot], tries: Math.max(0, tries - 1) },
  });
  return { slot, release: await load(fs, directory, slot) };
}

/** Power on: starts until a system stays up. What does not stay up resets the machine. */
export async function powerOn(
  machine: Machine,
  staysUp: (release: ReleaseId) => boolean = () => true,
): Promise<Booted> {
  for (let starts = 1; starts <= 16; starts += 1) {
    const booted = await start(machine);
    if (staysUp(booted.release)) return { ...booted, starts };
  }
  throw new Error('the machine starts over and over');
}

/** Throws unless every slot is whole that has a record, or flags that are not cleared: either could lead somebody to it. */
export async function checkMarkedSlots({
  directory,
  fileSystem: fs = nodeFileSystem,
}: Machine): Promise<void> {
  const slots = new FileSlots({ directory, slotSize: 4096, fileSystem: fs });
  const flags = await slots.readFlags();
  for (const slot of ['a', 'b'] as const) {
    const { priority, tries, successful } = flags[slot];
    const isMarked = priority > 0 || tries > 0 || successful;
    if (isMarked || (await slots.readContent(slot)) !== undefined) await load(fs, directory, slot);
  }
}

async function load(fs: FileSystem, directory: string, slot: SlotName): Promise<ReleaseId> {
  const content = await new FileSlots({ directory, slotSize: 4096, fileSystem: fs }).readContent(slot);
  if (content === undefined) throw new Error(`slot ${slot} is marked and holds nothing complete`);
  for (const [kind, { sha256, length }] of Object.entries(content.images)) {
    const image = await readPlainFile(fs, join(directory, `slot-${slot}`, `${kind}.img`), IMAGE_LIMIT);
    const found = createHash('sha256')
      .update(image?.bytes ?? '')
      .digest('hex');
    if (image?.bytes.byteLength !== length || found !== sha256)
      throw new Error(`slot ${slot} is marked and its ${kind} image is not whole`);
  }
  return content.release;
}
