/** Chains of roots, and new keys for the other roles. Keys are numbered 0 to 9. */
import { deepEqual, equal } from 'node:assert/strict';
import type { RepositorySimulator } from '../../../support/repository-simulator.ts';
import { type SigningKey, signingKeys } from '../../../support/signing-keys.ts';
import { type CaseText, group } from '../case.ts';

/** Threshold, the keys of the role, and the keys that sign. */
type Version = readonly [threshold: number, keys: string, signatures: string];

const pool = signingKeys('rotation', 10);

function keysNumbered(numbers: string): SigningKey[] {
  return pool.filter((_, index) => numbers.includes(String(index)));
}

/** In the order in which they are named. */
function signersNumbered(numbers: string): SigningKey[] {
  return [...numbers].flatMap((number) => pool[Number(number)] ?? []);
}

interface RootChain {
  readonly title: string;
  readonly versions: readonly Version[];
  /** Whether the last root of the chain may be accepted. */
  readonly accepted: boolean;
}

const rootChains: readonly RootChain[] = [
  {
    title: '1 of 1, rotated',
    versions: [
      [1, '1', '1'],
      [1, '2', '21'],
      [1, '2', '2'],
    ],
    accepted: true,
  },
  {
    title: '1 of 1, rotated, with unused signatures',
    versions: [
      [1, '1', '314'],
      [1, '2', '3214'],
      [1, '2', '324'],
    ],
    accepted: true,
  },
  {
    title: '3 of 5, signed by changing keys',
    versions: [
      [3, '01234', '024'],
      [3, '01234', '041'],
      [3, '01234', '013'],
      [3, '01234', '013'],
    ],
    accepted: true,
  },
  {
    title: '3 of 5, one key rotated',
    versions: [
      [3, '01234', '024'],
      [3, '01345', '041'],
    ],
    accepted: true,
  },
  {
    title: '3 of 5, one key rotated with a step between',
    versions: [
      [3, '01234', '024'],
      [3, '01345', '0245'],
      [3, '01345', '045'],
    ],
    accepted: true,
  },
  {
    title: '3 of 5, all keys rotated with a step between',
    versions: [
      [3, '01234', '024'],
      [3, '56789', '024567'],
      [3, '56789', '567'],
    ],
    accepted: true,
  },
  {
    title: 'threshold from 1 of 3 to 2 of 3',
    versions: [
      [1, '123', '1'],
      [2, '123', '12'],
    ],
    accepted: true,
  },
  {
    title: 'threshold from 2 of 3 to 1 of 3',
    versions: [
      [2, '123', '12'],
      [1, '123', '12'],
      [1, '123', '1'],
    ],
    accepted: true,
  },
  {
    title: 'threshold from 1 of 1 to 2 of 2',
    versions: [
      [1, '1', '1'],
      [2, '12', '12'],
    ],
    accepted: true,
  },
  {
    title: '1 of 1, not signed by the old key',
    versions: [
      [1, '1', '1'],
      [1, '2', '234'],
    ],
    accepted: false,
  },
  {
    title: '1 of 1, not signed by the new key',
    versions: [
      [1, '1', '1'],
      [1, '2', '134'],
    ],
    accepted: false,
  },
  {
    title: '3 of 5, not signed by 3 of the new keys',
    versions: [
      [3, '01234', '024'],
      [3, '01345', '024'],
    ],
    accepted: false,
  },
  {
    title: '3 of 5, not signed by 3 of the old keys',
    versions: [
      [3, '01234', '024'],
      [3, '01345', '045'],
    ],
    accepted: false,
  },
  {
    title: 'threshold from 1 of 3 to 2 of 3, the new one not reached',
    versions: [
      [1, '123', '1'],
      [2, '123', '2'],
    ],
    accepted: false,
  },
  {
    title: 'threshold from 2 of 3 to 1 of 3, the old one not reached',
    versions: [
      [2, '123', '12'],
      [1, '123', '1'],
    ],
    accepted: false,
  },
];

const rootCases = rootChains.map(
  ({ title, versions, accepted }): CaseText => ({
    title: `root: ${title}: ${accepted ? 'accepted' : 'refused'}`,
    async run(bench) {
      const { repository } = bench;
      const roots = versions.map(([threshold, keys, signatures], index) => {
        repository.setKeys('root', keysNumbered(keys), threshold);
        repository.root.version = index + 1;
        return repository.write('root', signersNumbered(signatures));
      });
      await bench.init(roots[0]);
      await bench.refresh(accepted ? 'success' : 'failure');
      bench.stores('root', accepted ? roots.at(-1) : roots.at(-2));
    },
  }),
);

interface Rotation {
  readonly title: string;
  readonly version: Version;
  readonly accepted: boolean;
}

const rotations: readonly Rotation[] = [
  { title: '1 of 1, rotated', version: [1, '2', '2'], accepted: true },
  { title: '1 of 1, with unused signatures', version: [1, '1', '314'], accepted: true },
  { title: '1 of 1, not signed by the new key', version: [1, '2', '134'], accepted: false },
  { title: '3 of 5, one signature by a key of others', version: [3, '01345', '024'], accepted: false },
  { title: '3 of 5, one signature missing', version: [3, '01345', '04'], accepted: false },
  ...['024', '041', '013', '123', '234'].map((signatures) => ({
    title: `3 of 5, signed by ${[...signatures].join(', ')}`,
    version: [3, '01234', signatures] as const,
    accepted: true,
  })),
];

type Rotated = 'timestamp' | 'snapshot' | 'targets';

/** Publishes the next version of a role together with those above it, which must list it. */
function publishNext(repository: RepositorySimulator, role: Rotated): void {
  if (role === 'timestamp') repository.publishTimestamp();
  else if (role === 'snapshot') repository.publishSnapshot();
  else repository.publish();
}

const otherCases = rotations.map(
  ({ title, version: [threshold, keys, signatures], accepted }): CaseText => ({
    title: `timestamp, snapshot, targets: ${title}: ${accepted ? 'accepted' : 'refused'}`,
    async run(bench) {
      const { repository } = bench;
      await bench.init();
      await bench.refresh();
      for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
        const before = [...repository.signersOf(role)];
        const stored = repository.written(role);
        repository.setKeys(role, keysNumbered(keys), threshold);
        repository.signers.set(role, signersNumbered(signatures));
        repository.publishRoot();
        publishNext(repository, role);
        await bench.refresh(accepted ? 'success' : 'failure');
        bench.stores('root');
        if (accepted) bench.stores(role);
        else bench.storesAtMost(role, stored);
        if (accepted) continue;
        // Back to keys that can sign, so that the next role is refused for its own signatures.
        repository.setKeys(role, before);
        repository.publishRoot();
        publishNext(repository, role);
        await bench.refresh();
      }
      const { root } = bench.trusted();
      equal(root, accepted ? 4 : 7);
      deepEqual(Object.keys(bench.trusted()), ['root', 'snapshot', 'targets', 'timestamp']);
    },
  }),
);

export const keyRotation = group('key-rotation', [...rootCases, ...otherCases]);
