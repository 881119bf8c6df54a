/**
 * What both commands, `tidegate` and `tidegate-agent`, do around their work: a terminal, a signal that cancels,
 * silence when nobody reads any more, and an exit status for whatever is thrown.
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { type Command, CommanderError } from 'commander';
import { TidegateError } from './errors.ts';
import { createTerminal, type Terminal } from './terminal.ts';

export interface ProgramSurroundings {
  readonly terminal: Terminal;
  /** The present time, milliseconds since the epoch. */
  readonly now: () => number;
  /** Aborts on SIGINT and SIGTERM; a second one ends the process at once. */
  readonly signal: AbortSignal;
  /** The folder that relative paths start from. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Runs a program in this process; the result is the exit status. */
export async function inProcess(
  argv: readonly string[],
  run: (surroundings: ProgramSurroundings) => Promise<number>,
): Promise<number> {
  const abort = new AbortController();
  const stop = (): void => abort.abort(new TidegateError('cancelled', 'stopped by a signal'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  let unwritten: TidegateError | undefined;
  // The work goes on without its output: ending here would leave it half done.
  const onLost = (error: NodeJS.ErrnoException): void => {
    unwritten ??= lostOutput(error);
  };
  for (const stream of [process.stdout, process.stderr]) stream.on('error', onLost);
  const terminal = createTerminal({
    json: argv.includes('--json'),
    environment: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: () => performance.now(),
  });
  try {
    const status = await run({
      terminal,
      signal: abort.signal,
      now: Date.now,
      directory: process.cwd(),
      environment: process.env,
    });
    return status === 0 && unwritten !== undefined ? terminal.fail(unwritten) : status;
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** `tidegate publish | head` closes the pipe early, which is no fault; a disk that takes no output is one. */
function lostOutput(error: NodeJS.ErrnoException): TidegateError | undefined {
  if (error.code === 'EPIPE') return undefined;
  const code = error.code === 'ENOSPC' ? 'disk-full' : 'disk-error';
  const text = `the work was done, and its output could not be written (${error.code})`;
  return new TidegateError(code, text, {}, { cause: error });
}

/** Help and faults go through the terminal; nothing ends the process behind our back. */
export function configureProgram(program: Command, terminal: Terminal): Command {
  return program
    .version(ownVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({
      outputError: () => undefined,
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    });
}

const completionCommand = 'completion';

/** True when a shell asks for completions or for their script: every command must be defined then. */
export function isCompleting(argv: readonly string[]): boolean {
  return argv[0] === completionCommand || argv[0] === 'complete';
}

/** The script calls a function of the package bash-completion, which servers and containers often lack. */
const plainWords = `declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    cword=$COMP_CWORD
    words=("\${COMP_WORDS[@]}")
    cur=\${words[cword]}
    prev=\${words[cword - 1]}
}
`;

/** Adds the command for tab completion; what it works with is loaded when it is asked for. */
export async function addCompletion(program: Command, argv: readonly string[]): Promise<void> {
  if (isCompleting(argv)) {
    if (argv[0] === completionCommand && argv[1] === 'bash') process.stdout.write(plainWords);
    const { default: add } = await import('@bomb.sh/tab/commander');
    add(program, { completionCommandName: completionCommand });
  } else {
    program
      .command(`${completionCommand} <shell>`)
      .description('Print a script for tab completion: bash, zsh, fish or powershell.');
  }
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}

/** The exit status for what a program threw. */
export function failedProgram(error: unknown, name: string, terminal: Terminal): number {
  if (!(error instanceof CommanderError)) return terminal.fail(error);
  // Help and version end here too, with nothing wrong.
  if (error.exitCode === 0) return 0;
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const said = error.code === 'commander.help' ? 'a command is missing; see above' : message;
  return terminal.fail(new TidegateError('usage', `${said} (see ${name} --help)`));
}
