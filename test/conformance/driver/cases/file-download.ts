/** Only what was signed reaches the target folder, and only once. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bench } from '../bench.ts';
import { type CaseText, group } from '../case.ts';

const path = 'target_file.txt';
const content = 'target file contents';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Whatever is asked for below `targets/`, other bytes of the same length come. */
function substitute(bench: Bench, name: string): void {
  for (const [file, bytes] of bench.repository.targetFiles)
    if (file.endsWith(name)) bench.repository.targetFiles.set(file, new Uint8Array(bytes.length).fill(77));
}

function digest(algorithm: string): string {
  return createHash(algorithm).update(content).digest('hex');
}

/** Lists the one target with these hashes, and serves it under each of them. */
async function withHashes(bench: Bench, hashes: Record<string, string>): Promise<void> {
  const { repository } = bench;
  repository.targets.targets[path] = { length: content.length, hashes };
  for (const hash of Object.values(hashes)) repository.targetFiles.set(`${hash}.${path}`, bytesOf(content));
  repository.publish();
  await bench.init();
}

const hashAlgorithms = [['sha256'], ['sha512'], ['sha256', 'sha512']].map(
  (algorithms): CaseText => ({
    title: `a target with ${algorithms.join(' and ')} is verified`,
    async run(bench) {
      const hashes = Object.fromEntries(algorithms.map((algorithm) => [algorithm, digest(algorithm)]));
      await withHashes(bench, hashes);
      await bench.download(path);
      const [asked, ...more] = bench.takeTargetRequests();
      deepEqual(more, []);
      ok(
        Object.values(hashes).some((hash) => asked === `${hash}.${path}`),
        `asked for ${asked}`,
      );
      deepEqual(bench.artifacts(), [content]);
    },
  }),
);

/** One round of the story of many versions; returns what must lie in the target folder from then on. */
async function oneRound(bench: Bench, round: number, before: readonly string[]): Promise<string[]> {
  const { repository } = bench;
  repository.addTarget(path, bytesOf(`modified contents ${round}`));
  repository.addTarget(`new-target-${round}`, bytesOf(`new contents ${round}`));
  repository.publish();
  if (round % 5 !== 0) return [...before];
  await bench.download(path);
  const kept = before.filter((text) => text.startsWith('new'));
  deepEqual(bench.artifacts(), [`modified contents ${round}`, ...kept].sort());
  await bench.download(`new-target-${round}`);
  const expected = [`modified contents ${round}`, ...kept, `new contents ${round}`].sort();
  deepEqual(bench.artifacts(), expected);
  substitute(bench, path);
  repository.publish();
  await bench.download(path, 'either');
  deepEqual(bench.artifacts(), expected);
  return expected;
}

export const fileDownload = group('file-download', [
  {
    title: 'a target is downloaded, and not before it is asked for',
    async run(bench) {
      bench.repository.addTarget(path, bytesOf(content));
      bench.repository.publish();
      await bench.init();
      await bench.refresh();
      deepEqual(bench.artifacts(), []);
      await bench.download(path);
      deepEqual(bench.artifacts(), [content]);
    },
  },
  {
    title: 'targets in folders are downloaded in the order of their names, up to the first failure',
    async run(bench) {
      const { repository } = bench;
      for (const name of ['one', 'two', 'three']) repository.addTarget(`path/to/${name}.txt`, bytesOf(name));
      repository.publish();
      await bench.init();
      await bench.download(['path/to/two.txt', 'path/to/one.txt']);
      deepEqual(bench.artifacts(), ['one', 'two']);
      const names = bench.takeTargetRequests().map((name) => name.replace(/[0-9a-f]{64}\./, ''));
      deepEqual(names, ['path/to/two.txt', 'path/to/one.txt']);
      await bench.download(['path/to/four.txt', 'path/to/three.txt'], 'failure');
      deepEqual(bench.artifacts(), ['one', 'two']);
    },
  },
  {
    title: 'substituted content never reaches the target folder',
    async run(bench) {
      bench.repository.addTarget(path, bytesOf(content));
      bench.repository.addTarget('another.txt', bytesOf('other contents'));
      bench.repository.publish();
      await bench.init();
      await bench.download(path);
      substitute(bench, '.txt');
      await bench.download(path, 'either');
      deepEqual(bench.artifacts(), [content]);
      await bench.download('another.txt', 'failure');
      deepEqual(bench.artifacts(), [content]);
    },
  },
  {
    title: 'over many versions of a target the signed one is there, and never a substituted one',
    async run(bench) {
      bench.repository.addTarget(path, bytesOf(content));
      bench.repository.publish();
      await bench.init();
      await bench.download(path);
      let expected: string[] = [content];
      for (let round = 0; round <= 10; round += 1) expected = await oneRound(bench, round, expected);
      equal(expected.length, 4);
    },
  },
  ...hashAlgorithms,
  {
    title: 'a target whose only hash is of an unknown algorithm is refused',
    async run(bench) {
      await withHashes(bench, { 'unknown-hash': digest('sha512') });
      await bench.download(path, 'failure');
      deepEqual(bench.artifacts(), []);
    },
  },
  {
    title: 'a target that is there already is not asked for again',
    async run(bench) {
      bench.repository.addTarget(path, bytesOf(content));
      bench.repository.publish();
      await bench.init();
      await bench.download(path);
      equal(bench.takeTargetRequests().length, 1);
      await bench.download(path);
      deepEqual(bench.takeTargetRequests(), []);
      deepEqual(bench.artifacts(), [content]);
    },
  },
]);
