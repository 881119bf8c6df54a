/** Thresholds, duplicates, and the key types that the specification names. */
import { deepEqual, equal } from 'node:assert/strict';
import { type KeyKind, signingKey, signingKeys } from '../../../support/signing-keys.ts';
import { notSigning, wronglySigning } from '../bent-keys.ts';
import { type CaseText, group } from '../case.ts';

const kinds = (['rsa sha256', 'ecdsa p256', 'ed25519'] as const satisfies KeyKind[]).map(
  (kind): CaseText => ({
    title: `a key of kind ${kind} counts, and a wrong signature of it does not`,
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      const own = signingKey('added', kind);
      const signers = [...repository.signersOf('root'), own];
      repository.setKeys('root', signers, signers.length);
      repository.publishRoot();
      await bench.refresh();
      repository.root.version = 3;
      repository.write('root', [...signers.slice(0, -1), wronglySigning(own)]);
      await bench.refresh('failure');
      equal(bench.trusted().root, 2);
    },
  }),
);

export const keys = group('keys', [
  {
    title: 'a snapshot with fewer signatures than its threshold is refused',
    async run(bench) {
      const { repository } = bench;
      const three = signingKeys('snapshot-of-three', 3);
      repository.setKeys('snapshot', three, 3);
      repository.publishRoot();
      repository.publish();
      await bench.init();
      await bench.refresh();
      repository.signers.set('snapshot', three.slice(0, 2));
      repository.publish();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 2, snapshot: 2, targets: 2, timestamp: 3 });
    },
  },
  {
    title: 'a threshold larger than the number of keys can never be met',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      await bench.refresh();
      const before = repository.written('snapshot');
      repository.setKeys('snapshot', signingKeys('snapshot-of-five', 5), 6);
      repository.publishRoot();
      repository.publishSnapshot();
      await bench.refresh('failure');
      equal(bench.trusted().root, 2);
      bench.storesAtMost('snapshot', before);
    },
  },
  {
    title: 'a key id that a role lists many times counts once',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      const nine = Array.from({ length: 9 }, () => signingKey('only-one'));
      repository.setKeys('snapshot', nine, 6);
      repository.publishRoot();
      repository.publishSnapshot();
      await bench.refresh('failure');
      equal(bench.trusted().snapshot, undefined);
    },
  },
  {
    title: 'two signatures with one key id are refused, though the threshold is met',
    async run(bench) {
      const { repository } = bench;
      const [key] = repository.signersOf('snapshot');
      if (key === undefined) throw new Error('snapshot has no key');
      repository.write('snapshot', [key, key]);
      await bench.init();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 1, timestamp: 1 });
    },
  },
  ...kinds,
  {
    title: 'a wrong or empty signature beside enough good ones does no harm',
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      const good = signingKey('good');
      const other = signingKey('other');
      repository.setKeys('timestamp', [other, good], 1);
      repository.publishRoot();
      for (const bad of [wronglySigning(other), notSigning(other)]) {
        repository.timestamp.version += 1;
        repository.write('timestamp', [bad, good]);
        await bench.refresh();
        equal(bench.trusted().timestamp, repository.timestamp.version);
      }
    },
  },
]);
