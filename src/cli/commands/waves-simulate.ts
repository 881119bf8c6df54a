/** `tidegate waves simulate`: a rollout before it happens, by the decision code of the hosts. */
import { resolve } from 'node:path';
import { Option } from 'commander';
import { formatTime } from '../../metadata/time.ts';
import { formatDuration, printableLine } from '../../terminal.ts';
import type { FleetModel } from '../../waves/simulation/fleet-model.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';
import type { Tally } from '../../waves/simulation/tally.ts';
import {
  addCacheOptions,
  addFleetOptions,
  type CacheOptions,
  type FleetOptions,
  modelOf,
  pricesOf,
} from '../simulation/fleet-options.ts';
import type { Report } from '../simulation/report.ts';
import { pauseLength, type ScenarioOptions, scenarioOf } from '../simulation/scenario.ts';
import type { SimulatedRelease, SourceOptions } from '../simulation/source.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { duration, momentOption } from '../time-option.ts';
import { addWorkspaceOption } from '../workspace-option.ts';

interface SimulateOptions extends SourceOptions, ScenarioOptions, FleetOptions, CacheOptions {
  readonly for?: number;
  readonly svg?: string;
  readonly html?: string;
  readonly csv?: string;
}

const day = 24 * 3_600_000;

export const defineSimulate: Define = (command, surroundings) => {
  addWorkspaceOption(command)
    .description(
      'Show a rollout before it happens: share, requests, egress, cost and end, by the decision code of hosts.',
    )
    .argument('[release...]', 'VARIANT ARCH VERSION, published or waiting; none: the policy alone')
    .option('--policy <name>', 'a policy of policies/waves, or a FILE, in place of the release’s own waves')
    .addOption(
      new Option('--spread <how>', 'as hosts of Tidegate or as shipped updog').choices(['linear', 'shipped']),
    )
    .option('--start <time>', 'when it is published (default: now)', momentOption)
    .option('--for <duration>', 'how long to look (default: a day past the last wave)', duration)
    .option('--svg <file>', 'write the curves as an image')
    .option('--html <file>', 'write a page that holds everything')
    .option('--csv <file>', 'write the rows for a spreadsheet')
    .optionsGroup('What the publisher does meanwhile:')
    .option('--pause-at <duration>', 'the release is paused so long after its start', duration)
    .option('--resume-at <duration>', 'and resumed', duration)
    .option('--accelerate-at <duration>', 'and goes faster from then on', duration)
    .addOption(new Option('--factor <number>', 'how many times as fast').argParser(Number).default(2))
    .option('--withdraw-at <duration>', 'and is withdrawn', duration);
  addCacheOptions(addFleetOptions(command))
    .addHelpText('after', examples)
    .action((release: readonly string[], options: SimulateOptions) =>
      simulateRollout(release, options, surroundings),
    );
};

const examples = `
Examples:
  tidegate waves simulate --policy default --hosts 1e6
  tidegate waves simulate demo x86_64 1.2.0 --hosts 50000 --poll 1h --html rollout.html
  tidegate waves simulate --policy default --spread shipped
  tidegate waves simulate --policy default --group canary=2% --pause-at 2d --resume-at 3d
  tidegate waves simulate --policy default --hosts 1e6 --outage 1d..1.5d --unsigned 2d..10d
  tidegate waves simulate --policy default --hosts 1e6 --caches 1 --cache-time 10s --edge-price 0.02
`;

async function simulateRollout(
  name: readonly string[],
  options: SimulateOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, directory } = surroundings;
  const [{ simulatedRelease }, { runSimulation }, { forecastOf }, { reportOf }] = await Promise.all([
    import('../simulation/source.ts'),
    import('../simulation/run.ts'),
    import('../../waves/simulation/forecast.ts'),
    import('../simulation/report.ts'),
  ]);
  const source = await simulatedRelease(name, options, surroundings);
  const scenario = scenarioOf(source.publication, source.release, options);
  const model = modelOf(source, options, { scenario, length: lengthOf(source, options) });
  const line = terminal.progress('hosts', model.hosts);
  let tally: Tally;
  try {
    tally = await runSimulation(model, { signal, progress: (hosts) => line.update(hosts) });
  } finally {
    line.end();
  }
  const { prices, listed } = pricesOf(options);
  const forecast = forecastOf(model, tally, { rowLength: rowLength(model), prices });
  const report = reportOf(model, forecast, {
    title: source.title,
    spread: source.release.spread ?? 'shipped',
    events: scenario.events,
    listPrices: listed,
  });
  const written = await writeFiles(forecast, report, options, directory);
  await printForecast(forecast, report, surroundings);
  for (const path of written) terminal.print(`written: ${printableLine(path)}`);
  const { title, headline } = report;
  terminal.printJson({
    title,
    headline,
    model: modelData(model),
    prices,
    ...forecastData(forecast),
    written,
  });
}

/** Milliseconds: a day past the moment at which the last host may poll. */
function lengthOf({ publication, release }: SimulatedRelease, options: SimulateOptions): number {
  const groups = (release.groups ?? []).map(({ opens }) => opens);
  const last = Math.max(publication.at, ...release.waves.values(), ...groups, release.lastWaveEnds ?? 0);
  return options.for ?? last - publication.at + pauseLength(options) + options.poll + day;
}

/** About two hundred rows, of whole minutes. */
function rowLength({ duration: length }: FleetModel): number {
  return Math.ceil(length / 200 / 60_000) * 60_000;
}

async function writeFiles(
  forecast: Forecast,
  report: Report,
  options: SimulateOptions,
  directory: string,
): Promise<readonly string[]> {
  const [{ forecastSvg }, { forecastHtml }, { forecastCsv }, { writeDurably }, { nodeFileSystem }] =
    await Promise.all([
      import('../simulation/svg.ts'),
      import('../simulation/html.ts'),
      import('../simulation/csv.ts'),
      import('../../storage/durable-file.ts'),
      import('../../storage/file-system.ts'),
    ]);
  const files: readonly (readonly [string | undefined, () => string])[] = [
    [options.svg, () => forecastSvg(forecast, report)],
    [options.html, () => forecastHtml(forecast, report)],
    [options.csv, () => forecastCsv(forecast)],
  ];
  const written: string[] = [];
  for (const [file, content] of files) {
    if (file === undefined) continue;
    const path = resolve(directory, file);
    await writeDurably(nodeFileSystem, path, new TextEncoder().encode(content()), { mode: 0o644 });
    written.push(path);
  }
  return written;
}

/** Columns of what is no terminal. */
const usualColumns = 80;

async function printForecast(
  forecast: Forecast,
  { title, headline, milestones, load, facts }: Report,
  { terminal }: Surroundings,
): Promise<void> {
  const [{ factLines, plotLines, tableLines, wrapped }, { seriesOf }] = await Promise.all([
    import('../simulation/terminal-plot.ts'),
    import('../simulation/series.ts'),
  ]);
  const { columns = usualColumns } = terminal;
  const print = (lines: readonly string[]): void => {
    for (const line of lines) terminal.print(printableLine(line));
  };
  const { start, rows } = forecast;
  const ends = [formatTime(start), `+ ${formatDuration((rows.at(-1)?.time ?? start) - start)}`] as const;
  for (const line of wrapped(printableLine(title), columns)) terminal.print(terminal.style('bold', line));
  for (const sentence of headline) print(wrapped(sentence, columns));
  for (const series of seriesOf(forecast)) print(['', ...plotLines(series, { columns, ends })]);
  for (const table of [milestones, load]) print(['', ...tableLines(table, columns)]);
  print(['', ...factLines(facts, columns)]);
}

function modelData({ publications: _, groups: __, ...model }: FleetModel): unknown {
  return { ...model, start: formatTime(model.start) };
}

function forecastData({ rows, reached, start, ...rest }: Forecast): Record<string, unknown> {
  const timeOf = (time: number | undefined): string | null => (time === undefined ? null : formatTime(time));
  return {
    ...rest,
    start: formatTime(start),
    reached: reached.map(({ share, time, expected }) => ({
      share,
      time: timeOf(time),
      expected: timeOf(expected),
    })),
    rows: rows.map((row) => ({ ...row, time: formatTime(row.time) })),
  };
}
