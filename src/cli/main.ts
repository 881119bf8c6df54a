/** The command `tidegate`: finds the command, gives it its surroundings, turns what it throws into a status. */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Command, CommanderError } from 'commander';
import { TidegateError } from '../errors.ts';
import { createTerminal, type Terminal } from '../terminal.ts';
import { commandList } from './command-list.ts';
import { askSecret } from './secret-prompt.ts';
import type { Surroundings } from './surroundings.ts';

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
  const { stdin, stderr } = process;
  try {
    return await runCommand(argv, {
      terminal,
      environment: process.env,
      now: () => Date.now(),
      signal: abort.signal,
      directory: process.cwd(),
      askSecret: stdin.isTTY ? (question) => askSecret(question, stdin, stderr) : undefined,
    });
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** The same for tests: every effect on the process is given. */
export async function runCommand(
  argv: readonly string[],
  given: Omit<Surroundings, 'setExitStatus'>,
): Promise<number> {
  let status = 0;
  const surroundings: Surroundings = {
    ...given,
    setExitStatus: (value) => {
      status = value;
    },
  };
  try {
    const program = await createProgram(argv, surroundings);
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    return failed(error, given.terminal);
  }
}

const completionCommand = 'completion';

async function createProgram(argv: readonly string[], surroundings: Surroundings): Promise<Command> {
  const { terminal } = surroundings;
  const program = new Command('tidegate')
    .description(
      'Signs OS images with TUF, rolls them out to a fleet in waves, and gets them onto hosts safely.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: () => undefined,
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    });
  const completing = argv[0] === completionCommand || argv[0] === 'complete';
  for (const { name, summary, load } of commandList) {
    const command = program.command(name).summary(summary).description(sentence(summary));
    if (completing || argv.includes(name)) (await load()).define(command, surroundings);
  }
  if (completing) {
    const { default: addCompletion } = await import('@bomb.sh/tab/commander');
    addCompletion(program, { completionCommandName: completionCommand });
  } else
    program
      .command(`${completionCommand} <shell>`)
      .description('Print a script for tab completion: bash, zsh, fish or powershell.');
  return program;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function failed(error: unknown, terminal: Terminal): number {
  if (!(error instanceof CommanderError)) return terminal.fail(error);
  // Help and version end here too, with nothing wrong.
  if (error.exitCode === 0) return 0;
  const message =
    error.code === 'commander.help'
      ? 'a command is missing; see above'
      : error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return terminal.fail(new TidegateError('usage', `${message} (see tidegate --help)`));
}

function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}
