/**
 * Times in documents (TUF specification 4.2.3). Writers: whole seconds and a capital Z, exactly. Readers also
 * take a fraction of up to nine digits, which deployed repositories carry; it is cut to milliseconds, so that
 * nothing lives longer than it says. Nothing else is a time, and what is not a time is invalid, never "not
 * expired".
 */
import { TidegateError } from '../errors.ts';
import { invalid, type Place } from './fields.ts';
import type { JsonValue } from './json.ts';

const form = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/;

/** Milliseconds since the epoch, or undefined when the text is not a time. */
export function parseTime(text: string): number | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, seconds = '', fraction = ''] = match;
  const time = Date.parse(`${seconds}Z`);
  // A date that does not print back the same (February 30, hour 24) does not exist.
  if (Number.isNaN(time) || formatTime(time) !== `${seconds}Z`) return undefined;
  return time + Number(fraction.slice(0, 3).padEnd(3, '0'));
}

const firstTime = Date.parse('0000-01-01T00:00:00Z');
const endOfTime = Date.parse('+010000-01-01T00:00:00Z');

/**
 * The one form that every client reads: `2030-01-31T09:30:00Z`. Parts of a second are cut off.
 *
 * @throws document-invalid for a year that has not four digits
 */
export function formatTime(milliseconds: number): string {
  if (milliseconds >= firstTime && milliseconds < endOfTime)
    return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
  throw new TidegateError('document-invalid', `the time ${milliseconds} is not in a year from 0 to 9999`, {
    found: milliseconds,
  });
}

export function timeAt(value: JsonValue | undefined, place: Place): number {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) throw invalid(place, 'a time such as 2030-01-31T09:30:00Z', value);
  return time;
}
