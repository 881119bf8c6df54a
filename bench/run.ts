/**
 * Benchmarks beside peers: `node bench/run.ts [verify|stage|download|s3|scale …] [--json]`; see README.md beside this file.
 */
import { parseArgs } from 'node:util';
import { benchDownload } from './download.ts';
import { formatReport, machineFacts, type Table, verdictsOf } from './report.ts';
import { benchRepositories } from './repositories.ts';
import { benchS3 } from './s3.ts';
import { benchScale } from './scale.ts';
import { benchStage } from './stage.ts';
import { benchVerify } from './verify.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** Seconds for one run of one contender. */
  readonly timeLimit: number;
  /** Bytes of the image. */
  readonly size: number;
  /** Numbers of targets. */
  readonly targets: readonly number[];
}

const benchmarks: ReadonlyMap<
  string,
  (workshop: Workshop, options: BenchOptions) => Promise<readonly Table[]>
> = new Map([
  ['verify', benchVerify],
  ['stage', benchStage],
  ['download', benchDownload],
  ['s3', benchS3],
  ['scale', benchScale],
  ['repositories', benchRepositories],
]);

/** Those that run unasked: what the others need is on few machines, or takes minutes to lay out. */
const usual = ['verify', 'stage', 'download'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    'time-limit': { type: 'string', default: '60' },
    size: { type: 'string', default: String(1024 ** 3) },
    targets: { type: 'string', default: '1000,10000,100000' },
  },
});

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${name} should be a positive integer; found ${JSON.stringify(text)}.`);
}

async function main(): Promise<void> {
  const options: BenchOptions = {
    rounds: positive('--rounds', values.rounds),
    timeLimit: positive('--time-limit', values['time-limit']),
    size: positive('--size', values.size),
    targets: values.targets.split(',').map((text) => positive('--targets', text)),
  };
  const names = positionals.length === 0 ? usual : positionals;
  const unknown = names.find((name) => !benchmarks.has(name));
  if (unknown !== undefined)
    throw new Error(`Unknown benchmark ${unknown}; there are ${[...benchmarks.keys()].join(', ')}.`);
  const machine = machineFacts();
  if (!values.json)
    console.log(
      Object.entries(machine)
        .map(([key, value]) => `${key}: ${value}`)
        .join(', '),
    );
  const workshop = openWorkshop();
  const tables: Table[] = [];
  try {
    for (const name of names) {
      for (const table of (await benchmarks.get(name)?.(workshop, options)) ?? []) {
        tables.push(table);
        if (!values.json) console.log(`\n${formatReport(table)}`);
      }
    }
  } finally {
    workshop.close();
  }
  const report = tables.map((table) => ({ ...table, goals: verdictsOf(table) }));
  if (values.json) console.log(JSON.stringify({ machine, options, tables: report }, undefined, 2));
}

await main();
