/** What all signed documents have in common: specification version, times, versions, text and numbers. */
import { compareCodePoints } from '../../../metadata/canonical.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { valueFaults } from '../../../metadata/portable-value.ts';
import { parseTime } from '../../../metadata/time.ts';
import {
  below,
  each,
  everyPeer,
  finding,
  type Peer,
  type ProfileFinding,
  type Spot,
  textOf,
} from './finding.ts';

/** @param now milliseconds since the epoch; undefined: expiry is not looked at */
export function* documentFindings(
  signed: JsonObject,
  spot: Spot,
  { now, delegated }: { readonly now: number | undefined; readonly delegated: boolean },
): Generator<ProfileFinding, void> {
  yield* specVersionFindings(signed.get('spec_version'), below(spot, 'spec_version'));
  const expires = textOf(signed.get('expires'));
  yield* expiresFindings(expires, below(spot, 'expires'));
  if (now !== undefined && (parseTime(expires) ?? Number.POSITIVE_INFINITY) <= now) {
    const notes = { 'tuf-js': 'refuses it', 'python-tuf': 'refuses it', 'go-tuf': 'refuses it' };
    const stumbles = delegated ? notes : { ...notes, tough: 'refuses it' };
    yield finding('expired', below(spot, 'expires'), expires, stumbles);
  }
  const version = signed.get('version');
  if (typeof version !== 'number' || version < 1)
    yield finding('version-range', below(spot, 'version'), shown(version), each(['tuf-js'], 'refuses it'));
  yield* valueFindings(signed, spot);
}

function* specVersionFindings(value: JsonValue | undefined, spot: Spot): Generator<ProfileFinding, void> {
  const text = textOf(value);
  if (text === '1.0.0') return;
  const readable = /^1\.\d+(?:\.\d+)?$/.test(text);
  const stumbles = readable ? {} : each(['tuf-js', 'python-tuf'], 'refuses it');
  yield finding('specification-version', spot, shown(value), stumbles);
}

const secondsForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const fractionForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,9})Z$/;
const looseForm = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const reprints = 'prints it differently and then finds the signature wrong';

function* expiresFindings(text: string, spot: Spot): Generator<ProfileFinding, void> {
  if (secondsForm.test(text) && parseTime(text) !== undefined) return;
  yield finding('expires-form', spot, text, expiresStumbles(text));
}

function expiresStumbles(text: string): Partial<Record<Peer, string>> {
  if (/:60Z$/.test(text)) return each(['tuf-js', 'python-tuf', 'go-tuf'], 'knows no leap second');
  const [, seconds = '', fraction] = fractionForm.exec(text) ?? [];
  if (fraction !== undefined && parseTime(`${seconds}Z`) !== undefined) {
    return {
      'python-tuf': 'reads whole seconds alone',
      ...(/0$/.test(fraction) && { 'go-tuf': reprints }),
      ...(isPrintedByTough(fraction) ? {} : { tough: reprints }),
    };
  }
  const [, date = '', time = ''] = looseForm.exec(text) ?? [];
  if (parseTime(`${date}T${time}Z`) !== undefined)
    return { 'python-tuf': 'cannot read it', 'go-tuf': reprints, tough: reprints };
  return everyPeer('cannot read it');
}

/** It prints 0, 3, 6 or 9 digits, as few as hold the time. */
function isPrintedByTough(fraction: string): boolean {
  return fraction.length % 3 === 0 && !fraction.endsWith('000');
}

const largestUnsigned = 2n ** 64n - 1n;
const smallestSigned = -(2n ** 63n);

function* valueFindings(signed: JsonObject, spot: Spot): Generator<ProfileFinding, void> {
  if (isPlain(signed)) return;
  for (const { kind, path, found } of valueFaults(signed)) {
    const at = { file: spot.file, path: spot.path + path };
    if (kind === 'not-normalised')
      yield finding('normalised-text', at, shown(found), {
        tough: 'normalises it and then finds the signature wrong',
      });
    else if (kind === 'member-not-ascii') yield finding('ascii-members', at, shown(found), {});
    else if (typeof found === 'bigint') {
      const beyond = found > largestUnsigned || found < smallestSigned;
      const stumbles = each(beyond ? ['tuf-js', 'go-tuf', 'tough'] : ['tuf-js'], 'cannot hold it exactly');
      yield finding('integer-range', at, shown(found), stumbles);
    }
  }
  for (const at of disordered(signed, spot))
    yield finding('ascii-members', at, 'an object with members beyond U+FFFF and U+E000', {
      'tuf-js': 'orders them by UTF-16 unit and then finds the signature wrong',
    });
}

/** The common case: nothing but ASCII and numbers that all can hold. */
function isPlain(value: JsonValue): boolean {
  if (typeof value === 'string') return !notAscii.test(value);
  if (isJsonArray(value)) return value.every(isPlain);
  if (isJsonObject(value))
    return [...value].every(([name, member]) => !notAscii.test(name) && isPlain(member));
  return typeof value !== 'bigint';
}

const notAscii = /[^\u0020-\u007e]/;

/** Objects whose members stand in another order by UTF-16 unit than by code point. */
function* disordered(value: JsonValue, spot: Spot): Generator<Spot, void> {
  if (isJsonArray(value))
    for (const [index, item] of value.entries()) yield* disordered(item, below(spot, index));
  if (!isJsonObject(value)) return;
  const names = [...value.keys()];
  if (names.some((name) => /[\ud800-\udfff]/.test(name))) {
    const sorted = names.toSorted(compareCodePoints);
    if (sorted.some((name, index) => index > 0 && name < (sorted[index - 1] ?? ''))) yield spot;
  }
  for (const [name, member] of value) yield* disordered(member, below(spot, name));
}

export function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (isJsonObject(value)) return value.size === 0 ? 'an empty object' : 'an object';
  if (isJsonArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'string' ? `"${value}"` : String(value);
}
