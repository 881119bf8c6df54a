/** The second half of the basic group: parents and children, contents of documents, files that are missing. */
import { deepEqual, equal } from 'node:assert/strict';
import { signingKey } from '../../../support/signing-keys.ts';
import { expiry } from '../../../support/simulated-documents.ts';
import { record } from '../../../support/written-json.ts';
import type { Bench } from '../bench.ts';
import { day } from '../bench.ts';
import { keyWith } from '../bent-keys.ts';
import type { CaseText } from '../case.ts';

const allAtOne = { root: 1, snapshot: 1, targets: 1, timestamp: 1 };

async function refreshed(bench: Bench): Promise<void> {
  await bench.init();
  await bench.refresh();
  bench.takeMetadataRequests();
}

const parents: readonly CaseText[] = [
  {
    title: 'a timestamp of the same version with other content is passed over without an error',
    async run(bench) {
      const { repository } = bench;
      const first = repository.written('timestamp');
      await refreshed(bench);
      repository.timestamp.meta['snapshot.json'] = { version: 100 };
      repository.write('timestamp');
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), ['2.root.json', 'timestamp.json']);
      bench.stores('timestamp', first);
    },
  },
  {
    title: 'hashes in timestamp and snapshot are enforced where they are present',
    repository: { stateHashes: true },
    async run(bench) {
      const { repository } = bench;
      await refreshed(bench);
      repository.targets.version = 2;
      const meta = repository.metaOf(repository.write('targets'), 2);
      repository.snapshot.meta['targets.json'] = { ...meta, hashes: { sha256: 'a7'.repeat(32) } };
      repository.publishSnapshot();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 2 });
      repository.timestamp.meta['snapshot.json'] = { version: 2, hashes: { sha256: 'a7'.repeat(32) } };
      repository.snapshot.version = 3;
      repository.write('snapshot');
      repository.timestamp.meta['snapshot.json'].version = 3;
      repository.publishTimestamp();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 3 });
    },
  },
  {
    title: 'lengths in timestamp and snapshot are enforced where they are present',
    async run(bench) {
      const { repository } = bench;
      await refreshed(bench);
      repository.targets.version = 2;
      const { length } = repository.write('targets');
      repository.snapshot.meta['targets.json'] = { version: 2, length: length + 1 };
      repository.publishSnapshot();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 2 });
      repository.snapshot.version = 3;
      const snapshot = repository.write('snapshot');
      repository.timestamp.meta['snapshot.json'] = { version: 3, length: snapshot.length - 1 };
      repository.publishTimestamp();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 3 });
    },
  },
  {
    title: 'a version of targets that snapshot does not list is not asked for',
    async run(bench) {
      await refreshed(bench);
      bench.repository.targets.version = 2;
      bench.repository.write('targets');
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), ['2.root.json', 'timestamp.json']);
      deepEqual(bench.trusted(), allAtOne);
    },
  },
];

const content: readonly CaseText[] = [
  {
    title: 'metadata is stored byte for byte, white space included',
    async run(bench) {
      const served = Buffer.concat([bench.repository.written('timestamp'), Buffer.from(' \n')]);
      bench.repository.files.set('timestamp.json', served);
      await refreshed(bench);
      bench.stores('timestamp', served);
    },
  },
  {
    title: 'unknown members in keys, roles and signed parts are signed like the rest',
    async run(bench) {
      const { repository } = bench;
      await refreshed(bench);
      const extra = keyWith(signingKey('extra'), { 'extra-field': { a: 1, b: 2 } });
      repository.setKeys('root', [...repository.signersOf('root'), extra], 4);
      repository.root['custom-field'] = 'value';
      repository.root.roles.root['another-field'] = 'value';
      repository.targets['custom-field'] = { b: [null, true], a: -1 };
      repository.publishRoot();
      repository.publish();
      await bench.refresh();
      deepEqual(bench.trusted(), { root: 2, snapshot: 2, targets: 2, timestamp: 2 });
    },
  },
  {
    title: 'keyid_hash_algorithms is a member like any other',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      repository.setKeys('snapshot', [keyWith(signingKey('md5'), { keyid_hash_algorithms: 'md5' })]);
      repository.publishRoot();
      repository.publishSnapshot();
      await bench.refresh();
      deepEqual(bench.trusted(), { root: 2, snapshot: 2, targets: 1, timestamp: 2 });
    },
  },
];

const missing: readonly CaseText[] = [
  {
    title: 'a missing snapshot is a failure, and the timestamp stays',
    async run(bench) {
      await refreshed(bench);
      bench.repository.timestamp.meta['snapshot.json'] = { version: 2 };
      bench.repository.publishTimestamp();
      await bench.refresh('failure');
      equal(bench.takeMetadataRequests().at(-1), '2.snapshot.json');
      deepEqual(bench.trusted(), { ...allAtOne, timestamp: 2 });
    },
  },
  {
    title: 'a missing targets is a failure, and timestamp and snapshot stay',
    async run(bench) {
      await refreshed(bench);
      bench.repository.snapshot.meta['targets.json'] = { version: 2 };
      bench.repository.publishSnapshot();
      await bench.refresh('failure');
      equal(bench.takeMetadataRequests().at(-1), '2.targets.json');
      deepEqual(bench.trusted(), { ...allAtOne, snapshot: 2, timestamp: 2 });
    },
  },
  {
    title: 'a missing timestamp is a failure',
    async run(bench) {
      await refreshed(bench);
      bench.repository.files.delete('timestamp.json');
      await bench.refresh('failure');
      equal(bench.takeMetadataRequests().at(-1), 'timestamp.json');
      deepEqual(bench.trusted(), allAtOne);
    },
  },
  {
    title: 'a snapshot in the place of a timestamp is refused for its type alone',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      repository.setKeys('snapshot', [
        ...repository.signersOf('snapshot'),
        ...repository.signersOf('timestamp'),
      ]);
      repository.publishRoot();
      const disguised = {
        ...repository.snapshot,
        version: 2,
        meta: record({ 'snapshot.json': { version: 1 } }),
      };
      repository.files.set('timestamp.json', repository.sign(disguised, repository.signersOf('snapshot')));
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 2 });
    },
  },
  {
    title: 'the clock can be faked: what has expired by then is refused',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      repository.root.expires = expiry(7);
      repository.timestamp.expires = expiry(30);
      repository.publishRoot();
      repository.publishTimestamp();
      await bench.refresh();
      await bench.refresh('failure', day(8));
    },
  },
];

export const basicDocuments: readonly CaseText[] = [...parents, ...content, ...missing];
