/**
 * Offsets of policy files: how long after a start something happens, such as "4 hours" or "in 2 weeks".
 *
 * Bottlerocket's grammar, with the minutes of its 2025 versions: an optional word `in`, an unsigned 32-bit
 * integer, and a unit, parted by white space. No months (they have no length), no fractions, no
 * abbreviations and no sums, so that a policy can be read in one way only.
 */
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;

const millisecondsOf: ReadonlyMap<string, number> = new Map([
  ['minute', minute],
  ['minutes', minute],
  ['hour', hour],
  ['hours', hour],
  ['day', day],
  ['days', day],
  ['week', week],
  ['weeks', week],
]);

/** A century. Longer offsets are typing mistakes, and would leave the range of dates that files can hold. */
export const maxOffset = 36_525 * day;

/** What an offset looks like, for messages. */
export const offsetForm = '"[in] N minutes|hours|days|weeks", at most 100 years';

/** Milliseconds of an offset, or undefined when the text is none. For callers that name file and row. */
export function readOffset(text: string): number | undefined {
  const match = /^\s*(?:in\s+)?(\d{1,10})\s+([a-z]+)\s*$/.exec(text);
  if (match === null) return undefined;
  const [, digits = '', unit = ''] = match;
  const milliseconds = millisecondsOf.get(unit);
  if (milliseconds === undefined) return undefined;
  const offset = Number(digits) * milliseconds;
  return offset <= maxOffset ? offset : undefined;
}
