/** A curve in block characters, eight rows high, with dots where the formula says otherwise; and tables beside it. */
import { formatTable } from '../../terminal.ts';
import type { Series } from './series.ts';

const height = 8;
const blocks = ' ▁▂▃▄▅▆▇█';
const widest = 100;
const narrowest = 16;

export interface PlotFrame {
  /** Of the terminal. */
  readonly columns: number;
  /** Texts below the left and the right end of the axis. */
  readonly ends: readonly [string, string];
}

export function plotLines(series: Series, { columns, ends }: PlotFrame): readonly string[] {
  const labels = [
    series.format(series.top),
    ...Array.from({ length: height - 2 }, () => ''),
    series.format(0),
  ];
  const margin = Math.max(...labels.map((label) => label.length));
  const width = Math.max(narrowest, Math.min(widest, columns - margin - 3));
  const levels = levelsOf(series, series.values, width);
  const expected = series.expected && levelsOf(series, series.expected, width);
  const rows = labels.map((label, row) => {
    const floor = (height - 1 - row) * 8;
    const cells = levels.map((level, column) => {
      const block = blocks[Math.max(0, Math.min(8, Math.round(level - floor)))] ?? ' ';
      const dot = expected?.[column];
      return block === ' ' && dot !== undefined && dot > floor && dot <= floor + 8 ? '·' : block;
    });
    return `${label.padStart(margin)} │${cells.join('').trimEnd()}`;
  });
  const axis = `${' '.repeat(margin)} └${'─'.repeat(levels.length)}`;
  return [series.title, ...rows, axis, `${' '.repeat(margin + 2)}${endsLine(ends, levels.length)}`];
}

function endsLine([left, right]: PlotFrame['ends'], width: number): string {
  const shown = left.length + right.length < width ? left : '0';
  return `${shown}${' '.repeat(Math.max(1, width - shown.length - right.length))}${right}`;
}

/** The mean of what falls into each column, in eighths of a row; what lies between two columns fills both. */
function levelsOf({ top }: Series, values: readonly number[], width: number): readonly number[] {
  return Array.from({ length: width }, (_, column) => {
    const from = Math.min(values.length - 1, Math.floor((column * values.length) / width));
    const until = Math.max(from + 1, Math.floor(((column + 1) * values.length) / width));
    const part = values.slice(from, until);
    const mean = part.reduce((sum, value) => sum + value, 0) / part.length;
    return (mean / top) * height * 8;
  });
}

/** A table, or where that is too wide, one line for each of its cells. @param table its first row is the head */
export function tableLines(table: readonly (readonly string[])[], columns: number): readonly string[] {
  const lines = formatTable(table).split('\n');
  if (lines.every((line) => line.length <= columns)) return lines;
  const [head = [], ...rows] = table;
  return rows.flatMap(([label = '', ...cells]) => [
    `${head[0] ?? ''} ${label}`.trim(),
    ...formatTable(cells.map((cell, index) => [`  ${head[index + 1] ?? ''}`, cell])).split('\n'),
  ]);
}

/** Labels and values side by side, or where that is too wide, as sentences. */
export function factLines(facts: readonly (readonly [string, string])[], columns: number): readonly string[] {
  const lines = formatTable(facts).split('\n');
  if (lines.every((line) => line.length <= columns)) return lines;
  return facts.flatMap(([label, value]) => wrapped(`${label}: ${value}`, columns));
}

/** Words in lines that are no longer than the terminal is wide. */
export function wrapped(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
