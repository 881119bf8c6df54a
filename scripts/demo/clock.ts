/**
 * The demo's own time. It only goes forward, and whoever runs the demo decides how fast: on a terminal it passes through
 * the hours so that people can follow, elsewhere it jumps.
 */
import { setTimeout as wait } from 'node:timers/promises';

export const hour = 3_600_000;
export const day = 24 * hour;

export interface DemoClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  advanceTo(time: number, signal: AbortSignal): Promise<void>;
}

export interface ClockOptions {
  readonly start: number;
  /** Real milliseconds that a day takes; 0 jumps. */
  readonly dayLasts: number;
  /** Called whenever the time has changed. */
  readonly ticked: () => void;
}

/** Real milliseconds between two steps. */
const stepLasts = 40;

export function createClock({ start, dayLasts, ticked }: ClockOptions): DemoClock {
  let current = start;
  return {
    now: () => current,
    advanceTo: async (time, signal) => {
      // Times are whole milliseconds, here as everywhere.
      const step = dayLasts > 0 ? Math.ceil((day * stepLasts) / dayLasts) : Number.POSITIVE_INFINITY;
      while (current < time) {
        signal.throwIfAborted();
        current = Math.min(time, current + step);
        ticked();
        if (dayLasts > 0) await wait(stepLasts, undefined, { signal });
      }
    },
  };
}
