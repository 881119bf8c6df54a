/** The memory of uploads. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { S3Store } from '../../../src/storage/s3.ts';
import { UploadBuffers } from '../../../src/storage/s3-buffers.ts';
import { S3Calls } from '../../../src/storage/s3-calls.ts';
import { mebibyte, smallParts, withS3 } from '../../support/s3-scene.ts';
import { contentOf } from '../../support/store-suite.ts';

describe('the memory of uploads', () => {
  it('is never more than its limit, and everybody who waits gets some, in order', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 3 }), async (wanted, together) => {
        const buffers = new UploadBuffers(10);
        const order: number[] = [];
        const given: (() => void)[] = [];
        const all = Promise.all(
          wanted.map(async (size, index) => {
            const buffer = await buffers.take(size, 'uploading', undefined);
            assert.equal(buffer.byteLength, size);
            assert.ok(buffers.lent <= Math.max(10, ...wanted));
            order.push(index);
            await new Promise<void>((resolve) => given.push(resolve));
            buffers.give(buffer, index % 2 === 0);
          }),
        );
        let ended = false;
        all.then(
          () => (ended = true),
          () => (ended = true),
        );
        while (!ended) {
          for (const go of given.splice(0, together)) go();
          await new Promise((resolve) => setImmediate(resolve));
        }
        await all;
        assert.deepEqual(
          order,
          wanted.map((_, index) => index),
        );
        assert.equal(buffers.lent, 0);
      }),
      { numRuns: 100 },
    );
  });

  it('is used again only where nothing can send from it any more, and not held while nobody uploads', async () => {
    const buffers = new UploadBuffers(8);
    const take = async () => await buffers.take(4, 'uploading', undefined);
    const [first, second] = [await take(), await take()];
    buffers.give(first, true);
    assert.equal(await take(), first);
    buffers.give(second, false);
    const third = await take();
    assert.notEqual(third, second);
    buffers.give(first, true);
    buffers.give(third, true);
    assert.ok(![first, second, third].includes(await take()));
  });

  it('whoever gives up waiting for it takes none', async () => {
    const buffers = new UploadBuffers(4);
    const first = await buffers.take(4, 'uploading', undefined);
    const controller = new AbortController();
    const second = buffers.take(4, 'uploading', controller.signal);
    const third = buffers.take(4, 'uploading', undefined);
    controller.abort();
    await assert.rejects(second, { code: 'cancelled' });
    buffers.give(first, true);
    buffers.give(await third, true);
    assert.equal(buffers.lent, 0);
  });

  it('NET-23: is shared by all files at once, and given back whatever becomes of them', async () => {
    await withS3({}, async ({ server, store: usual }) => {
      const limit = 11 * mebibyte;
      const calls = new S3Calls(usual.calls.connection, {}, undefined, new UploadBuffers(limit));
      const store = new S3Store(calls, { sizes: smallParts });
      let most = 0;
      server.faults = ({ operation, key }) => {
        most = Math.max(most, calls.buffers.lent);
        if (operation === 'upload-part' && key.endsWith('bad'))
          return { kind: 'status', status: 403, code: 'AccessDenied' };
        return undefined;
      };
      const bytes = randomBytes(6 * mebibyte);
      const small = randomBytes(mebibyte);
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 5 }, (_, index) => store.create(`${index}.img`, contentOf(bytes))),
        store.create('bad', contentOf(bytes)),
        store.create('liar', contentOf(bytes, { sha256: 'ab'.repeat(32) })),
        store.create('small', contentOf(small)),
        store.create('small-liar', contentOf(small, { sha256: 'ab'.repeat(32) })),
      ]);
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 6);
      assert.ok(most > limit / 2 && most <= limit, `${most} bytes`);
      assert.equal(calls.buffers.lent, 0);
      assert.equal(server.openUploads.size, 0);
    });
  });

  it('NET-23: is no more than the parts of a file that may be on their way', async () => {
    await withS3({ store: { sizes: { ...smallParts, partsInFlight: 1 } } }, async ({ server, store }) => {
      let most = 0;
      server.faults = () => {
        most = Math.max(most, store.calls.buffers.lent);
        return undefined;
      };
      assert.equal(await store.create('a.img', contentOf(randomBytes(11 * mebibyte))), 'created');
      assert.equal(most, smallParts.part);
    });
  });
});
