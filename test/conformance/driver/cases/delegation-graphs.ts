/** Which delegated roles are asked for a path, in which order, and when the search ends. */
import { deepEqual } from 'node:assert/strict';
import type { RepositorySimulator } from '../../../support/repository-simulator.ts';
import { signingKeys } from '../../../support/signing-keys.ts';
import type { Bench } from '../bench.ts';
import { type CaseText, group } from '../case.ts';

/** Delegator, role, and what is not usual about the delegation: paths other than `*`, terminating. */
type Edge = readonly [from: string, to: string, options?: { paths?: string[]; terminating?: boolean }];

interface Graph {
  readonly title: string;
  readonly edges: readonly Edge[];
  /** Roles asked for behind the top level, in their order. */
  readonly visited: string;
}

const python = { paths: ['*.py'] };
const graphs: readonly Graph[] = [
  { title: 'one role', edges: [['targets', 'A']], visited: 'A' },
  {
    title: 'two roles in their order',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
    ],
    visited: 'A B',
  },
  {
    title: 'a role of the second role',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
    ],
    visited: 'A B C',
  },
  {
    title: 'the roles of the first role before the second role',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C'],
      ['A', 'D'],
    ],
    visited: 'A C D B',
  },
  {
    title: 'three levels of the first role before the second role',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C'],
      ['C', 'D'],
    ],
    visited: 'A C D B',
  },
  {
    title: 'a terminating role ends the search on its own level and above',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', { terminating: true }],
      ['A', 'D'],
    ],
    visited: 'A C',
  },
  {
    title: 'a terminating role still asks its own roles',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', { terminating: true }],
      ['C', 'D'],
    ],
    visited: 'A C D',
  },
  {
    title: 'a branch whose paths do not match is not asked',
    edges: [
      ['targets', 'A', python],
      ['targets', 'B'],
      ['A', 'C'],
    ],
    visited: 'B',
  },
  {
    title: 'a deeper branch whose paths do not match is not asked',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', python],
      ['C', 'D'],
    ],
    visited: 'A B',
  },
  {
    title: 'a cycle ends',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['C', 'D'],
      ['D', 'B'],
    ],
    visited: 'A B C D',
  },
  {
    title: 'a role of two roles is asked through the first',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['A', 'C'],
    ],
    visited: 'A C B',
  },
  {
    title: 'a role of two roles is asked through the one whose paths match',
    edges: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['A', 'C', python],
    ],
    visited: 'A B C',
  },
];

async function expectVisited(bench: Bench, roles: string): Promise<void> {
  const visited = roles.split(' ').filter((role) => role !== '');
  deepEqual(
    bench.takeMetadataRequests().slice(4),
    visited.map((role) => `1.${role}.json`),
  );
}

function delegateAll(repository: RepositorySimulator, edges: readonly Edge[]): void {
  for (const [from, to, options] of edges) repository.delegate(from, to, options);
}

const traversals = graphs.map(
  ({ title, edges, visited }): CaseText => ({
    title,
    async run(bench) {
      delegateAll(bench.repository, edges);
      bench.repository.writeAll();
      await bench.init();
      await bench.download('missing', 'failure');
      await expectVisited(bench, visited);
    },
  }),
);

const tree: readonly Edge[] = [
  ['targets', 'A', { paths: ['*.doc', '*.md'] }],
  ['targets', 'B', { paths: ['releases/*/*'] }],
  ['B', 'C', { paths: ['releases/x/*'] }],
  ['B', 'D', { paths: ['releases/y/*.zip'] }],
  ['targets', 'E', { paths: ['?.img', 'one/*'] }],
];

/** Path, the role that lists it, whether it may be found there, and who is asked on the way. */
const searches: readonly (readonly [
  what: string,
  path: string,
  in_: string,
  found: boolean,
  visited: string,
])[] = [
  ['a target of the top level is found without asking anybody', 'file', 'targets', true, ''],
  ['a target that * matches is found', 'README.md', 'A', true, 'A'],
  ['a target two folders down is found', 'releases/x/x_v1', 'C', true, 'B C'],
  ['a target two folders down is found in the second role', 'releases/y/y_v1.zip', 'D', true, 'B D'],
  [
    'a path that one role of the chain does not delegate is not found',
    'releases/z/z_v1.zip',
    'D',
    false,
    'B',
  ],
  ['a ? stands for one character', 'a.img', 'E', true, 'E'],
  ['a ? does not stand for two characters or a slash', '/.img', 'E', false, ''],
  ['a * does not cross a slash', 'one/two/three', 'E', false, ''],
  ['patterns heed case', 'README.MD', 'A', false, ''],
];

const lookups = searches.map(
  ([title, path, role, found, visited]): CaseText => ({
    title,
    async run(bench) {
      const { repository } = bench;
      delegateAll(repository, tree);
      repository.addTarget(path, new TextEncoder().encode(`content of ${path}`), role);
      repository.writeAll();
      await bench.init();
      await bench.download(path, found ? 'success' : 'failure');
      deepEqual(bench.artifacts(), found ? [`content of ${path}`] : []);
      await expectVisited(bench, visited);
    },
  }),
);

export const delegationGraphs = group('delegation-graphs', [
  ...traversals,
  ...lookups,
  {
    title: 'a role that snapshot does not list is not asked for',
    async run(bench) {
      const { repository } = bench;
      repository.delegate('targets', 'A');
      repository.writeAll();
      delete repository.snapshot.meta['A.json'];
      repository.timestamp.meta['snapshot.json'] = repository.metaOf(repository.write('snapshot'), 1);
      repository.write('timestamp');
      await bench.init();
      await bench.download('missing', 'failure');
      await expectVisited(bench, '');
    },
  },
  {
    title: 'a role known through one delegator is verified again for another',
    async run(bench) {
      const { repository } = bench;
      const [trustedByA, trustedByB] = [signingKeys('of-a', 1), signingKeys('of-b', 1)];
      repository.delegate('targets', 'A', { paths: ['a-*'] });
      repository.delegate('targets', 'B', { paths: ['b-*'] });
      repository.delegate('B', 'C', { keys: trustedByB });
      repository.delegate('A', 'C', { keys: trustedByA });
      for (const path of ['a-file', 'b-file'])
        repository.addTarget(path, new TextEncoder().encode(path), 'C');
      repository.writeAll();
      await bench.init();
      await bench.download(['a-file', 'b-file'], 'failure');
      deepEqual(bench.artifacts(), ['a-file']);
      await bench.download('b-file', 'failure');
      deepEqual(bench.artifacts(), ['a-file']);
    },
  },
]);
