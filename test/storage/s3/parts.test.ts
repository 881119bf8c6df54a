/** Large files: parts, their checksums, and what is left when an upload ends badly. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  compositeChecksum,
  compositeOf,
  defaultS3Sizes,
  partSizeFor,
} from '../../../src/storage/s3-parts.ts';
import { abortUpload } from '../../../src/storage/s3-uploads.ts';
import { mebibyte, withS3 } from '../../support/s3-scene.ts';
import type { Faults, S3FaultAction, S3Operation } from '../../support/s3-server.ts';
import { contentOf } from '../../support/store-suite.ts';

const bytes = randomBytes(11 * mebibyte);
/** Two parts are enough where their number does not matter. */
const few = bytes.subarray(0, 5 * mebibyte + 1);
const name = `targets/${createHash('sha256').update(bytes).digest('hex')}.os.img`;

function nth(operation: S3Operation, number: number, action: S3FaultAction): Faults {
  let seen = 0;
  return (call) => {
    if (call.operation !== operation) return undefined;
    seen += 1;
    return seen === number ? action : undefined;
  };
}

describe('files in parts', () => {
  it('are cut so that everybody cuts them alike, and 10,000 parts are enough', () => {
    const mib = 16 * mebibyte;
    assert.equal(partSizeFor(mib + 1), mib);
    assert.equal(partSizeFor(10_000 * mib), mib);
    for (const length of [10_000 * mib + 1, 2 ** 40, 2 ** 45]) {
      const size = partSizeFor(length);
      assert.ok(size % mebibyte === 0 && size > mib && Math.ceil(length / size) <= 10_000);
    }
    assert.throws(() => partSizeFor(2 ** 46, defaultS3Sizes), { code: 'length-limit' });
  });

  it('have the composite checksum that S3 computes, however the chunks fall', async () => {
    const digest = (part: Uint8Array): string => createHash('sha256').update(part).digest('base64');
    const data = randomBytes(1000);
    const expected = compositeChecksum([
      digest(data.subarray(0, 400)),
      digest(data.subarray(400, 800)),
      digest(data.subarray(800)),
    ]);
    for (const chunk of [1, 7, 400, 401, 1000]) {
      const chunks = async function* () {
        for (let at = 0; at < data.byteLength; at += chunk) yield data.subarray(at, at + chunk);
      };
      assert.equal(await compositeOf(chunks(), 400), expected);
    }
    const known = createHash('sha256').update(createHash('sha256').update('').digest()).digest('base64');
    assert.equal(await compositeOf((async function* () {})(), 400), `${known}-1`);
  });

  it('go up with a checksum each, create-only at the end, and are compared without being read back', async () => {
    await withS3({}, async ({ server, store }) => {
      assert.equal(await store.create(name, contentOf(bytes)), 'created');
      const parts = server.calls.filter(({ operation }) => operation === 'upload-part');
      assert.equal(parts.length, 3);
      for (const { headers } of parts) assert.ok('x-amz-checksum-sha256' in headers);
      const [complete] = server.calls.filter(({ operation }) => operation === 'complete-upload');
      assert.equal(complete?.headers['if-none-match'], '*');
      assert.equal(await store.create(name, contentOf(bytes)), 'present');
      assert.ok(server.calls.every(({ operation }) => operation !== 'get'));
      const other = Buffer.from(bytes);
      other[9] = (other[9] ?? 0) ^ 1;
      await assert.rejects(store.create(name, contentOf(other)), { code: 'name-taken' });
      assert.equal(server.calls.filter(({ operation }) => operation === 'create-upload').length, 1);
    });
  });

  it('PUB-11: leave no upload behind when a part fails for good, at whichever part', async () => {
    await withS3({}, async ({ server, store }) => {
      for (const part of [1, 2, 3]) {
        server.faults = ({ operation, url }) =>
          operation === 'upload-part' && url.includes(`partNumber=${part}&`)
            ? { kind: 'status', status: 403, code: 'AccessDenied' }
            : undefined;
        await assert.rejects(store.create(name, contentOf(bytes)), { code: 'access-denied' });
        assert.equal(server.openUploads.size, 0);
        assert.equal((await server.inspect(`fleet/${name}`)).status, 404);
      }
      server.faults = undefined;
      assert.equal(await store.create(name, contentOf(bytes)), 'created');
    });
  });

  it('PUB-11: are given up only when no part is on its way any more', async () => {
    await withS3({}, async ({ server, store }) => {
      const onTheirWay: number[] = [];
      server.faults = ({ operation, url }) => {
        if (operation === 'abort-upload') onTheirWay.push(store.calls.buffers.lent);
        if (operation !== 'upload-part') return undefined;
        return url.includes('partNumber=1&')
          ? { kind: 'never' }
          : { kind: 'status', status: 403, code: 'AccessDenied' };
      };
      await assert.rejects(store.create(name, contentOf(bytes)), { code: 'access-denied' });
      assert.deepEqual(onTheirWay, [0]);
    });
  });

  it('PUB-11: send a part again after a reset, a 500 and silence', async () => {
    const actions: readonly S3FaultAction[] = [
      { kind: 'reset' },
      { kind: 'reset', apply: true },
      { kind: 'status', status: 500, code: 'InternalError' },
      { kind: 'never' },
    ];
    await withS3({ store: { stallTimeout: 400 } }, async ({ server, store }) => {
      for (const action of actions) {
        server.faults = nth('upload-part', 2, action);
        const here = `${action.kind}-${'apply' in action}`;
        assert.equal(await store.create(here, contentOf(bytes)), 'created');
        assert.ok((await server.inspect(`fleet/${here}`)).body.equals(bytes));
        assert.equal(server.openUploads.size, 0);
      }
    });
  });

  it('PUB-11: are aborted by a cancel, a broken source and a content that breaks its word', async () => {
    await withS3({}, async ({ server, store }) => {
      const controller = new AbortController();
      const progress = (count: number): void => void (count > 10 * mebibyte && controller.abort());
      const cancelled = store.create(name, contentOf(bytes), { signal: controller.signal, progress });
      await assert.rejects(cancelled, { code: 'cancelled' });
      const broken = contentOf(bytes, {
        open: async function* () {
          yield bytes.subarray(0, 6 * mebibyte);
          throw new Error('the disk broke');
        },
      });
      await assert.rejects(store.create(name, broken), /the disk broke/);
      const liar = contentOf(bytes, { sha256: 'ab'.repeat(32) });
      await assert.rejects(store.create(name, liar), { code: 'hash-mismatch' });
      const begun = server.calls.filter(({ operation }) => operation === 'create-upload').length;
      assert.deepEqual([begun, server.openUploads.size], [3, 0]);
    });
  });

  it('PUB-11: are given up in bounded time, also where the bucket does not answer any more', async () => {
    await withS3({}, async ({ server, store, other }) => {
      server.faults = ({ operation }) => (operation === 'abort-upload' ? { kind: 'never' } : undefined);
      assert.equal(await abortUpload(store.calls, { name, id: 'x' }, 50), false);
      const { calls } = other({ retry: { attempts: 1000, firstWait: 0 } });
      server.faults = () => ({ kind: 'status', status: 503, code: 'SlowDown' });
      assert.equal(await abortUpload(calls, { name, id: 'x' }, 50), false);
    });
  });

  it('PUB-11: whose uploader died are aborted by the next one, but not those that may be at work', async () => {
    await withS3({}, async ({ server, store }) => {
      const hour = 3_600_000;
      server.openUploads.set('dead', { key: `fleet/${name}`, begun: Date.now() - 25 * hour });
      server.openUploads.set('young', { key: `fleet/${name}`, begun: Date.now() - 23 * hour });
      server.openUploads.set('another', { key: `fleet/${name}.sig`, begun: Date.now() - 25 * hour });
      // fauxqs knows nothing of them; that they were asked to end is what counts.
      assert.equal(await store.create(name, contentOf(bytes)), 'created');
      const aborted = server.calls.filter(({ operation }) => operation === 'abort-upload');
      assert.deepEqual(
        aborted.map(({ url }) => /uploadId=(\w+)/.exec(url)?.[1]),
        ['dead'],
      );
      const open = await store.openUploads('targets/');
      assert.deepEqual(open?.map(({ id }) => id).sort(), ['another', 'dead', 'young']);
    });
  });

  it('PUB-03: come to a known end when the answer to the last step is lost, refused or said twice', async () => {
    const actions: readonly S3FaultAction[] = [
      { kind: 'reset', apply: true },
      { kind: 'status', status: 500, code: 'InternalError', apply: true },
      { kind: 'status', status: 500, code: 'InternalError' },
      { kind: 'status', status: 409, code: 'ConditionalRequestConflict' },
      { kind: 'status', status: 412, code: 'PreconditionFailed' },
      { kind: 'status', status: 404, code: 'NoSuchUpload' },
      {
        kind: 'status',
        status: 200,
        code: '',
        body: '<?xml version="1.0"?><Error><Code>InternalError</Code></Error>',
      },
      {
        kind: 'status',
        status: 200,
        code: '',
        body: '<?xml version="1.0"?><CompleteMultipartUploadResult><B',
      },
    ];
    await withS3({}, async ({ server, store }) => {
      for (const [index, action] of actions.entries()) {
        server.faults = nth('complete-upload', 1, action);
        assert.equal(await store.create(`${index}.img`, contentOf(few)), 'created', JSON.stringify(action));
        assert.equal(server.openUploads.size, 0);
        assert.ok((await server.inspect(`fleet/${index}.img`)).body.equals(few));
      }
    });
  });

  it('PUB-03: are begun anew when their upload is gone for good', async () => {
    await withS3({}, async ({ server, store }) => {
      let gone = '';
      server.faults = ({ operation, url }) => {
        if (operation !== 'complete-upload') return undefined;
        const id = /uploadId=([^&]+)/.exec(url)?.[1] ?? '';
        gone ||= id;
        return id === gone ? { kind: 'status', status: 404, code: 'NoSuchUpload' } : undefined;
      };
      assert.equal(await store.create(name, contentOf(few)), 'created');
      const counted = (wanted: S3Operation): number =>
        server.calls.filter(({ operation }) => operation === wanted).length;
      assert.deepEqual([counted('create-upload'), counted('complete-upload')], [2, 2]);
      server.faults = ({ operation }) =>
        operation === 'complete-upload' ? { kind: 'status', status: 404, code: 'NoSuchUpload' } : undefined;
      await assert.rejects(store.create('other.img', contentOf(few)), { code: 'store-conflict' });
      assert.equal(server.openUploads.size, 0);
    });
  });

  it('PUB-06: replace nothing that appeared meanwhile, also where the last step ignores its condition', async () => {
    await withS3({ conditions: 'put-only' }, async ({ server, store, other }) => {
      let until: Promise<unknown> | undefined;
      server.faults = ({ operation, url }) => {
        if (operation !== 'upload-part' || !url.includes('partNumber=3&')) return undefined;
        until ??= other().create(name, contentOf(Buffer.from('faster')));
        return { kind: 'delay', until };
      };
      await assert.rejects(store.create(name, contentOf(bytes)), { code: 'name-taken' });
      assert.equal((await server.inspect(`fleet/${name}`)).body.toString(), 'faster');
      assert.equal(server.openUploads.size, 0);
    });
  });

  it('PUB-12: are read back and hashed where the store keeps no checksum', async () => {
    await withS3({ checksums: 'refused', parameters: 'checksums=off' }, async ({ server, store }) => {
      assert.equal(await store.create(name, contentOf(bytes)), 'created');
      const gets = (): number => server.calls.filter(({ operation }) => operation === 'get').length;
      assert.equal(gets(), 1);
      assert.equal(await store.create(name, contentOf(bytes)), 'present');
      assert.equal(gets(), 2);
      server.faults = nth('upload-part', 3, { kind: 'alter' });
      await assert.rejects(store.create('other.img', contentOf(bytes)), { code: 'hash-mismatch' });
    });
  });
});
