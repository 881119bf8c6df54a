/** Names of keys in tidegate.toml, and the lists in which roles name them. */
import { describe, integerAt, type Table, textsAt, wrong } from './toml-reader.ts';

/** Who signs a role. */
export interface RoleSetting {
  /** Names of key files, without ending. */
  readonly keys: readonly string[];
  readonly threshold: number;
}

const maxKeys = 32;

/** Names of key files: `keys/NAME.pub`. */
export function isKeyName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name);
}

export const keyNameForm = 'at most 64 lower-case letters, digits, ".", "_" and "-"';

/**
 * `keys` and `threshold` of a role.
 *
 * @throws config-invalid for a threshold above the number of keys, a key that is named twice, a name that none can be
 */
export function roleSettingAt(table: Table): RoleSetting {
  const keys = textsAt(table, 'keys', 'a list of key names');
  if (keys.length > maxKeys) throw wrong(table, 'keys', `${keys.length} keys`, `at most ${maxKeys}`);
  refuseRepetition(table, 'keys', keys);
  for (const name of keys) {
    if (!isKeyName(name)) throw wrong(table, 'keys', JSON.stringify(name), keyNameForm);
  }
  const threshold = integerAt(table, 'threshold', 1, maxKeys);
  if (threshold > keys.length) {
    throw wrong(table, 'threshold', String(threshold), `1 to the number of keys, ${keys.length}`);
  }
  return { keys, threshold };
}

/** @throws config-invalid */
export function refuseRepetition(table: Table, key: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(table, key, `${describe(twice)} twice`, 'each once');
}
