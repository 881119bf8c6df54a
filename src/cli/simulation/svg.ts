/** The curves as one SVG image that needs nothing else: no script, no font, no network. */
import { formatTime } from '../../metadata/time.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';
import { type Series, seriesOf } from './series.ts';

const panel = { width: 720, height: 150, left: 90, top: 34, right: 20, below: 26 } as const;
const style =
  'text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.axis{stroke:#999;fill:none}' +
  '.grid{stroke:#e4e4e4}.found{stroke:#0b62a4;fill:none;stroke-width:2}' +
  '.expected{stroke:#c2570c;fill:none;stroke-width:1.5;stroke-dasharray:5 4}';

export function forecastSvg(forecast: Forecast, title: string): string {
  const series = seriesOf(forecast);
  const each = panel.top + panel.height + panel.below;
  const width = panel.left + panel.width + panel.right;
  const height = 30 + series.length * each;
  const [from = 0, until = 0] = [forecast.rows[0]?.time, forecast.rows.at(-1)?.time];
  const axis = { ends: [formatTime(from), formatTime(until)], marks: timeMarks(from, until) };
  const panels = series.map(
    (one, index) => `<g transform="translate(0 ${30 + index * each})">${panelOf(one, axis)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${style}</style><rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text class="title" x="${panel.left}" y="20">${escaped(title)}</text>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

interface TimeAxis {
  readonly ends: readonly string[];
  readonly marks: readonly { readonly x: number; readonly text: string }[];
}

const hour = 3_600_000;
const day = 24 * hour;
/** What the texts of the two ends take. */
const endWidth = 150;

/** Round times between the two ends: midnights, or every six hours of a short one. */
function timeMarks(from: number, until: number): TimeAxis['marks'] {
  const step = until - from < 2 * day ? 6 * hour : day * Math.ceil((until - from) / (10 * day));
  const count = Math.max(0, Math.floor((until - from) / step));
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: count + 1 }, (_, index) => first + index * step)
    .filter((time) => time > from && time < until)
    .map((time) => {
      const x = Math.round(panel.left + (panel.width * (time - from)) / (until - from));
      const fits = x > panel.left + endWidth && x < panel.left + panel.width - endWidth;
      const text = formatTime(time);
      return { x, text: fits ? (time % day === 0 ? text.slice(5, 10) : text.slice(11, 16)) : '' };
    });
}

function panelOf(series: Series, { ends: [left = '', right = ''], marks }: TimeAxis): string {
  const { left: x, top, width, height } = panel;
  const grid = [0.25, 0.5, 0.75].map((share) => {
    const y = top + height * share;
    return `<line class="grid" x1="${x}" x2="${x + width}" y1="${y}" y2="${y}"/>`;
  });
  const times = marks.map(
    (mark) =>
      `<line class="grid" x1="${mark.x}" x2="${mark.x}" y1="${top}" y2="${top + height}"/>` +
      (mark.text === ''
        ? ''
        : `<text x="${mark.x}" y="${top + height + 18}" text-anchor="middle">${mark.text}</text>`),
  );
  const middle = escaped(series.format(series.top / 2));
  const hasFormula = series.expected.some((value) => value !== undefined);
  return [
    `<text x="${x}" y="${top - 10}">${escaped(series.title)}${hasFormula ? ' (dashed: by formula)' : ''}</text>`,
    ...grid,
    ...times,
    `<path class="axis" d="M${x} ${top}V${top + height}H${x + width}"/>`,
    `<text x="${x - 8}" y="${top + 5}" text-anchor="end">${escaped(series.format(series.top))}</text>`,
    `<text x="${x - 8}" y="${top + height / 2 + 4}" text-anchor="end">${middle}</text>`,
    `<text x="${x - 8}" y="${top + height}" text-anchor="end">${escaped(series.format(0))}</text>`,
    `<text x="${x}" y="${top + height + 18}">${escaped(left)}</text>`,
    `<text x="${x + width}" y="${top + height + 18}" text-anchor="end">${escaped(right)}</text>`,
    hasFormula ? curve('expected', series, series.expected) : '',
    curve('found', series, series.values),
  ].join('');
}

function curve(name: string, { top: most }: Series, values: readonly (number | undefined)[]): string {
  const { left, top, width, height } = panel;
  const points = values.map((value = 0, index) => {
    const x = left + (width * index) / Math.max(1, values.length - 1);
    return `${x.toFixed(1)},${(top + height * (1 - value / most)).toFixed(1)}`;
  });
  return `<polyline class="${name}" points="${points.join(' ')}"/>`;
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
