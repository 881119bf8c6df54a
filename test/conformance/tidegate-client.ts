/**
 * Our client behind the command line of the conformance suite. All it remembers between two commands lies in the
 * metadata directory, where only TUF metadata has names that end in `.json`.
 *
 * The trusted root of `init` is the anchor of every later command, as the embedded root is on a host. What a host
 * demands beyond the specification is off: consistent snapshots, a clock that never goes back (the suite moves
 * it as it likes), and the second verifier, which is the other client in the suite's report.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RepositoryClient } from '../../src/client/updater.ts';
import {
  type Command,
  type ConformanceMain,
  parseCommand,
  processSurroundings,
  type Surroundings,
} from './protocol.ts';

/** Without `.json`: every file that ends so is taken for metadata. */
const anchorName = 'trusted-root';

export const main: ConformanceMain = async (argv, surroundings) => {
  try {
    await perform(parseCommand(argv), surroundings);
    return 0;
  } catch (error) {
    surroundings.note(String(error));
    return 1;
  }
};

async function perform(command: Command, surroundings: Surroundings): Promise<void> {
  if (command.kind === 'init') return await init(command.metadataDirectory, command.trustedRootFile);
  const client = new RepositoryClient({
    trustedRoot: await readFile(join(command.metadataDirectory, anchorName)),
    metadata: command.metadataUrl,
    targets: command.kind === 'download' ? command.targetBaseUrl : command.metadataUrl,
    stateDirectory: command.metadataDirectory,
    clock: surroundings.now,
    secondVerifier: 'off',
    requireConsistentSnapshot: false,
    clockTolerance: Number.POSITIVE_INFINITY,
  });
  try {
    const { faults, notes } = await client.refresh();
    for (const { message } of [...faults, ...notes]) surroundings.note(message);
    if (command.kind === 'refresh') return;
    for (const name of command.targetNames)
      await client.download(name, join(command.targetDirectory, fileNameOf(name)));
  } finally {
    await client.close();
  }
}

async function init(metadataDirectory: string, trustedRootFile: string): Promise<void> {
  const bytes = await readFile(trustedRootFile);
  await mkdir(metadataDirectory, { recursive: true });
  for (const name of [anchorName, 'root.json']) await writeFile(join(metadataDirectory, name), bytes);
}

/** One stable, visible file for each target, whatever its name; too long names by their hash. */
function fileNameOf(target: string): string {
  const name = encodeURIComponent(target).replace(/^\./, '%2E');
  return name.length <= 200 ? name : createHash('sha256').update(target).digest('hex');
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), processSurroundings());
