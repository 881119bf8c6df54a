/** Migrations as people write them: the table `[migrations]` of Bottlerocket's Release.toml; other tables are passed over. */
import { type Migration, readMigrationKey } from '../../waves/migrations.ts';
import { readToml, tableAt, textsAt, wrong } from '../workspace/toml-reader.ts';

/** @throws config-invalid naming the key */
export function parseMigrationsFile(text: string, file: string): readonly Migration[] {
  const table = tableAt(readToml(text, file), 'migrations');
  return Object.keys(table.members).map((key) => {
    const pair = readMigrationKey(key);
    if (pair === undefined) throw wrong(table, key, 'no pair of versions', 'keys such as "(1.2.0, 1.3.0)"');
    return {
      ...pair,
      targets: isEmptyList(table.members[key]) ? [] : textsAt(table, key, 'a list of targets'),
    };
  });
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
