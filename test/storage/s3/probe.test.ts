/** What a store promises is what it was seen to do. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTidegateError } from '../../../src/errors.ts';
import { DirectoryStore } from '../../../src/storage/directory.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { type ProbeReport, probeStore } from '../../../src/storage/probe-store.ts';
import { requirePublishable } from '../../../src/storage/promises.ts';
import { withS3 } from '../../support/s3-scene.ts';

const broken = ({ rows }: ProbeReport): readonly string[] =>
  rows.filter(({ kept }) => kept !== 'yes').map(({ promise, kept }) => `${promise}: ${kept}`);

async function namesIn(store: { list(): AsyncIterable<{ readonly name: string }> }): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list()) names.push(name);
  return names;
}

describe('probes of a store', () => {
  it('find a folder and a memory to keep everything, and leave nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-probe-'));
    for (const store of [new DirectoryStore(folder), new MemoryStore()]) {
      const report = await probeStore(store);
      assert.deepEqual([broken(report), report.publishable, report.left], [[], true, []]);
      assert.equal(report.rows.length, 9);
      assert.deepEqual(await namesIn(store), []);
      assert.equal(await requirePublishable(store, { singleWriter: false }), undefined);
    }
    await rm(folder, { recursive: true });
  });

  it('find a good bucket to keep everything, and leave neither files nor uploads behind', async () => {
    await withS3({}, async ({ server, store }) => {
      const report = await probeStore(store);
      assert.deepEqual([broken(report), report.publishable, report.left], [[], true, []]);
      assert.equal(report.rows.length, 16);
      assert.deepEqual([await namesIn(store), server.openUploads.size], [[], 0]);
    });
  });

  it('PUB-13: find out a store that takes conditions and ignores them', async () => {
    await withS3({ conditions: 'ignored' }, async ({ store }) => {
      const report = await probeStore(store);
      assert.deepEqual(broken(report), [
        'create-only: no',
        'create-only, 16 at once: no',
        'compare-and-swap: no',
        'compare-and-swap, 16 at once: no',
        'create-only in parts: no',
        'create-only in parts, 16 at once: no',
        'conditional delete: no',
      ]);
      assert.equal(report.publishable, false);
      await assert.rejects(requirePublishable(store, { singleWriter: false }), {
        code: 'store-unsupported',
        message: /single_writer/,
      });
      assert.match(
        (await requirePublishable(store, { singleWriter: true })) ?? '',
        /does not heed conditions/,
      );
    });
  });

  it('PUB-13: find out one that ignores a single condition, or keeps all but at once', async () => {
    const cases = [
      ['create-ignored', /create-only: first created, other bytes created/],
      ['swap-ignored', /stale etag swapped/],
      ['raced', /16 at once: (?!1 of)\d+ of 16/],
    ] as const;
    for (const [conditions, seen] of cases)
      await withS3({ conditions }, async ({ store }) => {
        const promises = await store.promises();
        assert.ok(promises.createOnly === 'no' || promises.compareAndSwap === 'no', conditions);
        await assert.rejects(requirePublishable(store, { singleWriter: false }), {
          code: 'store-unsupported',
          message: seen,
        });
      });
  });

  it('PUB-13: say of an identity that may not remove files that it may not, and leave a few', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = ({ operation }) =>
        operation === 'delete' ? { kind: 'status', status: 403, code: 'AccessDenied' } : undefined;
      const report = await probeStore(store);
      assert.equal(report.publishable, true);
      assert.deepEqual(broken(report), [
        'removes only what was seen: refused',
        'creates what was removed: refused',
        'conditional delete: refused',
      ]);
      assert.ok(report.left.length > 0);
      assert.equal(await requirePublishable(store, { singleWriter: false }), undefined);
    });
  });

  it('PUB-13: tell a store that refuses conditions, to which not even a single writer may publish', async () => {
    await withS3({ conditions: 'refused' }, async ({ store }) => {
      const report = await probeStore(store);
      assert.equal(report.publishable, false);
      assert.ok(report.rows.slice(0, 4).every(({ kept, found }) => kept === 'refused' && /501/.test(found)));
      for (const singleWriter of [true, false])
        await assert.rejects(requirePublishable(store, { singleWriter }), { code: 'store-unsupported' });
    });
  });

  const lacking = [
    [{ conditions: 'put-only' }, true, ['create-only in parts: no', 'create-only in parts, 16 at once: no']],
    [{ conditionalDelete: false }, true, ['conditional delete: no']],
    [
      { checksums: 'refused', parameters: 'checksums=off' },
      true,
      ['SHA-256 with a write: refused', 'SHA-256 over parts: no'],
    ],
    [
      { conditions: 'unquoted' },
      false,
      [
        'compare-and-swap: refused',
        'compare-and-swap, 16 at once: refused',
        'reads what was written last: refused',
        'etags in quotes: no',
      ],
    ],
    [{ conditions: 'unquoted', parameters: 'etags=bare' }, true, ['etags in quotes: no']],
  ] as const;
  for (const [options, publishable, missing] of lacking)
    it(`PUB-13: tell what is missing of the rest: ${missing.join(', ')}`, async () => {
      await withS3(options, async ({ store }) => {
        const report = await probeStore(store);
        assert.deepEqual([report.publishable, broken(report), report.left], [publishable, missing, []]);
      });
    });

  it('PUB-13: tell that a removed file counts as there, and advise what helps against just that', async () => {
    await withS3({}, async ({ server, store }) => {
      const removed = new Set<string>();
      server.faults = ({ operation, key }) => {
        if (operation === 'delete') removed.add(key);
        const taken = operation === 'put' && removed.has(key);
        return taken ? { kind: 'status', status: 412, code: 'PreconditionFailed' } : undefined;
      };
      const report = await probeStore(store);
      assert.deepEqual([report.publishable, broken(report)], [true, ['creates what was removed: no']]);
      const row = report.rows.find(({ promise }) => promise === 'creates what was removed');
      assert.equal(row?.found, 'removed, then refused; switch versioning off there');
      assert.equal(await store.create('note.json', Buffer.from('1')), 'created');
      const { etag = '' } = (await store.stat('note.json')) ?? {};
      assert.equal(await store.remove('note.json', etag), 'removed');
      for (const again of [
        () => store.create('note.json', Buffer.from('1')),
        () => store.swap('note.json', Buffer.from('1'), undefined),
      ])
        await assert.rejects(again, (error) => {
          assert.ok(isTidegateError(error, 'store-unsupported'));
          assert.match(error.message, /switch versioning off/);
          assert.doesNotMatch(error.message, /etags=bare/);
          return true;
        });
    });
  });

  it('PUB-13: a declared single writer looks before it writes, where the store does not', async () => {
    await withS3({ conditions: 'ignored', store: { lookFirst: true } }, async ({ store }) => {
      const bytes = (value: string): Uint8Array => Buffer.from(value);
      assert.equal(await store.create('1.root.json', bytes('1')), 'created');
      assert.equal(await store.create('1.root.json', bytes('1')), 'present');
      await assert.rejects(store.create('1.root.json', bytes('2')), { code: 'name-taken' });
      assert.equal(await store.swap('t.json', bytes('1'), undefined), 'swapped');
      assert.equal(await store.swap('t.json', bytes('2'), undefined), 'lost');
      assert.equal(await store.swap('t.json', bytes('2'), '"other"'), 'lost');
      assert.equal(await store.swap('t.json', bytes('2'), (await store.stat('t.json'))?.etag), 'swapped');
    });
  });

  it('give no answer where there is none, and clean up all the same', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = ({ operation, key }) =>
        operation === 'put' && key.endsWith('/range')
          ? { kind: 'status', status: 403, code: 'AccessDenied' }
          : undefined;
      await assert.rejects(probeStore(store), { code: 'access-denied' });
      assert.deepEqual(await namesIn(store), []);
    });
  });

  it('are made once before publishing, and again only after they could not be made', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = () => ({ kind: 'status', status: 403, code: 'AccessDenied' });
      await assert.rejects(requirePublishable(store, { singleWriter: false }), { code: 'access-denied' });
      server.faults = undefined;
      assert.equal(await requirePublishable(store, { singleWriter: false }), undefined);
      const { length } = server.calls;
      assert.equal(await requirePublishable(store, { singleWriter: false }), undefined);
      assert.equal(server.calls.length, length);
    });
  });
});
