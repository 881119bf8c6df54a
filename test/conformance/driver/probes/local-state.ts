/** What a client finds in its own folder: half-written files, and a root far behind. */
import { equal } from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { CaseText } from '../case.ts';

const halfWritten: readonly CaseText[] = ['root', 'timestamp', 'snapshot', 'targets'].map((role) => ({
  title: `a half-written ${role}.json heals`,
  async run(bench) {
    await bench.init();
    await bench.refresh();
    const whole = bench.repository.written(role);
    truncateSync(join(bench.metadataDirectory, `${role}.json`), Math.floor(whole.length / 2));
    await bench.refresh();
    bench.stores(role, whole);
  },
}));

export const localState: readonly CaseText[] = [
  ...halfWritten,
  {
    title: '300 roots are caught up with in two refreshes',
    async run(bench) {
      for (let count = 0; count < 300; count += 1) bench.repository.publishRoot();
      await bench.init();
      await bench.refresh('either');
      await bench.refresh();
      equal(bench.trusted().root, 301);
      bench.stores('root');
    },
  },
];
