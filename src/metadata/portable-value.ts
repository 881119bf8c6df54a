/**
 * Values of free form (`custom`, unknown members) that every client reads and prints back as they were signed. Most
 * clients verify a signature over what they print again, so that a value which changes on the way breaks it for them.
 *
 * 1. Integers between -(2^53 - 1) and 2^53 - 1; there are no others in strict JSON but larger ones.
 * 2. Text in Unicode normalisation form C.
 * 3. Member names of ASCII: beyond it, clients disagree about their order.
 * 4. `custom` is an object with at least one member, or absent; one client drops an empty one, two refuse other kinds.
 */
import { checkCount, invalid, type Place } from './fields.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { documentLimits } from './limits.ts';
import { printable } from './printable.ts';

/** What is not portable about a value. */
export type ValueFaultKind = 'unsafe-integer' | 'not-normalised' | 'member-not-ascii';

export interface ValueFault {
  readonly kind: ValueFaultKind;
  /** Members from the value down, as in `.tags[2]`; empty for the value itself. */
  readonly path: string;
  readonly found: JsonValue;
}

const notAscii = /[^\u0020-\u007e]/;

/** Everything in a value, at any depth, that some client would print back differently. */
export function* valueFaults(value: JsonValue, path = ''): Generator<ValueFault, void> {
  if (typeof value === 'bigint') yield { kind: 'unsafe-integer', path, found: value };
  if (typeof value === 'string' && !isNormalised(value)) yield { kind: 'not-normalised', path, found: value };
  if (isJsonArray(value))
    for (const [index, item] of value.entries()) yield* valueFaults(item, `${path}[${index}]`);
  if (!isJsonObject(value)) return;
  for (const [name, member] of value) {
    const at = `${path}.${printable(name)}`;
    if (notAscii.test(name))
      yield { kind: isNormalised(name) ? 'member-not-ascii' : 'not-normalised', path: at, found: name };
    yield* valueFaults(member, at);
  }
}

function isNormalised(text: string): boolean {
  return text === text.normalize('NFC');
}

const expectations: Readonly<Record<ValueFaultKind, string>> = {
  'unsafe-integer': 'an integer between -(2^53 - 1) and 2^53 - 1',
  'not-normalised': 'text in Unicode normalisation form C',
  'member-not-ascii': 'a member name of printable ASCII characters',
};

/**
 * A `custom` that may be signed.
 *
 * @throws document-invalid naming the member, count-limit when it is larger than readers take
 */
export function checkPortableCustom(value: JsonValue, place: Place): JsonObject {
  if (!isJsonObject(value)) throw invalid(place, 'an object', value);
  if (value.size === 0)
    throw invalid(place, 'an object with at least one member; leave it out instead', value);
  checkCount(sizeOf(value), documentLimits.maxCustomSize, 'characters', place);
  for (const { kind, path, found } of valueFaults(value))
    throw invalid({ ...place, path: place.path + path }, expectations[kind], found);
  return value;
}

/** Roughly the characters of a value: text, member names, and one for each value. */
export function sizeOf(value: JsonValue): number {
  if (typeof value === 'string') return value.length + 1;
  let size = 1;
  if (isJsonObject(value)) for (const [name, member] of value) size += name.length + sizeOf(member);
  else if (isJsonArray(value)) for (const item of value) size += sizeOf(item);
  return size;
}
