/** A curve in block characters: eight rows high, one column for every few rows of the forecast. */
import type { Series } from './series.ts';

const width = 60;
const height = 8;
const blocks = ' ▁▂▃▄▅▆▇█';

/** @param ends texts below the left and the right end of the axis */
export function plotLines(series: Series, ends: readonly [string, string]): readonly string[] {
  const levels = columnsOf(series.values).map((value) => (value / series.top) * height * 8);
  const labels = [
    series.format(series.top),
    ...Array.from({ length: height - 2 }, () => ''),
    series.format(0),
  ];
  const margin = Math.max(...labels.map((label) => label.length));
  const rows = labels.map((label, row) => {
    const floor = (height - 1 - row) * 8;
    const cells = levels.map((level) => blocks[Math.max(0, Math.min(8, Math.round(level - floor)))] ?? ' ');
    return `${label.padStart(margin)} │${cells.join('').trimEnd()}`;
  });
  const [left, right] = ends;
  const axis = `${' '.repeat(margin)} └${'─'.repeat(levels.length)}`;
  const gap = Math.max(1, levels.length - left.length - right.length);
  return [series.title, ...rows, axis, `${' '.repeat(margin)}  ${left}${' '.repeat(gap)}${right}`];
}

/** The mean of the rows that fall into each column. */
function columnsOf(values: readonly number[]): readonly number[] {
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const part = values.slice(
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
