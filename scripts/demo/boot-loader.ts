/**
 * The part of a host that the agent does not play: the boot loader, and the system's own check that it came up. Its rules
 * are those of the boot flags, so that what the agent orders is what boots:
 *
 * 1. The bootable slot of higher priority boots, and uses up one of its tries first.
 * 2. A system comes up when its slot holds exactly the bytes of the release that its record names. The demo knows those
 *    from the image itself, not from the agent. (A real host has dm-verity for this.)
 * 3. A system that does not come up resets the machine, and the loader chooses again.
 */
import { join } from 'node:path';
import { type SlotName, startNext } from '../../src/agent/boot-flags.ts';
import type { FileSlots } from '../../src/agent/file-slots.ts';
import { type Content, measure } from './compression.ts';

export interface Boot {
  /** What runs now. */
  readonly slot: SlotName;
  readonly version: string;
  /** Slots that were tried before and did not come up. */
  readonly failed: readonly SlotName[];
}

/** More resets than both slots have tries. */
const mostResets = 32;

/** @param contents what the image of each version holds */
export async function boot(slots: FileSlots, contents: ReadonlyMap<string, Content>): Promise<Boot> {
  const failed: SlotName[] = [];
  for (let reset = 0; reset < mostResets; reset += 1) {
    const slot = await useTry(slots);
    const version = await comesUp(slots, slot, contents);
    if (version !== undefined) return { slot, version, failed };
    failed.push(slot);
  }
  throw new Error(`${slots.location}: neither slot comes up`);
}

async function useTry(slots: FileSlots): Promise<SlotName> {
  const flags = startNext(await slots.readFlags());
  if (flags === undefined) throw new Error(`${slots.location}: no slot can boot`);
  await slots.writeFlags(flags);
  return flags.active;
}

/** The version that runs; undefined when its bytes are not those of its image. */
async function comesUp(
  slots: FileSlots,
  slot: SlotName,
  contents: ReadonlyMap<string, Content>,
): Promise<string | undefined> {
  const version = (await slots.readContent(slot))?.release.version;
  const expected = version === undefined ? undefined : contents.get(version);
  if (expected === undefined) return undefined;
  const found = await measure(imagePath(slots, slot));
  return found.length === expected.length && found.sha256 === expected.sha256 ? version : undefined;
}

export function imagePath(slots: FileSlots, slot: SlotName): string {
  return join(slots.location, `slot-${slot}`, 'image.img');
}
