/** Repositories whose files are overwritten in place, which the specification allows. */
import { deepEqual } from 'node:assert/strict';
import type { Bench } from '../bench.ts';
import type { CaseText } from '../case.ts';

const overwritten = { consistentSnapshot: false };
const unversioned = ['2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json'];

async function publishFile(bench: Bench, role = 'targets'): Promise<void> {
  bench.repository.addTarget('file', new TextEncoder().encode('content'), role);
  bench.repository.writeAll();
  await bench.init();
}

export const consistentSnapshots: readonly CaseText[] = [
  {
    title: 'a root without consistent_snapshot means false',
    repository: overwritten,
    async run(bench) {
      delete bench.repository.root.consistent_snapshot;
      await publishFile(bench);
      await bench.download('file');
      deepEqual(bench.takeMetadataRequests(), unversioned);
      deepEqual(bench.artifacts(), ['content']);
    },
  },
  {
    title: 'without consistent snapshots only root carries a version in its name',
    repository: overwritten,
    async run(bench) {
      await bench.init();
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), unversioned);
      deepEqual(bench.trusted(), { root: 1, snapshot: 1, targets: 1, timestamp: 1 });
    },
  },
  {
    title: 'without consistent snapshots targets carry no hash in their names',
    repository: overwritten,
    async run(bench) {
      await publishFile(bench);
      await bench.download('file');
      deepEqual(bench.takeTargetRequests(), ['file']);
      deepEqual(bench.artifacts(), ['content']);
    },
  },
  {
    title: 'without consistent snapshots delegated roles carry no version in their names',
    repository: overwritten,
    async run(bench) {
      bench.repository.delegate('targets', 'delegated');
      await publishFile(bench, 'delegated');
      await bench.download('file');
      deepEqual(bench.takeMetadataRequests(), [...unversioned, 'delegated.json']);
      deepEqual(bench.artifacts(), ['content']);
    },
  },
  {
    title: 'the newest root says whether snapshots are consistent',
    repository: overwritten,
    async run(bench) {
      await bench.init();
      await bench.refresh();
      bench.takeMetadataRequests();
      bench.repository.root.consistent_snapshot = true;
      bench.repository.publishRoot();
      bench.repository.publish();
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), [
        ...['2.root.json', '3.root.json', 'timestamp.json'],
        ...['2.snapshot.json', '2.targets.json'],
      ]);
    },
  },
];
