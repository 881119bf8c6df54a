/** `tidegate waves simulate`: a rollout before it happens, by the decision code of the hosts. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { formatTime } from '../../metadata/time.ts';
import { formatBytes, formatDuration, formatTable, printableLine } from '../../terminal.ts';
import { type FleetModel, usualFleet } from '../../waves/simulation/fleet-model.ts';
import type { Forecast } from '../../waves/simulation/forecast.ts';
import type { Tally } from '../../waves/simulation/tally.ts';
import { bitRate, byteSize, share, wholeNumber } from '../number-option.ts';
import {
  groupsOf,
  type LabelledShare,
  labelledShare,
  pauseLength,
  type Scenario,
  type ScenarioOptions,
  scenarioOf,
} from '../simulation/scenario.ts';
import type { SimulatedRelease, SourceOptions } from '../simulation/source.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { duration, momentOption } from '../time-option.ts';
import { addWorkspaceOption } from '../workspace-option.ts';

interface SimulateOptions extends SourceOptions, ScenarioOptions {
  readonly group: readonly LabelledShare[];
  readonly hosts: number;
  readonly for?: number;
  readonly poll: number;
  readonly jitter: number;
  readonly synchronised?: number;
  readonly bandwidth: number;
  readonly imageSize?: number;
  readonly startWithin: number;
  readonly failureRate: number;
  readonly revertRate: number;
  readonly cacheTime: number;
  readonly randomSeed: number;
  readonly svg?: string;
  readonly html?: string;
  readonly csv?: string;
}

const hour = 3_600_000;
const day = 24 * hour;

export const defineSimulate: Define = (command, surroundings) => {
  addFleetOptions(addWorkspaceOption(command))
    .description(
      'Show a rollout before it happens: share, requests, egress and end, by the decision code of hosts.',
    )
    .argument('[release...]', 'VARIANT ARCH VERSION, published or waiting; none: the policy alone')
    .option('--policy <name>', 'a policy of policies/waves, or a FILE, in place of the release’s own waves')
    .addOption(
      new Option('--spread <how>', 'as hosts of Tidegate or as shipped updog').choices(['linear', 'shipped']),
    )
    .option('--start <time>', 'when it is published (default: now)', momentOption)
    .option('--for <duration>', 'how long to look (default: a day past the last wave)', duration)
    .option('--pause-at <duration>', 'the release is paused so long after its start', duration)
    .option('--resume-at <duration>', 'and resumed', duration)
    .option('--accelerate-at <duration>', 'and goes faster from then on', duration)
    .addOption(new Option('--factor <number>', 'how many times as fast').argParser(Number).default(2))
    .option('--withdraw-at <duration>', 'and is withdrawn', duration)
    .option('--svg <file>', 'write the curves as an image')
    .option('--html <file>', 'write a page that holds everything')
    .option('--csv <file>', 'write the rows for a spreadsheet')
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
`;

function addFleetOptions(command: Command): Command {
  return command
    .option('--hosts <number>', 'the size of the fleet', wholeNumber, 10_000)
    .option('--group <label=share>', 'hosts with this label; may be repeated', labelledShare, [])
    .option('--poll <duration>', 'from one poll of a host to the next', duration, usualFleet.polling.interval)
    .option('--jitter <share>', 'how far a poll moves, as a share of that', share, usualFleet.polling.jitter)
    .option(
      '--synchronised <duration>',
      'hosts poll at one moment, with clocks that are off by this',
      duration,
    )
    .option('--bandwidth <rate>', 'of one host', bitRate, 100e6)
    .option('--image-size <size>', 'of one update (default: that of the release, else 165MB)', byteSize)
    .option('--start-within <duration>', 'hosts wait up to so long before they download', duration, hour)
    .option('--failure-rate <share>', 'of downloads that break', share, 0.001)
    .option('--revert-rate <share>', 'of new systems that do not come up', share, 0)
    .option('--cache-time <duration>', 'how long caches keep the timestamp', duration, usualFleet.cacheTime)
    .option('--random-seed <number>', 'another number, another run', wholeNumber, usualFleet.randomSeed);
}

async function simulateRollout(
  name: readonly string[],
  options: SimulateOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, directory } = surroundings;
  const [{ simulatedRelease }, { runSimulation }, { forecastOf }] = await Promise.all([
    import('../simulation/source.ts'),
    import('../simulation/run.ts'),
    import('../../waves/simulation/forecast.ts'),
  ]);
  const source = await simulatedRelease(name, options, surroundings);
  const scenario = scenarioOf(source.publication, source.release, options);
  const model = modelOf(source, options, scenario);
  const line = terminal.progress('hosts', model.hosts);
  let tally: Tally;
  try {
    tally = await runSimulation(model, { signal, progress: (hosts) => line.update(hosts) });
  } finally {
    line.end();
  }
  const forecast = forecastOf(model, tally, rowLength(model));
  const facts = [
    ...(scenario.events.length === 0 ? [] : [['scenario', scenario.events.join(', ')] as const]),
    ...factsOf(model, source, forecast),
  ];
  const title = `Rollout of ${source.title}, ${model.hosts.toLocaleString('en')} hosts`;
  const written = await writeFiles(forecast, { title, facts, options, directory });
  await printForecast(forecast, { title, facts, written }, surroundings);
  terminal.printJson({ title, model: modelData(model), ...forecastData(forecast), written });
}

function modelOf(
  { release, publication, imageLength }: SimulatedRelease,
  options: SimulateOptions,
  { publications }: Scenario,
): FleetModel {
  const { variant, arch } = release;
  const groups = (release.groups ?? []).map(({ opens }) => opens);
  const last = Math.max(publication.at, ...release.waves.values(), ...groups, release.lastWaveEnds ?? 0);
  const start = publication.at;
  return {
    ...usualFleet,
    hosts: options.hosts,
    randomSeed: options.randomSeed,
    start,
    duration: options.for ?? last - start + pauseLength(options) + options.poll + day,
    groups: groupsOf(options.group, { variant, arch, version: '0.0.0' }),
    publications,
    polling: {
      interval: options.poll,
      jitter: options.jitter,
      phase:
        options.synchronised === undefined
          ? { kind: 'spread' }
          : { kind: 'synchronised', clockError: options.synchronised },
    },
    cacheTime: options.cacheTime,
    download: {
      bytes: options.imageSize ?? imageLength ?? 165_000_000,
      bandwidth: options.bandwidth,
      startWithin: options.startWithin,
      failureRate: options.failureRate,
    },
    boot: { ...usualFleet.boot, revertRate: options.revertRate },
    retry: { ...usualFleet.retry, cap: options.poll / 4 },
  };
}

/** About two hundred rows, of whole minutes. */
function rowLength({ duration: length }: FleetModel): number {
  return Math.ceil(length / 200 / 60_000) * 60_000;
}

type Facts = readonly (readonly [string, string])[];

function factsOf(model: FleetModel, { release }: SimulatedRelease, forecast: Forecast): Facts {
  const { polling, download } = model;
  const { totals, peaks, formula, deviation, reached } = forecast;
  const at = (time: number | undefined): string =>
    time === undefined
      ? 'not in this time'
      : `${formatTime(time)} (after ${formatDuration(time - model.start)})`;
  return [
    ['hosts', `${model.hosts.toLocaleString('en')}, a poll every ${formatDuration(polling.interval)}`],
    ['spread', release.spread ?? 'shipped'],
    ['one update', `${formatBytes(download.bytes)} at ${(download.bandwidth / 1e6).toFixed(1)} Mbit/s`],
    ...reached.map(({ share: part, time }) => [`${(part * 100).toFixed(1)} % updated`, at(time)] as const),
    ['reverted', `${(forecast.reverted * 100).toFixed(2)} %`],
    [
      'requests',
      `${formula.polls.toFixed(2)} polls/s in the mean, ${peaks.requestsPerSecond} requests in the busiest second`,
    ],
    [
      'egress',
      `${formatBytes(totals.bytes)}, ${(peaks.bitsPerSecond / 1e9).toFixed(3)} Gbit/s in the busiest minute`,
    ],
    [
      'by formula',
      deviation === undefined
        ? 'none holds for this'
        : `within ${(deviation * 100).toFixed(2)} % of the fleet`,
    ],
  ];
}

interface Writing {
  readonly title: string;
  readonly facts: Facts;
  readonly options: SimulateOptions;
  readonly directory: string;
}

async function writeFiles(
  forecast: Forecast,
  { title, facts, options, directory }: Writing,
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
    [options.svg, () => forecastSvg(forecast, title)],
    [options.html, () => forecastHtml(forecast, title, facts)],
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

async function printForecast(
  forecast: Forecast,
  { title, facts, written }: { title: string; facts: Facts; written: readonly string[] },
  { terminal }: Surroundings,
): Promise<void> {
  const [{ plotLines }, { seriesOf }] = await Promise.all([
    import('../simulation/terminal-plot.ts'),
    import('../simulation/series.ts'),
  ]);
  const [first, last] = [forecast.rows[0], forecast.rows.at(-1)].map((row) => formatTime(row?.time ?? 0));
  terminal.print(printableLine(title));
  for (const series of seriesOf(forecast)) {
    terminal.print('');
    for (const line of plotLines(series, [first ?? '', last ?? ''])) terminal.print(line);
  }
  terminal.print('');
  for (const line of formatTable(facts).split('\n')) terminal.print(line);
  for (const path of written) terminal.print(`written: ${printableLine(path)}`);
}

function modelData({ publications: _, groups: __, ...model }: FleetModel): unknown {
  return { ...model, start: formatTime(model.start) };
}

function forecastData({ rows, reached, ...rest }: Forecast): Record<string, unknown> {
  const timed = <T extends { readonly time: number | undefined }>({ time, ...row }: T): unknown => ({
    time: time === undefined ? null : formatTime(time),
    ...row,
  });
  return { ...rest, reached: reached.map(timed), rows: rows.map(timed) };
}
