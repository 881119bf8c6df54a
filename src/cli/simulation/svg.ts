/** The curves as one SVG image that needs nothing else: no script, no font, no network. Light or dark as its reader. */
import { formatTime } from '../../metadata/time.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';
import type { Report } from './report.ts';
import { type Series, seriesOf } from './series.ts';

const panel = { width: 720, height: 150, left: 90, top: 34, right: 20, below: 30 } as const;
const heading = 30;
const style =
  '.sheet{fill:#fff}text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.axis{stroke:#999;fill:none}' +
  'polyline{stroke-linejoin:round}.grid{stroke:#e4e4e4}.found{stroke:#0b62a4;fill:none;stroke-width:2}' +
  '.expected{stroke:#c2570c;fill:none;stroke-width:1.5;stroke-dasharray:5 4}' +
  '.origin{stroke:#2f7d32;fill:none;stroke-width:2;stroke-dasharray:1 3}' +
  '@media (prefers-color-scheme:dark){.sheet{fill:#181818}text{fill:#ddd}.axis{stroke:#888}.grid{stroke:#383838}' +
  '.found{stroke:#6db3ee}.expected{stroke:#f0a060}.origin{stroke:#80c884}}';

export function forecastSvg(forecast: Forecast, { title, headline }: Report): string {
  const series = seriesOf(forecast);
  const each = panel.top + panel.height + panel.below;
  const width = panel.left + panel.width + panel.right;
  const height = heading + series.length * each;
  const [from, until] = [forecast.start, forecast.rows.at(-1)?.time ?? forecast.start];
  const axis = { ends: [formatTime(from), formatTime(until)], marks: timeMarks(from, until) };
  const panels = series.map(
    (one, index) => `<g transform="translate(0 ${heading + index * each})">${panelOf(one, axis)}</g>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="t d">`,
    `<title id="t">${escaped(title)}</title>`,
    `<desc id="d">${escaped(headline.join(' '))}</desc>`,
    `<style>${style}</style><rect class="sheet" width="${width}" height="${height}"/>`,
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
  const { expected, origin } = series;
  return [
    `<text x="${x}" y="${top - 10}">${escaped(series.title)}</text>`,
    legendOf(series),
    ...grid,
    ...times,
    `<path class="axis" d="M${x} ${top}V${top + height}H${x + width}"/>`,
    `<text x="${x - 8}" y="${top + 5}" text-anchor="end">${escaped(series.format(series.top))}</text>`,
    `<text x="${x - 8}" y="${top + height / 2 + 4}" text-anchor="end">${middle}</text>`,
    `<text x="${x - 8}" y="${top + height}" text-anchor="end">${escaped(series.format(0))}</text>`,
    `<text x="${x}" y="${top + height + 18}">${escaped(left)}</text>`,
    `<text x="${x + width}" y="${top + height + 18}" text-anchor="end">${escaped(right)}</text>`,
    curve('found', series, series.values),
    expected === undefined ? '' : curve('expected', series, expected),
    origin === undefined ? '' : curve('origin', series, origin),
  ].join('');
}

/** What the lines of a panel are, from its right end on. */
function legendOf({ expected, origin }: Series): string {
  const entries = [
    ...(origin === undefined ? [] : [['origin', 'at the origin, behind caches'] as const]),
    ...(expected === undefined ? [] : [['expected', 'by formula'] as const]),
    ['found', origin === undefined ? 'simulated' : 'of all hosts'] as const,
  ];
  const y = panel.top - 10;
  let end: number = panel.left + panel.width;
  return entries
    .map(([name, text]) => {
      const start = end - text.length * 6.2;
      const line = `<path class="${name}" d="M${start - 30} ${y - 4}h24"/>`;
      end = start - 46;
      return `${line}<text x="${start}" y="${y}">${text}</text>`;
    })
    .join('');
}

function curve(name: string, { top: most, at }: Series, values: readonly number[]): string {
  const { left, top, width, height } = panel;
  const points = values.map((value, index) => {
    const x = left + width * (at[index] ?? 0);
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
