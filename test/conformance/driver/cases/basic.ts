/** What is asked for in which order, what is stored, and what a broken file stops. */
import { deepEqual } from 'node:assert/strict';
import { signingKey } from '../../../support/signing-keys.ts';
import type { TopLevel } from '../../../support/simulated-documents.ts';
import type { Bench } from '../bench.ts';
import { wronglySigning } from '../bent-keys.ts';
import { type CaseText, group } from '../case.ts';
import { basicDocuments } from './basic-documents.ts';

const firstRefresh = ['2.root.json', 'timestamp.json', '1.snapshot.json', '1.targets.json'];
const allAtOne = { root: 1, snapshot: 1, targets: 1, timestamp: 1 };
const topLevel: readonly TopLevel[] = ['root', 'timestamp', 'snapshot', 'targets'];

async function refreshed(bench: Bench): Promise<void> {
  await bench.init();
  await bench.refresh();
  bench.takeMetadataRequests();
}

/** What is trusted when a role of version 2 is refused, with root 2 valid unless it is root itself. */
const trustedBefore: Readonly<Record<TopLevel, Record<string, number>>> = {
  root: { root: 1 },
  timestamp: { root: 2 },
  snapshot: { root: 2, timestamp: 2 },
  targets: { root: 2, snapshot: 2, timestamp: 2 },
};

const unsigned = topLevel.map(
  (role): CaseText => ({
    title: `a ${role} signed by a stranger is refused, and what came before it stays`,
    async run(bench) {
      bench.repository.publishRoot();
      bench.repository.publish();
      bench.repository.write(role, [signingKey('stranger')]);
      await bench.init();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), trustedBefore[role]);
    },
  }),
);

const misversioned = (['root', 'snapshot', 'targets'] as const).map(
  (role): CaseText => ({
    title: `a ${role} whose version is not that of its name is refused`,
    async run(bench) {
      const { repository } = bench;
      repository.publishRoot();
      repository.publish();
      const served = repository.fileName(role, 2);
      repository.document(role).version = 3;
      repository.files.set(served, repository.sign(repository.document(role), repository.signersOf(role)));
      await bench.init();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), trustedBefore[role]);
    },
  }),
);

const requests: readonly CaseText[] = [
  {
    title: 'a refresh asks for the next root, timestamp, snapshot and targets, and for nothing else',
    async run(bench) {
      await bench.init();
      deepEqual(bench.requests, []);
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), firstRefresh);
      deepEqual(bench.requests, []);
      await bench.refresh();
      deepEqual(bench.takeMetadataRequests(), ['2.root.json', 'timestamp.json']);
    },
  },
  {
    title: 'a refresh stores the four roles as they were served',
    async run(bench) {
      await refreshed(bench);
      deepEqual(bench.trusted(), allAtOne);
      for (const role of topLevel) bench.stores(role);
    },
  },
  {
    title: 'a download refreshes first',
    async run(bench) {
      await bench.init();
      await bench.download('nonexistent artifact', 'failure');
      deepEqual(bench.takeMetadataRequests(), firstRefresh);
      deepEqual(bench.takeTargetRequests(), []);
      for (const role of topLevel) bench.stores(role);
    },
  },
  {
    title: 'a malformed initial root ends everything before the first request',
    async run(bench) {
      const { root } = bench.repository;
      const { version: _, ...versionless } = root;
      await bench.init(bench.repository.sign(versionless, bench.repository.signersOf('root')), 'either');
      await bench.refresh('failure');
      deepEqual(bench.requests, []);
    },
  },
  {
    title: 'a badly signed initial root ends everything before the first request',
    async run(bench) {
      const { repository } = bench;
      const bad = repository.signersOf('root').map(wronglySigning);
      await bench.init(repository.sign(repository.root, bad), 'either');
      await bench.refresh('failure');
      deepEqual(bench.requests, []);
    },
  },
];

export const basic = group('basic', [...requests, ...unsigned, ...misversioned, ...basicDocuments]);
