/** Tab completion offers the variants and architectures of tidegate.toml where a command takes one. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { nodeFileSystem } from '../storage/file-system.ts';
import { readPlainFile } from '../storage/plain-file.ts';
import type { Surroundings } from './surroundings.ts';

const maxFileLength = 1024 * 1024;

/** To be called when every command is defined. Without a workspace nothing is offered. */
export async function offerFleets(
  program: Command,
  { directory, environment }: Pick<Surroundings, 'directory' | 'environment'>,
): Promise<void> {
  const { readWorkspaceFile, workspaceFileName } = await import('../signer/workspace/workspace-file.ts');
  const path = join(resolve(directory, environment.TIDEGATE_WORKSPACE ?? '.'), workspaceFileName);
  try {
    const file = await readPlainFile(nodeFileSystem, path, maxFileLength);
    if (file === undefined) return;
    const { fleets } = readWorkspaceFile(new TextDecoder().decode(file.bytes));
    offer(program, 'variant', [...new Set(fleets.map(({ variant }) => variant))]);
    offer(program, 'arch', [...new Set(fleets.map(({ arch }) => arch))]);
  } catch {
    // Whoever types a command is told of it when it runs.
  }
}

function offer(command: Command, name: string, values: string[]): void {
  for (const argument of command.registeredArguments)
    if (argument.name() === name) argument.argChoices = values;
  for (const child of command.commands) offer(child, name, values);
}
