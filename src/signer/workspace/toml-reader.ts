/** Typed reading of TOML files that people write: what is unknown is refused by name, what is wrong is named by table and key. */
import { parse, type TomlTable, type TomlValue } from 'smol-toml';
import { TidegateError } from '../../errors.ts';
import { offsetForm, readOffset } from '../../waves/offset.ts';

/** A table and where it stands, for messages. */
export interface Table {
  readonly file: string;
  /** `roles.root`; empty for the top of the file. */
  readonly path: string;
  readonly members: TomlTable;
}

/** @throws config-invalid with the line that is no TOML */
export function readToml(text: string, file: string): Table {
  try {
    return { file, path: '', members: parse(text, { integersAsBigInt: true }) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.trim().split('\n', 1)[0] : '';
    throw new TidegateError('config-invalid', `${file}: ${reason}`, { file }, { cause });
  }
}

/** @throws config-invalid naming a key that is not among `known` */
export function refuseUnknown(table: Table, known: readonly string[]): void {
  for (const key of Object.keys(table.members)) {
    if (!known.includes(key)) throw wrong(table, key, 'a key that is not known', known.join(', '));
  }
}

export function tableAt(table: Table, key: string): Table {
  const value = table.members[key];
  if (!isTable(value)) throw wrong(table, key, describe(value), `a table [${pathOf(table, key)}]`);
  return { file: table.file, path: pathOf(table, key), members: value };
}

/** A list of tables, `[[key]]`; each is named by its place in the list. */
export function tablesAt(table: Table, key: string): readonly Table[] {
  const value = table.members[key];
  if (!Array.isArray(value)) throw wrong(table, key, describe(value), `tables [[${pathOf(table, key)}]]`);
  return value.map((member, index) => {
    if (!isTable(member)) throw wrong(table, key, describe(member), `tables [[${pathOf(table, key)}]]`);
    return { file: table.file, path: `${pathOf(table, key)} ${index + 1}`, members: member };
  });
}

export function booleanAt(table: Table, key: string): boolean {
  const value = table.members[key];
  if (typeof value !== 'boolean') throw wrong(table, key, describe(value), 'true or false');
  return value;
}

export function textAt(table: Table, key: string, expected = 'text'): string {
  const value = table.members[key];
  if (typeof value !== 'string' || value === '') throw wrong(table, key, describe(value), expected);
  return value;
}

/** One of a few words. */
export function wordAt<W extends string>(table: Table, key: string, words: readonly W[]): W {
  const value = table.members[key];
  const word = words.find((candidate) => candidate === value);
  if (word === undefined) throw wrong(table, key, describe(value), words.join(' or '));
  return word;
}

export function textsAt(table: Table, key: string, expected: string): readonly string[] {
  const value = table.members[key];
  const texts = Array.isArray(value)
    ? value.filter((item) => typeof item === 'string' && item !== '')
    : undefined;
  if (texts === undefined || !Array.isArray(value) || texts.length !== value.length || texts.length === 0) {
    throw wrong(table, key, describe(value), expected);
  }
  return texts as readonly string[];
}

export function integerAt(table: Table, key: string, min: number, max: number): number {
  const value = table.members[key];
  const fits = typeof value === 'bigint' && value >= BigInt(min) && value <= BigInt(max);
  if (!fits) throw wrong(table, key, describe(value), `an integer from ${min} to ${max}`);
  return Number(value);
}

/** Milliseconds of an offset such as "2 weeks"; undefined when the key is absent. */
export function offsetAt(table: Table, key: string): number | undefined {
  const value = table.members[key];
  if (value === undefined) return undefined;
  const offset = typeof value === 'string' ? readOffset(value) : undefined;
  if (offset === undefined) throw wrong(table, key, describe(value), offsetForm);
  return offset;
}

/** @throws nothing: the error to throw, which names file, table and key */
export function wrong(table: Table, key: string, found: string, expected: string): TidegateError {
  const place = table.path === '' ? key : `[${table.path}] ${key}`;
  return new TidegateError(
    'config-invalid',
    `${table.file}: ${place}: found ${found}, expected ${expected}`,
    {
      file: table.file,
      table: table.path,
      key,
      found,
      expected,
    },
  );
}

export function describe(value: TomlValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return value instanceof Date ? 'a date' : 'a table';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : String(value);
}

function pathOf(table: Table, key: string): string {
  return table.path === '' ? key : `${table.path}.${key}`;
}

function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
