/** `tidegate host …`: the commands of `tidegate-agent`, and a host in a folder to try a rollout out. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { defineHostCommands } from '../../agent/commands.ts';
import { checkSeed } from '../../waves/seed.ts';
import { hostLocation, hostLocationOf, makeHostFolder } from '../host-folder.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface NewOptions extends WorkspaceOptions {
  readonly url?: string;
  readonly variant?: string;
  readonly arch?: string;
  readonly running: string;
  readonly seed?: number;
  readonly slotSize: number;
}

export const define: Define = (command, surroundings) => {
  addNewOptions(command.command('new')).action((directory: string, options: NewOptions) =>
    newHost(directory, options, surroundings),
  );
  defineHostCommands(command, surroundings);
};

function addNewOptions(command: Command): Command {
  return addWorkspaceOption(command)
    .description(
      'Make a host in a new folder: trusted root, configuration and two empty slots that are files.',
    )
    .argument('<directory>', 'a new or empty folder')
    .option(
      '--url <location>',
      'where the host reads the repository (default: the store of the workspace, if it is a folder)',
    )
    .option('--variant <name>', 'default: the only one of the workspace')
    .option('--arch <name>', 'default: the only one of the workspace')
    .option('--running <version>', 'the version that the host says it runs', '0.0.0')
    .option('--seed <number>', 'place in the fleet, 0 to 2047 (default: by chance)', seed)
    .option('--slot-size <bytes>', 'bytes that all images of a slot may take', wholeNumber, 4 * 2 ** 30)
    .addHelpText(
      'after',
      '\nExample:\n  tidegate host new my-host --workspace my-fleet --url http://127.0.0.1:8080\n',
    );
}

async function newHost(directory: string, options: NewOptions, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const { url } = options;
  const workspace = await openChosenWorkspace(options, surroundings);
  const host = await makeHostFolder(workspace, {
    directory: resolve(surroundings.directory, directory),
    location: url === undefined ? hostLocationOf(workspace) : await hostLocation(url, surroundings.directory),
    variant: options.variant,
    arch: options.arch,
    running: options.running,
    seed: options.seed,
    slotSize: options.slotSize,
  });
  terminal.print(`host of ${host.variant} ${host.arch} with seed ${host.seed}: ${host.config}`);
  terminal.print(`next: tidegate-agent check --config ${host.config}`);
  terminal.printJson(host);
}

function seed(text: string): number {
  return checkSeed(wholeNumber(text), '--seed');
}

function wholeNumber(text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new InvalidArgumentError('expected a whole number');
  return value;
}
