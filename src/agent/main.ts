/** The command `tidegate-agent`: the commands of a host, and what they throw as exit status. */
import { performance } from 'node:perf_hooks';
import { Command, CommanderError } from 'commander';
import { TidegateError } from '../errors.ts';
import { createTerminal } from '../terminal.ts';
import { defineHostCommands, type HostSurroundings } from './commands.ts';

/** @param argv the arguments alone, without the names of runtime and script */
export async function main(argv: readonly string[]): Promise<number> {
  const abort = new AbortController();
  const stop = (): void => abort.abort(new TidegateError('cancelled', 'stopped by a signal'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const terminal = createTerminal({
    json: argv.includes('--json'),
    stdout: process.stdout,
    stderr: process.stderr,
    clock: () => performance.now(),
  });
  try {
    const { signal } = abort;
    return await runAgentCommand(argv, { terminal, signal, now: Date.now, directory: process.cwd() });
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** The same for tests: every effect on the process is given. */
export async function runAgentCommand(
  argv: readonly string[],
  surroundings: HostSurroundings,
): Promise<number> {
  const { terminal } = surroundings;
  const program = new Command('tidegate-agent')
    .description('Updates this host: checks, installs into the inactive slot, activates, confirms.')
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: () => undefined });
  defineHostCommands(program, surroundings);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (!(error instanceof CommanderError)) return terminal.fail(error);
    // Help ends here too, with nothing wrong.
    if (error.exitCode === 0) return 0;
    const missing = error.code === 'commander.help';
    const message = missing ? 'a command is missing; see above' : error.message.replace(/^error: /, '');
    return terminal.fail(new TidegateError('usage', `${message} (see tidegate-agent --help)`));
  }
}
