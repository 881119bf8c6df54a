/**
 * The time that counts for a whole refresh. Expiry is worth what the clock is worth: a clock that reads 1970 would
 * find nothing expired, so it may not read a time before one that is known to have passed.
 *
 * 1. Known to have passed: the build time that the host was given, and the start of the last refresh that was
 *    accepted. The latter is at most the expiry of a timestamp ahead, even when a clock had run wild.
 * 2. A clock behind by no more than the tolerance is taken to read the known time: answers do not change back.
 * 3. A clock further behind is an error (clock-behind), before anything is asked of the network.
 */
import { TidegateError } from '../errors.ts';
import { formatTime } from '../metadata/time.ts';

/** The end of year 9999. */
const lastFormattable = Date.UTC(10_000, 0);

/** All times in milliseconds since the epoch, the tolerance in milliseconds. @throws clock-behind */
export function startTimeOf(
  clock: number,
  known: { readonly earliestTime: number; readonly knownTime: number },
  tolerance: number,
): number {
  const floor = Math.max(known.earliestTime, known.knownTime);
  if (clock >= floor || tolerance === Number.POSITIVE_INFINITY) return clock;
  if (clock >= floor - tolerance) return floor;
  const why = known.knownTime > known.earliestTime ? 'of the last refresh' : 'of the build';
  throw new TidegateError(
    'clock-behind',
    `clock reads ${timeText(clock)}, before ${timeText(floor)} (${why}); waiting for time sync`,
    { clock, floor, tolerance },
  );
}

/** A broken clock may read what no calendar has. */
function timeText(time: number): string {
  return time >= 0 && time < lastFormattable ? formatTime(time) : `${time} ms`;
}
