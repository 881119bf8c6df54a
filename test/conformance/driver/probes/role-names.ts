/** Role names that a program might take for something else. */
import { deepEqual } from 'node:assert/strict';
import type { Bench } from '../bench.ts';
import type { CaseText } from '../case.ts';

async function publishUnder(bench: Bench, roles: readonly string[]): Promise<void> {
  const { repository } = bench;
  for (const role of roles) {
    repository.delegate('targets', role);
    repository.addTarget('file', new TextEncoder().encode(`by ${role}`), role);
  }
  repository.writeAll();
  await bench.init();
}

const inherited = ['constructor', 'toString', '__proto__'].map(
  (role): CaseText => ({
    title: `role ${role} is a role like any other`,
    async run(bench) {
      await publishUnder(bench, [role]);
      await bench.download('file');
      deepEqual(bench.artifacts(), [`by ${role}`]);
    },
  }),
);

const encoded = ['a b', 'é', '%41'].map(
  (role): CaseText => ({
    title: `the local copy of role ${role} is used`,
    async run(bench) {
      await publishUnder(bench, [role]);
      await bench.download('file');
      bench.takeMetadataRequests();
      await bench.download('file');
      deepEqual(bench.takeMetadataRequests(), ['2.root.json', 'timestamp.json']);
      deepEqual(bench.strays(), []);
    },
  }),
);

export const roleNames: readonly CaseText[] = [
  ...inherited,
  ...encoded,
  {
    title: 'role 10 before role 2 stays before it',
    async run(bench) {
      await publishUnder(bench, ['10', '2']);
      await bench.download('file');
      deepEqual(bench.artifacts(), ['by 10']);
    },
  },
];
