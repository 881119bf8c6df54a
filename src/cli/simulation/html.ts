/** A page to send to somebody: the curves, the assumptions and the milestones, in one file. */
import type { Forecast } from '../../waves/simulation/forecast.ts';
import { escaped, forecastSvg } from './svg.ts';

/** @param facts label and value, the assumptions and the results */
export function forecastHtml(
  forecast: Forecast,
  title: string,
  facts: readonly (readonly [string, string])[],
): string {
  const rows = facts.map(([label, value]) => `<tr><th>${escaped(label)}</th><td>${escaped(value)}</td></tr>`);
  return [
    '<!doctype html>',
    '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
    `<title>${escaped(title)}</title>`,
    '<style>body{font:15px sans-serif;margin:2em auto;max-width:860px;color:#222}',
    'th{text-align:left;padding-right:2em;font-weight:normal;color:#666}svg{width:100%}</style>',
    `<h1>${escaped(title)}</h1>`,
    `<table>${rows.join('\n')}</table>`,
    forecastSvg(forecast, title),
    '</html>\n',
  ].join('\n');
}
