/** Runs `tidegate` as a user types it, in this process, with a clock and a folder of the test's own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../src/cli/main.ts';
import { createTerminal } from '../../src/terminal.ts';

export interface Typed {
  readonly status: number;
  readonly out: string;
  /** Standard error. */
  readonly beside: string;
  /** Standard output as JSON. */
  json(): unknown;
}

export interface CommandLine {
  readonly directory: string;
  /** Milliseconds since the epoch; tests move it. */
  now: number;
  readonly environment: Record<string, string>;
  /** Of standard output, as a terminal; undefined: it is none. */
  columns: number | undefined;
  /** Ctrl-C; none by default. */
  signal: AbortSignal;
  /** Answers to secret questions, in order; none: there is no terminal. */
  readonly secrets: string[];
  /** Answers to questions whose answers are shown, in order; none: there is nobody to ask. */
  readonly answers: string[];
  type(line: string | readonly string[]): Promise<Typed>;
  end(): void;
}

/** @param directory default: a new one, which `end` removes as it does a given one */
export function commandLine(
  now = Date.UTC(2030, 0, 1),
  directory = mkdtempSync(join(tmpdir(), 'tidegate-cli-')),
): CommandLine {
  const session: CommandLine = {
    directory,
    now,
    environment: {},
    columns: undefined,
    signal: new AbortController().signal,
    secrets: [],
    answers: [],
    type: (line) => run(session, typeof line === 'string' ? line.split(' ') : line),
    end: () => rmSync(directory, { recursive: true, force: true }),
  };
  return session;
}

async function run(session: CommandLine, argv: readonly string[]): Promise<Typed> {
  const out: string[] = [];
  const beside: string[] = [];
  const terminal = createTerminal({
    json: argv.includes('--json'),
    stdout: {
      write: (text) => out.push(text),
      ...(session.columns !== undefined && { isTTY: true, columns: session.columns }),
    },
    stderr: { write: (text) => beside.push(text) },
    clock: () => 0,
  });
  const status = await runCommand(argv, {
    terminal,
    environment: session.environment,
    now: () => session.now,
    signal: session.signal,
    directory: session.directory,
    askSecret:
      session.secrets.length === 0
        ? undefined
        : async () => new TextEncoder().encode(session.secrets.shift() ?? ''),
    askLine: session.answers.length === 0 ? undefined : async () => session.answers.shift() ?? '',
  });
  return { status, out: out.join(''), beside: beside.join(''), json: () => JSON.parse(out.join('')) };
}
