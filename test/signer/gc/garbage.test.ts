import assert from 'node:assert/strict';
import fc from 'fast-check';
import { garbageIn, inOrderOfRemoval, isRootFile, refuseRoot } from '../../../src/signer/gc/garbage.ts';
import { defaultGrace, requireGrace } from '../../../src/signer/gc/grace.ts';
import { recentSnapshots } from '../../../src/signer/gc/recent-commits.ts';
import type { CommitNote } from '../../../src/signer/publication/commit-journal.ts';
import { day, hour } from '../../support/workspace.ts';

const hash = 'a'.repeat(64);
const place = {
  name: 'metadata',
  folders: { metadata: 'metadata', targets: 'targets' },
  fleets: [],
};
const current = new Map([
  [
    'metadata',
    new Map([
      ['snapshot', 5],
      ['targets', 3],
      ['a/b', 2],
    ]),
  ],
]);

function garbageOf(names: readonly string[], kept: readonly string[] = [], wishes: readonly string[] = []) {
  const files = names.map((name) => ({ name, length: 1, etag: 'e' }));
  return garbageIn(files, [place], { names: new Set(kept), current, wishes }).map(({ name }) => name);
}

describe('signer/gc: what is garbage', () => {
  it('PUB-18: no root is ever garbage, whatever else is said of it', () => {
    const roots = ['metadata/1.root.json', 'metadata/77.root.json', 'metadata/root.json', 'x/y/2.root.json'];
    const listing = new Map([['metadata', new Map([['root', 100]])]]);
    const files = roots.map((name) => ({ name, length: 1, etag: 'e' }));
    assert.deepEqual(garbageIn(files, [place], { names: new Set(), current: listing, wishes: [] }), []);
    for (const name of roots) assert.throws(() => refuseRoot(name), { code: 'internal' });
    fc.assert(
      fc.property(fc.string(), fc.nat(), (folder, version) => isRootFile(`${folder}/${version}.root.json`)),
    );
  });

  it('takes versions below the current one, and nothing from it on', () => {
    const names = [4, 5, 6].map((version) => `metadata/${version}.snapshot.json`);
    assert.deepEqual(garbageOf(names), ['metadata/4.snapshot.json']);
    assert.deepEqual(garbageOf(['metadata/1.a%2Fb.json', 'metadata/2.a%2Fb.json']), [
      'metadata/1.a%2Fb.json',
    ]);
  });

  it('leaves roles that the present snapshot does not list, and repositories without one', () => {
    assert.deepEqual(garbageOf(['metadata/1.gone.json', 'other/x/1.snapshot.json']), []);
  });

  it('leaves what is kept, what people keep, and what no publication of ours wrote', () => {
    const target = `targets/${hash}.a`;
    assert.deepEqual(garbageOf([target, `targets/sub/${hash}.b`]), [target, `targets/sub/${hash}.b`]);
    assert.deepEqual(garbageOf([target], [target]), []);
    assert.deepEqual(garbageOf([target], [], [`targets/${hash.slice(0, 5)}*`]), []);
    assert.deepEqual(garbageOf([target], [], [target]), []);
    const foreign = [
      'targets/readme.txt',
      'notes.txt',
      'metadata/timestamp.json',
      `else/${hash}.a`,
      '.publish/x.json',
    ];
    assert.deepEqual(garbageOf(foreign), []);
  });

  it('removes snapshots, then what they list', () => {
    const names = [`targets/${hash}.a`, 'metadata/1.targets.json', 'metadata/1.snapshot.json'];
    assert.deepEqual(
      inOrderOfRemoval(names.map((name) => ({ name }))).map(({ name }) => name),
      names.toReversed(),
    );
  });
});

describe('signer/gc: grace', () => {
  it('must be as long as anybody may need what was replaced', () => {
    requireGrace(defaultGrace, 30 * day);
    assert.throws(() => requireGrace(defaultGrace, 31 * day), { code: 'usage', message: /timestamp/ });
    for (const name of ['longestDownload', 'mirrorInterval', 'cacheLife'] as const)
      assert.throws(() => requireGrace({ ...defaultGrace, [name]: 31 * day }, 0), { code: 'usage' });
    assert.throws(() => requireGrace({ ...defaultGrace, wait: 23 * hour }, 0), {
      code: 'usage',
      message: /mark/,
    });
  });

  const commits = (times: readonly number[]): CommitNote[] =>
    times.map((time, index) => ({ version: index + 1, snapshot: index + 11, sha256: '', time }));

  it('reaches back to the snapshot that was current when it began', () => {
    const { snapshots, complete } = recentSnapshots(commits([10, 20, 30, 40]), 4, 25);
    assert.deepEqual([[...snapshots].sort(), complete], [[12, 13, 14], true]);
    assert.deepEqual([...recentSnapshots(commits([10, 20]), 3, 25).snapshots], [12]);
    assert.equal(recentSnapshots(commits([10, 20]), 2, 0).complete, true);
  });

  it('tells that the journal has a gap', () => {
    const notes = commits([10, 20, 30, 40]).filter(({ version }) => version !== 2);
    assert.equal(recentSnapshots(notes, 4, 5).complete, false);
    assert.equal(recentSnapshots(notes, 4, 35).complete, true);
  });

  it('never leaves out a snapshot that was current within the grace, however late commits are noted', () => {
    const gaps = fc.array(fc.tuple(fc.nat(50), fc.nat(20)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(gaps, fc.nat(300), (steps, since) => {
        let time = 0;
        const real = steps.map(([gap]) => (time += gap));
        const notes = commits(real.map((at, index) => at + (steps[index]?.[1] ?? 0)));
        const { snapshots, complete } = recentSnapshots(notes, steps.length, since);
        assert.equal(complete, true);
        for (const [index] of real.entries()) {
          const until = real[index + 1] ?? Number.POSITIVE_INFINITY;
          if (until > since) assert.ok(snapshots.has(index + 11));
        }
      }),
    );
  });
});
