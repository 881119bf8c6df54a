/**
 * A second, simple writer of JSON for tests: it writes whatever it is given, valid or not as a document, and
 * owes nothing to the code under test.
 */
export type Json = unknown;

/** An object without inherited names: `__proto__` is a member like any other. */
export function record<T>(members: { readonly [name: string]: T } = {}): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, members);
}

/** Text that stands in the JSON as it is: `new Raw('1.5e3')`. */
export class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Canonical JSON (OLPC): no space, members by code point, only quotes and backslashes escaped. */
export function writtenCanonically(value: Json): Uint8Array {
  return new TextEncoder().encode(write(value, canonicalText, true));
}

/** Ordinary JSON: members in their order. */
export function writtenJson(value: Json): string {
  return write(value, JSON.stringify, false);
}

function canonicalText(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function write(value: Json, text: (value: string) => string, sorted: boolean): string {
  if (value instanceof Raw) return value.text;
  if (typeof value === 'string') return text(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, text, sorted)).join(',')}]`;
  const members = value instanceof Map ? [...value] : Object.entries(value);
  const written = members.filter(([, member]) => member !== undefined);
  if (sorted) written.sort(([a], [b]) => byCodePoint(a, b));
  return `{${written.map(([name, member]) => `${text(name)}:${write(member, text, sorted)}`).join(',')}}`;
}

/** UTF-8 keeps the order of code points. */
function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
