/** `tidegate release migrations`: replaces the migrations of a repository by those of a file. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../../errors.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import type { Surroundings } from '../surroundings.ts';
import { openChosenWorkspace } from '../workspace-option.ts';
import { type SteerOptions, steer, steeringCommand } from './waves-steer.ts';

const maxFileLength = 1024 * 1024;

const help = `
The file is TOML, as Bottlerocket's Release.toml has it: programs are targets (tidegate target add), a hop without any is
legal, and every release must be reached from every lower one.

  [migrations]
  "(1.0.0, 1.1.0)" = ["migrate-network.lz4"]
  "(1.1.0, 1.2.0)" = []

Example:
  tidegate release migrations Release.toml
`;

interface MigrationsOptions extends SteerOptions {
  readonly repository?: string;
}

export function defineMigrations(command: Command, surroundings: Surroundings): void {
  steeringCommand(command)
    .description('Replace the migrations of hosts by those of a file.')
    .argument('<file>')
    .option('--repository <folder>', 'one of several repositories, such as aws-k8s/x86_64')
    .addHelpText('after', help)
    .action((file: string, options: MigrationsOptions) => migrations(file, options, surroundings));
}

async function migrations(
  file: string,
  options: MigrationsOptions,
  surroundings: Surroundings,
): Promise<void> {
  const [{ parseMigrationsFile }, { repositoriesOf }] = await Promise.all([
    import('../../signer/release/migrations-file.ts'),
    import('../../signer/workspace/workspace.ts'),
  ]);
  const path = resolve(surroundings.directory, file);
  const found = await readPlainFile(nodeFileSystem, path, maxFileLength);
  if (found === undefined) throw new TidegateError('not-found', `${path} does not exist`, { path });
  const hops = parseMigrationsFile(new TextDecoder().decode(found.bytes), file);
  const names = repositoriesOf((await openChosenWorkspace(options, surroundings)).settings).map(
    ({ name }) => name,
  );
  const repository = options.repository ?? (names.length === 1 ? names[0] : undefined);
  if (repository === undefined)
    throw new TidegateError('usage', `--repository: expected one of ${names.join(', ')}`);
  await steer({ kind: 'migrations', repository, migrations: hops }, options, surroundings);
}
