/** Documents and files that must be refused, and quickly. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { signingKey } from '../../../support/signing-keys.ts';
import { expiry } from '../../../support/simulated-documents.ts';
import type { Bench } from '../bench.ts';
import { day } from '../bench.ts';
import { keyWith, pkcs1Key } from '../bent-keys.ts';
import type { CaseText } from '../case.ts';

const content = new TextEncoder().encode('content');

/** Milliseconds in which an unsigned snapshot of thousands of entries must be refused. */
const refusalTime = 2500;

/** Serves a snapshot with so many entries that is signed by a stranger. @returns milliseconds until refused */
async function refuseUnsignedSnapshot(bench: Bench, entries: number): Promise<number> {
  const { repository } = bench;
  for (let index = 0; index < entries; index += 1)
    repository.snapshot.meta[`role-${index}.json`] = { version: 1 };
  repository.publishSnapshot();
  repository.write('snapshot', [signingKey('stranger')]);
  const start = performance.now();
  await bench.refresh('failure');
  return performance.now() - start;
}

async function downloadBent(bench: Bench, bend: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  bench.repository.addTarget('file', content);
  bench.repository.writeAll();
  for (const [name, bytes] of bench.repository.targetFiles)
    bench.repository.targetFiles.set(name, bend(bytes));
  await bench.init();
  await bench.download('file', 'failure');
  deepEqual(bench.artifacts(), []);
}

/** Publishes one delegated role with two targets; `expires` is a number of days from the start. */
async function publishDelegated(bench: Bench, expires: number): Promise<void> {
  const { repository } = bench;
  repository.timestamp.expires = expiry(30);
  repository.snapshot.expires = expiry(30);
  repository.delegate('targets', 'delegated').expires = expiry(expires);
  for (const path of ['first', 'second'])
    repository.addTarget(path, new TextEncoder().encode(path), 'delegated');
  repository.writeAll();
  await bench.init();
}

const documents: readonly CaseText[] = [
  {
    title: 'one key under two ids counts once',
    async run(bench) {
      const { repository } = bench;
      const key = signingKey('twice');
      repository.setKeys('targets', [key, keyWith(key, { name: 'another' })], 2);
      repository.publishRoot();
      repository.publish();
      await bench.init();
      await bench.refresh('failure');
      equal(bench.trusted().targets, undefined);
    },
  },
  {
    title: 'a signed target without any hash is refused',
    async run(bench) {
      bench.repository.targets.targets.file = { length: content.length, hashes: {} };
      bench.repository.writeAll();
      bench.serve(async (path, before) => (path.startsWith('targets/') ? content : await before(path)));
      await bench.init();
      await bench.download('file', 'failure');
      deepEqual(bench.artifacts(), []);
    },
  },
  {
    title: 'an unsigned snapshot of 8,000 entries is refused quickly',
    async run(bench) {
      await bench.init();
      await bench.refresh();
      const usual = await refuseUnsignedSnapshot(bench, 4);
      const taken = await refuseUnsignedSnapshot(bench, 8000);
      const limit = Math.max(refusalTime, 4 * usual);
      ok(taken < limit, `took ${Math.round(taken)} ms, at most ${Math.round(limit)} are allowed`);
    },
  },
  {
    title: 'a timestamp beyond the size limit is refused though it is signed',
    async run(bench) {
      const padding = Buffer.alloc(65_536, ' ');
      const timestamp = bench.repository.written('timestamp');
      bench.repository.files.set('timestamp.json', Buffer.concat([timestamp, padding]));
      await bench.init();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 1 });
    },
  },
  {
    title: 'a key of scheme rsa-pkcs1v15-sha256 does not count',
    async run(bench) {
      bench.repository.setKeys('timestamp', [pkcs1Key()]);
      bench.repository.publishRoot();
      bench.repository.publishTimestamp();
      await bench.init();
      await bench.refresh('failure');
      deepEqual(bench.trusted(), { root: 2 });
    },
  },
];

export const hostileDocuments: readonly CaseText[] = [
  ...documents,
  {
    title: 'an artifact with a byte too many is refused',
    run: (bench) => downloadBent(bench, (bytes) => Buffer.concat([bytes, Buffer.from('!')])),
  },
  {
    title: 'an artifact with a byte too few is refused',
    run: (bench) => downloadBent(bench, (bytes) => bytes.subarray(0, -1)),
  },
  {
    title: 'an expired delegated role is not used',
    async run(bench) {
      await publishDelegated(bench, -1);
      await bench.refresh();
      await bench.download('first', 'failure');
      deepEqual(bench.artifacts(), []);
      equal(bench.trusted().delegated, undefined);
    },
  },
  {
    title: 'a delegated role that expired here gives way to a newer one, and to nothing else',
    async run(bench) {
      const { repository } = bench;
      await publishDelegated(bench, 7);
      await bench.download('first');
      await bench.download('second', 'failure', day(18));
      deepEqual(bench.artifacts(), ['first']);
      repository.role('delegated').expires = expiry(21);
      repository.publish('delegated');
      await bench.download('second', 'success', day(18));
      deepEqual(bench.artifacts(), ['first', 'second']);
    },
  },
  {
    title: 'an older delegated role in a newer snapshot is refused',
    async run(bench) {
      const { repository } = bench;
      await publishDelegated(bench, 30);
      repository.publish('delegated');
      await bench.download('first');
      repository.role('delegated').version = 0;
      repository.publish('delegated');
      await bench.download('second', 'failure');
      deepEqual(bench.artifacts(), ['first']);
      equal(bench.trusted().snapshot, 2);
    },
  },
];
