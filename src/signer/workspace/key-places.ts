/** `[keys]` of tidegate.toml: NAME = "URI" for each key whose private half is elsewhere than in `keys/NAME.key.json`. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { parseKeyAddress } from '../keys/key-address.ts';
import { isKeyName, keyNameForm } from './key-names.ts';
import { type Table, textAt, wrong } from './toml-reader.ts';

/** Addresses of private halves, by the names of the keys. */
export type KeyPlaces = ReadonlyMap<string, string>;

const expected = 'the address of a private key, such as "awskms:alias/timestamp"';

/** @throws config-invalid naming the key, and what is wrong with its address */
export function parseKeyPlaces(table: Table): KeyPlaces {
  const places = new Map<string, string>();
  for (const name of Object.keys(table.members)) {
    if (!isKeyName(name)) throw wrong(table, name, JSON.stringify(name), keyNameForm);
    const uri = textAt(table, name, expected);
    try {
      parseKeyAddress(uri);
    } catch (error) {
      if (!isTidegateError(error, 'key-uri-invalid')) throw error;
      throw wrong(table, name, error.message, expected);
    }
    places.set(name, uri);
  }
  return places;
}

/**
 * An address of a key that does not exist is a slip of the pen: the key that was meant would be looked for elsewhere.
 *
 * @param names of the keys whose public halves are there
 * @throws workspace-invalid
 */
export function requireKnownKeys(places: KeyPlaces, names: ReadonlySet<string>): void {
  const unknown = [...places.keys()].find((name) => !names.has(name));
  if (unknown === undefined) return;
  const text = `tidegate.toml: [keys] ${unknown}: keys/${unknown}.pub is missing; expected the public half of each key that has an address`;
  throw new TidegateError('workspace-invalid', text, { name: unknown });
}
