/** A page to send to somebody: what matters, the curves, the tables and the assumptions, in one file. */
import type { Forecast } from '../../waves/simulation/forecast.ts';
import type { Report, Table } from './report.ts';
import { escaped, forecastSvg } from './svg.ts';

const style = `:root{color-scheme:light dark}
body{font:15px/1.5 sans-serif;margin:2em auto;padding:0 1em;max-width:860px;color:#222;background:#fff}
h1{font-size:1.5em}svg{width:100%;min-width:640px;height:auto}.wide{overflow-x:auto}
table{border-collapse:collapse;margin:1em 0}caption{text-align:left;font-weight:bold}
th,td{padding:.15em 1.5em .15em 0;text-align:left;vertical-align:top}th{font-weight:normal;color:#666}
.numbers td,.numbers thead th{text-align:right}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}th{color:#aaa}}`;

export function forecastHtml(forecast: Forecast, report: Report): string {
  const { title, headline, milestones, load, facts } = report;
  const rows = facts.map(
    ([label, value]) => `<tr><th scope="row">${escaped(label)}</th><td>${escaped(value)}</td></tr>`,
  );
  return [
    '<!doctype html>',
    '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<h1>${escaped(title)}</h1>`,
    ...headline.map((sentence) => `<p>${escaped(sentence)}</p>`),
    // On a narrow screen the curves are pushed sideways: shrunk, nobody reads what is written at them.
    `<div class="wide">${forecastSvg(forecast, report)}</div>`,
    numbers('When', milestones),
    numbers('Load and cost', load),
    `<table><caption>Assumptions and findings</caption>${rows.join('\n')}</table>`,
    '</html>\n',
  ].join('\n');
}

function numbers(caption: string, [head = [], ...rows]: Table): string {
  const heads = head.map((text) => `<th scope="col">${escaped(text)}</th>`).join('');
  const lines = rows.map(
    ([label = '', ...cells]) =>
      `<tr><th scope="row">${escaped(label)}</th>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`,
  );
  return (
    `<div class="wide"><table class="numbers"><caption>${caption}</caption><thead><tr>${heads}</tr></thead>` +
    `<tbody>${lines.join('\n')}</tbody></table></div>`
  );
}
