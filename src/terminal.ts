/**
 * The manners of both commands, `tidegate` and `tidegate-agent`:
 *
 * 1. Results go to standard output, everything said beside them (progress, notes, errors) to standard error.
 * 2. With `--json` standard output holds JSON and nothing else, and an error is JSON on standard error.
 * 3. Colour and moving lines appear only on a terminal, and no colour where NO_COLOR is set or the terminal is dumb.
 *    Elsewhere long work is quiet.
 * 4. An error says its code, what was found and expected, and where to read more; its class is the exit status.
 * 5. Text from outside (file names, server answers) is escaped before it reaches a terminal.
 */
import { styleText } from 'node:util';
import { TidegateError } from './errors.ts';
import { withoutUnseen } from './metadata/printable.ts';

type Style = Parameters<typeof styleText>[0];

/** What a command writes to; `process.stdout` and the like, or a collector in tests. */
export interface TerminalStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Terminal {
  readonly json: boolean;
  /** Of standard output; undefined where that is no terminal. */
  readonly columns: number | undefined;
  /** A line of the result. */
  print(line: string): void;
  /** The result as data, for `--json`. */
  printJson(value: unknown): void;
  /** The same for one of many values: `text` is JSON already, and stays on a line of its own. */
  printJsonLine(text: string): void;
  /** A line beside the result, kept from machines. */
  note(line: string): void;
  style(format: Style, text: string): string;
  /** Shows how far a long work is. Call `end` in any case. */
  progress(label: string, totalBytes: number | undefined): Progress;
  /** Says what went wrong and returns the exit status. */
  fail(error: unknown): number;
}

export interface Progress {
  /** Bytes done so far, not since the last call. */
  update(bytes: number): void;
  end(): void;
}

export interface TerminalOptions {
  readonly json: boolean;
  /** NO_COLOR and TERM are read. Default: nothing is set. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

export function createTerminal({ json, environment = {}, stdout, stderr, clock }: TerminalOptions): Terminal {
  const { NO_COLOR: noColour = '', TERM: kind } = environment;
  const coloured = !json && noColour === '' && kind !== 'dumb';
  const style = (format: Style, text: string, stream: TerminalStream): string =>
    coloured && stream.isTTY === true ? styleText(format, text, { validateStream: false }) : text;
  return {
    json,
    columns: stdout.isTTY === true ? stdout.columns : undefined,
    print: (line) => {
      if (!json) stdout.write(`${line}\n`);
    },
    printJson: (value) => {
      if (json) stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
    },
    printJsonLine: (text) => {
      if (json) stdout.write(`${text}\n`);
    },
    note: (line) => {
      if (!json) stderr.write(`${line}\n`);
    },
    style: (format, text) => style(format, text, stdout),
    progress: (label, total) =>
      stderr.isTTY === true && !json ? new ProgressLine(label, total, stderr, clock) : silent,
    fail: (error) => {
      const known = error instanceof TidegateError ? error : unexpected(error);
      if (json) stderr.write(`${JSON.stringify({ error: known })}\n`);
      else {
        const lines = known.code === 'internal' ? known.message.split('\n') : [known.message];
        const label = style('red', `error [${known.code}]`, stderr);
        stderr.write(`${label} ${lines.map(printableLine).join('\n')}\n`);
      }
      return known.exitStatus;
    },
  };
}

function unexpected(error: unknown): TidegateError {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new TidegateError('internal', message, {}, { cause: error });
}

const silent: Progress = { update: () => undefined, end: () => undefined };

/** How often the line is drawn anew, in milliseconds. */
const drawInterval = 100;

class ProgressLine implements Progress {
  readonly #label: string;
  readonly #total: number | undefined;
  readonly #stream: TerminalStream;
  readonly #clock: () => number;
  readonly #started: number;
  #drawn = Number.NEGATIVE_INFINITY;

  constructor(label: string, total: number | undefined, stream: TerminalStream, clock: () => number) {
    this.#label = label;
    this.#total = total;
    this.#stream = stream;
    this.#clock = clock;
    this.#started = clock();
  }

  update(bytes: number): void {
    const now = this.#clock();
    if (now - this.#drawn < drawInterval) return;
    this.#drawn = now;
    const line = progressText(this.#label, bytes, this.#total, now - this.#started);
    this.#stream.write(`\r${line.slice(0, (this.#stream.columns || 80) - 1)}\u001b[K`);
  }

  end(): void {
    if (this.#drawn > Number.NEGATIVE_INFINITY) this.#stream.write('\r\u001b[K');
  }
}

/** Milliseconds before a rate means anything: the first block comes at once. */
const rateAfter = 500;

/** "root.img  42 %  54.2 MB of 128.0 MB  31.0 MB/s  2 s left" */
export function progressText(
  label: string,
  bytes: number,
  total: number | undefined,
  milliseconds: number,
): string {
  const rate = milliseconds >= rateAfter ? (bytes * 1000) / milliseconds : 0;
  const parts = [label];
  if (total === undefined) parts.push(formatBytes(bytes));
  else
    parts.push(
      `${total === 0 ? 100 : Math.floor((bytes * 100) / total)} %`,
      `${formatBytes(bytes)} of ${formatBytes(total)}`,
    );
  if (rate > 0) parts.push(`${formatBytes(rate)}/s`);
  if (rate > 0 && total !== undefined) parts.push(`${formatDuration(((total - bytes) * 1000) / rate)} left`);
  return parts.join('  ');
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Bytes for people, in powers of 1000: "54.2 MB". */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** "1 file", "2 files", "3 tries". */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** Milliseconds for people, two parts at most: "6 d 4 h", "2 min", "12 s". */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  const shown = parts.slice(first, first + 2).filter(([value]) => value > 0);
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ');
}

/** One line without characters that could move a cursor, forge another line, turn text round or hide in it. */
export function printableLine(text: string): string {
  return withoutUnseen(
    text.replaceAll(
      /[\u0000-\u001f\u007f-\u009f]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    ),
  );
}

/** Columns as wide as their widest cell. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
