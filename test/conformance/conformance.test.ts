import { deepEqual, equal } from 'node:assert/strict';
import { allCases, conformanceCases, probes } from './driver/all-cases.ts';
import { groupOf } from './driver/case.ts';
import { moduleClient } from './driver/client.ts';
import { isPeer, knownFailures } from './driver/known-failures.ts';
import { Mounts } from './driver/mounts.ts';
import { runCase, runCases } from './driver/run.ts';
import { main } from './tidegate-client.ts';

/** The number of cases in each group of the public suite. */
const groupSizes = {
  'conformance/basic': 24,
  'conformance/expiration': 6,
  'conformance/file-download': 9,
  'conformance/keys': 8,
  'conformance/quoting': 4,
  'conformance/rollback': 9,
  'conformance/delegation-graphs': 23,
  'conformance/key-rotation': 25,
  'conformance/static-repositories': 2,
  'conformance/simulator': 3,
};

/** Cases without a client, or in which a client may do nothing at all. */
function needsNoWork(name: string): boolean {
  return (
    name.startsWith('conformance/simulator/') ||
    name.endsWith('ends everything before the first request') ||
    name.endsWith('does not leave the target folder')
  );
}

describe('the driver of the conformance cases', () => {
  it('has the groups of the public suite in their sizes, and the further probes', () => {
    const sizes = [...Map.groupBy(conformanceCases, ({ name }) => groupOf(name))].map(
      ([group, cases]) => [group, cases.length] as const,
    );
    deepEqual(Object.fromEntries(sizes), groupSizes);
    equal(conformanceCases.length, 113);
    equal(probes.length, 53);
    equal(new Set(allCases.map(({ name }) => name)).size, 166);
  });

  it('knows failures of peers by names that exist', () => {
    const names = new Set(allCases.map(({ name }) => name));
    for (const peer of Object.keys(knownFailures)) {
      equal(isPeer(peer), true);
      if (isPeer(peer))
        deepEqual(
          knownFailures[peer].filter((name) => !names.has(name)),
          [],
        );
    }
  });

  for (const status of [0, 1] as const) {
    it(`fails a client that does nothing and ends with ${status}`, async function () {
      this.timeout(60_000);
      const results = await runCases(
        allCases,
        moduleClient(async () => status),
        { jobs: 4 },
      );
      const passed = results.filter(({ error }) => error === undefined).map(({ name }) => name);
      deepEqual(
        passed.filter((name) => !needsNoWork(name)),
        [],
      );
    });
  }
});

describe('our client in the conformance cases', () => {
  let mounts: Mounts;
  before(async () => {
    mounts = await Mounts.open();
  });
  after(async () => {
    await mounts.close();
  });
  for (const conformanceCase of allCases) {
    it(conformanceCase.name, async function () {
      this.timeout(60_000);
      await runCase(conformanceCase, moduleClient(main), mounts);
    });
  }
});
