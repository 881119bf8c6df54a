/**
 * The driver on the command line:
 *
 *     node test/conformance/driver/main.ts [--entry COMMAND] [--module FILE] [--faketime] [--only TEXT]
 *                                          [--jobs N] [--peer NAME]
 *
 * Without options it runs every case against our own entry, each call in a process of its own. `--entry` names
 * another client, `--module` an entry whose `main` is called in this process. `--peer` holds the failures
 * against those that are known of that client: the run succeeds when they are exactly those.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { ConformanceMain } from '../protocol.ts';
import { allCases } from './all-cases.ts';
import { type Client, commandClient, moduleClient } from './client.ts';
import { isPeer, knownFailures } from './known-failures.ts';
import { failureText, groupTable } from './report.ts';
import { runCases } from './run.ts';

const { values } = parseArgs({
  options: {
    entry: { type: 'string' },
    module: { type: 'string' },
    faketime: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    peer: { type: 'string' },
  },
});

const ownEntry = join(import.meta.dirname, '..', 'client');

async function clientOf(): Promise<Client> {
  if (values.module === undefined) return commandClient(values.entry?.split(' ') ?? [ownEntry], values);
  const { main } = (await import(resolve(values.module))) as { main: ConformanceMain };
  return moduleClient(main);
}

const { peer } = values;
if (peer !== undefined && !isPeer(peer)) throw new Error(`nothing is known of a client called ${peer}`);
const known = new Set(peer === undefined ? [] : knownFailures[peer]);
const cases = allCases.filter(({ name }) => name.includes(values.only));
const start = performance.now();
const results = await runCases(cases, await clientOf(), {
  jobs: Number(values.jobs),
  progress: (result) => {
    if (result.error !== undefined && !known.has(result.name)) console.log(failureText(result));
  },
});
console.log(groupTable(results));
const failed = results.filter(({ error }) => error !== undefined);
const unexpected = results.filter(({ name, error }) => (error !== undefined) !== known.has(name));
if (peer !== undefined) {
  for (const { name, error } of unexpected)
    console.log(
      `${error === undefined ? 'passed against expectation' : 'failed against expectation'}: ${name}`,
    );
  console.log(`${failed.length} failures, ${unexpected.length} of the results not as known of ${peer}`);
}
console.log(`${((performance.now() - start) / 1000).toFixed(0)} s`);
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = unexpected.length === 0 ? 0 : 1;
