/** The parts `name=value` of a key's address, percent-decoded, each at most once, none unknown and none empty. */
import type { TidegateError } from '../../errors.ts';
import { printable } from '../../metadata/printable.ts';

export type Fail = (reason: string) => TidegateError;

/**
 * @param text `a=1;b=2` or `a=1&b=2`; empty: nothing is stated
 * @param fail makes the error to throw from a reason
 */
export function parseParameters<Name extends string>(
  text: string,
  separator: ';' | '&',
  known: readonly Name[],
  fail: Fail,
): ReadonlyMap<Name, Uint8Array> {
  const values = new Map<Name, Uint8Array>();
  for (const part of text === '' ? [] : text.split(separator)) {
    const end = part.indexOf('=');
    const found = end < 0 ? part : part.slice(0, end);
    const name = known.find((candidate) => candidate === found);
    if (name === undefined) throw fail(`unknown part ${printable(found)}, expected ${known.join(', ')}`);
    if (values.has(name)) throw fail(`${name} is given twice`);
    const value = decoded(part.slice(end + 1));
    if (end < 0 || value === undefined || value.length === 0)
      throw fail(`${name} has no value, or a damaged one`);
    values.set(name, value);
  }
  return values;
}

/** Percent-encoding into bytes; undefined when it is damaged. */
function decoded(text: string): Uint8Array | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const parts = text.split(/(%[0-9a-fA-F]{2})/);
  return Buffer.concat(
    parts.map((part) => (part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
  );
}

/** The value as text. @throws what `fail` makes when it is not UTF-8 or holds control characters */
export function textParameter<Name extends string>(
  values: ReadonlyMap<Name, Uint8Array>,
  name: Name,
  fail: Fail,
): string | undefined {
  const value = values.get(name);
  if (value === undefined) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
    if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  } catch {
    // Said below.
  }
  throw fail(`${name} holds bytes that are no text`);
}
