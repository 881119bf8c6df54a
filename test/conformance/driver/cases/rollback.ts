/** Nothing gets older, except after the keys that made it too new have been taken away. */
import { deepEqual, equal } from 'node:assert/strict';
import { signingKeys } from '../../../support/signing-keys.ts';
import { type CaseText, group } from '../case.ts';

const rollbacks = [false, true].flatMap((stateHashes): CaseText[] => {
  const how = stateHashes ? 'with hashes' : 'without hashes';
  return [
    {
      title: `an older snapshot in a newer timestamp is refused, ${how}`,
      repository: { stateHashes },
      async run(bench) {
        const { repository } = bench;
        repository.publishSnapshot();
        await bench.init();
        await bench.refresh();
        repository.snapshot.version = 1;
        repository.timestamp.meta['snapshot.json'] = repository.metaOf(repository.write('snapshot'), 1);
        repository.publishTimestamp();
        await bench.refresh('failure');
        deepEqual(bench.trusted(), { root: 1, snapshot: 2, targets: 1, timestamp: 2 });
        equal(bench.takeMetadataRequests().at(-1), 'timestamp.json');
      },
    },
    {
      title: `an older targets in a newer snapshot is refused, ${how}`,
      repository: { stateHashes },
      async run(bench) {
        const { repository } = bench;
        repository.publish();
        repository.publish();
        await bench.init();
        await bench.refresh();
        repository.targets.version = 1;
        repository.snapshot.meta['targets.json'] = repository.metaOf(repository.write('targets'), 1);
        repository.publishSnapshot();
        await bench.refresh('failure');
        deepEqual(bench.trusted(), { root: 1, snapshot: 3, targets: 3, timestamp: 4 });
      },
    },
  ];
});

const recoveries: readonly CaseText[] = [
  {
    title: 'a fast-forwarded targets is recovered from by new snapshot keys',
    async run(bench) {
      const { repository } = bench;
      repository.targets.version = 99_998;
      repository.publish();
      await bench.init();
      await bench.refresh();
      equal(bench.trusted().targets, 99_999);
      repository.setKeys('snapshot', signingKeys('new-snapshot', 1));
      repository.publishRoot();
      repository.targets.version = 0;
      repository.publish();
      await bench.refresh();
      equal(bench.trusted().targets, 1);
    },
  },
  {
    title: 'a fast-forwarded snapshot is recovered from by new snapshot and timestamp keys',
    async run(bench) {
      const { repository } = bench;
      repository.snapshot.version = 99_998;
      repository.publishSnapshot();
      await bench.init();
      await bench.refresh();
      equal(bench.trusted().snapshot, 99_999);
      repository.setKeys('snapshot', signingKeys('new-snapshot', 1));
      repository.setKeys('timestamp', signingKeys('new-timestamp', 1));
      repository.publishRoot();
      repository.snapshot.version = 0;
      repository.publishSnapshot();
      await bench.refresh();
      equal(bench.trusted().snapshot, 1);
    },
  },
  {
    title: 'a fast-forwarded timestamp is recovered from by new timestamp keys',
    async run(bench) {
      const { repository } = bench;
      repository.timestamp.version = 99_998;
      repository.publishTimestamp();
      await bench.init();
      await bench.refresh();
      equal(bench.trusted().timestamp, 99_999);
      repository.setKeys('timestamp', signingKeys('new-timestamp', 1));
      repository.publishRoot();
      repository.timestamp.version = 0;
      repository.publishTimestamp();
      await bench.refresh();
      equal(bench.trusted().timestamp, 1);
    },
  },
];

export const rollback = group('rollback', [
  {
    title: 'an older timestamp is refused, and an older snapshot under its name not even asked for',
    async run(bench) {
      const { repository } = bench;
      const older = repository.written('snapshot');
      repository.publishSnapshot();
      await bench.init();
      await bench.refresh();
      repository.files.set('2.snapshot.json', older);
      await bench.refresh();
      equal(bench.takeMetadataRequests().at(-1), 'timestamp.json');
      equal(bench.trusted().snapshot, 2);
      repository.timestamp.version = 1;
      repository.write('timestamp');
      await bench.refresh('failure');
      equal(bench.trusted().timestamp, 2);
      equal(bench.takeMetadataRequests().at(-1), 'timestamp.json');
    },
  },
  ...rollbacks,
  {
    title: 'a snapshot from which a role has vanished is refused',
    async run(bench) {
      const { repository } = bench;
      repository.delegate('targets', 'vanishing');
      repository.writeAll();
      await bench.init();
      await bench.refresh();
      delete repository.snapshot.meta['vanishing.json'];
      repository.publishSnapshot();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 1, snapshot: 1, targets: 1, timestamp: 2 });
    },
  },
  ...recoveries,
]);
