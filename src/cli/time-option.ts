/** Times and durations as people type them into options. */
import { InvalidArgumentError } from 'commander';
import { parseTime } from '../metadata/time.ts';

const millisecondsOf = {
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
} as const satisfies Record<string, number>;

/** What a duration looks like, for help and messages. */
export const durationForm = 'a number and s, min, h, d or w, such as 12h or 5.5d';

/** Longer durations would leave the range of dates. */
const longest = 36_525 * millisecondsOf.d;

/** Milliseconds of "12h", "5.5d", "90min"; undefined when the text is none. */
export function readDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?) ?(s|min|h|d|w)$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = match[2] as keyof typeof millisecondsOf;
  const milliseconds = Math.round(Number(match[1]) * millisecondsOf[unit]);
  return milliseconds <= longest ? milliseconds : undefined;
}

/** For an option that takes a duration. */
export function duration(text: string): number {
  const milliseconds = readDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError(`expected ${durationForm}`);
  return milliseconds;
}

/** For `--at`: a time as a function of the present one. "+14d", "2030-01-31T09:30:00Z", "2030-01-31". */
export function momentOption(text: string): (now: number) => number {
  const ahead = text.startsWith('+') ? readDuration(text.slice(1)) : undefined;
  if (ahead !== undefined) return (now) => now + ahead;
  const time = parseTime(text) ?? parseTime(`${text}T00:00:00Z`);
  if (time !== undefined) return () => time;
  throw new InvalidArgumentError(
    `expected a time such as 2030-01-31T09:30:00Z or 2030-01-31, or + and ${durationForm}`,
  );
}
