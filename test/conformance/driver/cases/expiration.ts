/** What has expired is not believed; what has expired here must not stop the way to something fresh. */
import { deepEqual } from 'node:assert/strict';
import { expiry } from '../../../support/simulated-documents.ts';
import { day } from '../bench.ts';
import { group } from '../case.ts';

const allAtOne = { root: 1, snapshot: 1, targets: 1, timestamp: 1 };

export const expiration = group('expiration', [
  {
    title: 'an expired new root is stored, and nothing behind it',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      await bench.refresh();
      repository.publishRoot();
      await bench.refresh();
      repository.root.expires = expiry(-1);
      repository.publishRoot();
      repository.publish();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, root: 3 });
    },
  },
  {
    title: 'an expired timestamp is not stored',
    async run(bench) {
      await bench.init();
      await bench.refresh();
      bench.repository.timestamp.expires = expiry(-5);
      bench.repository.publishTimestamp();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), allAtOne);
    },
  },
  {
    title: 'an expired snapshot is not stored',
    async run(bench) {
      await bench.init();
      await bench.refresh();
      bench.repository.snapshot.expires = expiry(-5);
      bench.repository.publishSnapshot();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, timestamp: 2 });
    },
  },
  {
    title: 'an expired targets is not stored',
    async run(bench) {
      await bench.init();
      await bench.refresh();
      bench.repository.targets.expires = expiry(-5);
      bench.repository.publish();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 2 });
    },
  },
  {
    title: 'an expired local root does not stop the way to a fresh one',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      repository.timestamp.expires = expiry(30);
      repository.publishTimestamp();
      repository.root.expires = expiry(7);
      repository.publishRoot();
      await bench.refresh();
      repository.root.expires = expiry(21);
      repository.publishRoot();
      await bench.refresh('success', day(18));
      deepEqual(bench.trusted(), { root: 3, snapshot: 1, targets: 1, timestamp: 2 });
    },
  },
  {
    title: 'an expired local timestamp does not stop the way to a fresh one',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      repository.timestamp.expires = expiry(7);
      repository.publishTimestamp();
      await bench.refresh();
      repository.timestamp.expires = expiry(21);
      repository.publish();
      await bench.refresh('success', day(18));
      deepEqual(bench.trusted(), { root: 1, snapshot: 2, targets: 2, timestamp: 3 });
    },
  },
]);
