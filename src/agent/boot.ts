/** A start of a host whose slots are files: what a boot loader does with the flags of a disk. */
import { join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { type SlotName, startNext } from './boot-flags.ts';
import type { Slots } from './slots.ts';

export interface StartedSlot {
  readonly slot: SlotName;
  /** The folder with its images. */
  readonly folder: string;
}

/**
 * Chooses the slot that starts now. The try is used up before its name is told, so that a start that never comes to
 * `confirm` has counted.
 *
 * @throws slot-invalid when no slot can boot or there are none, state-damaged, locked
 */
export async function startSlot(slots: Slots, signal: AbortSignal): Promise<StartedSlot> {
  const lock = await slots.lock({ signal });
  try {
    const started = startNext(await slots.readFlags());
    if (started === undefined) {
      throw new TidegateError('slot-invalid', `${slots.location}: no slot can boot; install one anew`, {
        path: slots.location,
      });
    }
    await slots.writeFlags(started);
    return { slot: started.active, folder: join(slots.location, `slot-${started.active}`) };
  } finally {
    await lock.release();
  }
}
