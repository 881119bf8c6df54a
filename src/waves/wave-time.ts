/**
 * The times of a manifest. The reader is as wide as Bottlerocket's readers have been, the writer writes
 * what all of them read: `2030-01-01T00:00:00Z`, padded, in UTC, with a fraction only when there is one.
 *
 * Read as well: months to seconds without padding (old tools wrote them), offsets such as +02:00, and
 * fractions down to nanoseconds, rounded up to a millisecond so that nothing opens early.
 */
const pattern =
  /^(\d{4})-(\d{1,2})-(\d{1,2})T(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

const earliest = Date.UTC(1970, 0, 1);
const latest = Date.UTC(9999, 11, 31, 23, 59, 59);

/** The range of times, for messages. */
export const timeRange = 'a time from 1970 to 9999';

/** The form of a time, for messages. */
export const timeForm = 'a time such as "2030-01-01T00:00:00Z"';

/** Whether milliseconds since the epoch can stand in a manifest. */
export function isTime(milliseconds: number): boolean {
  return Number.isInteger(milliseconds) && milliseconds >= earliest && milliseconds <= latest;
}

/** Milliseconds since the epoch, or undefined when the text is no time from 1970 to 9999. */
export function readTime(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const year = Number(match[1]);
  const month = Number(match[2]);
  const day = Number(match[3]);
  const hour = Number(match[4]);
  const minute = Number(match[5]);
  const second = Number(match[6]);
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC carries a day that the month does not have over into another month, and takes year 70 for 1970.
  if (new Date(local).getUTCDate() !== day || year < 1000) return undefined;
  const time = local + fraction(match[7] ?? '') - zone(match[8], match[9], match[10]);
  return isTime(time) ? time : undefined;
}

/** The form that all readers take. */
export function formatTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z');
}

function fraction(digits: string): number {
  const padded = digits.padEnd(9, '0');
  return Number(padded.slice(0, 3)) + (Number(padded.slice(3)) > 0 ? 1 : 0);
}

function zone(sign = '+', hours = '0', minutes = '0'): number {
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -offset : offset;
}
