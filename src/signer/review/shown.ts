/** Values on a line for people: whole, never cut short, with nothing in them that could move a cursor or hide. */
import { isJsonArray, isJsonObject, type JsonValue } from '../../metadata/json.ts';
import { escaped } from '../../metadata/printable.ts';

/** Text as it stands, other values as JSON, `nothing` for what is not there. */
export function shown(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? escaped(value) : json(value);
}

function json(value: JsonValue): string {
  if (isJsonArray(value)) return `[${value.map(json).join(', ')}]`;
  if (isJsonObject(value))
    return `{${Array.from(value, ([name, member]) => `"${escaped(name)}": ${json(member)}`).join(', ')}}`;
  return typeof value === 'string' ? `"${escaped(value)}"` : String(value);
}

/** A name of a list of them, or `none`. */
export function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.map(escaped).join(', ');
}
