/**
 * Where the story appears: lines, and on a terminal a picture below them that is drawn anew. Elsewhere the picture
 * does not exist, and with `--json` nothing appears before the end.
 */
import { printableLine, type Terminal, type TerminalStream } from '../../src/terminal.ts';

export interface Screen {
  /** Whether a picture is shown, and how wide it may be. */
  readonly columns: number | undefined;
  line(text: string): void;
  /** Replaces the picture; no lines take it away. */
  picture(lines: readonly string[]): void;
}

/** Milliseconds between two pictures. */
const drawInterval = 60;

export function createScreen(terminal: Terminal, stdout: TerminalStream, clock: () => number): Screen {
  const live = stdout.isTTY === true && !terminal.json && process.env.TERM !== 'dumb';
  if (!live) return { columns: undefined, line: (text) => terminal.print(text), picture: () => undefined };
  let shown: readonly string[] = [];
  let drawn = Number.NEGATIVE_INFINITY;
  const erase = (): void => {
    if (shown.length > 0) stdout.write(`\u001b[${shown.length}A\u001b[J`);
  };
  const draw = (lines: readonly string[]): void => {
    if (lines.length > 0) stdout.write(`${lines.join('\n')}\n`);
    shown = lines;
  };
  return {
    get columns() {
      return stdout.columns ?? 80;
    },
    line: (text) => {
      const picture = shown;
      erase();
      terminal.print(text);
      draw(picture);
    },
    picture: (lines) => {
      const now = clock();
      if (lines.length > 0 && shown.length > 0 && now - drawn < drawInterval) return;
      drawn = now;
      erase();
      draw(lines);
    },
  };
}

/** Text from outside, as one line that moves no cursor. */
export function plain(text: string): string {
  return printableLine(text);
}
