/** Writes whose answer is a no, a maybe or nothing at all: the store finds out what happened, and says that. */
import assert from 'node:assert/strict';
import { withS3 } from '../../support/s3-scene.ts';
import type { Faults, S3FaultAction, S3Operation } from '../../support/s3-server.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** The faults befall the first requests of this kind, one each; later ones pass. */
function first(operation: S3Operation, ...actions: readonly S3FaultAction[]): Faults {
  const left = [...actions];
  return (call) => (call.operation === operation ? left.shift() : undefined);
}

const lostReplies: readonly S3FaultAction[] = [
  { kind: 'reset', apply: true },
  { kind: 'never', apply: true },
  { kind: 'status', status: 500, code: 'InternalError', apply: true },
  { kind: 'status', status: 503, code: 'SlowDown', apply: true },
];
const refusals: readonly S3FaultAction[] = [
  { kind: 'reset' },
  { kind: 'never' },
  { kind: 'status', status: 500, code: 'InternalError' },
  { kind: 'status', status: 503, code: 'SlowDown' },
  { kind: 'status', status: 409, code: 'ConditionalRequestConflict' },
  // Bytes that were altered on the way.
  { kind: 'status', status: 400, code: 'BadDigest' },
];
/** Long enough for an honest answer of this machine, short enough for a test. */
const store = { stallTimeout: 250 };

describe('outcomes of writes to a bucket', () => {
  it('PUB-03: a write that happened though its reply was lost is a success, and is not sent again', async () => {
    await withS3({ store }, async ({ server, store }) => {
      for (const [index, action] of lostReplies.entries()) {
        server.faults = first('put', action);
        const name = `${index + 1}.root.json`;
        assert.equal(await store.create(name, text('root')), 'created', JSON.stringify(action));
        server.faults = first('put', action);
        const etag = (await store.stat('timestamp.json'))?.etag;
        assert.equal(await store.swap('timestamp.json', text(`${index}`), etag), 'swapped');
        const puts = server.calls.filter(({ operation }) => operation === 'put');
        assert.equal(puts.length, 2 * (index + 1));
      }
    });
  });

  it('PUB-03: a write that did not happen is sent again, under the same condition', async () => {
    await withS3({ store }, async ({ server, store, waits }) => {
      for (const [index, action] of refusals.entries()) {
        server.faults = first('put', action, action);
        assert.equal(await store.create(`${index + 1}.root.json`, text('root')), 'created');
        server.faults = first('put', action, action);
        const etag = (await store.stat('timestamp.json'))?.etag;
        assert.equal(await store.swap('timestamp.json', text(`${index}`), etag), 'swapped');
      }
      assert.equal(waits.length, 4 * refusals.length);
      const puts = server.calls.filter(({ operation }) => operation === 'put');
      assert.ok(puts.every(({ headers }) => 'if-match' in headers !== 'if-none-match' in headers));
    });
  });

  it('PUB-03: a write that arrives after it was looked for, before it is sent again, is still our own', async () => {
    await withS3({}, async ({ server, store, other }) => {
      const late = { arrive: (): Promise<unknown> => Promise.resolve() };
      let puts = 0;
      server.faults = ({ operation }) => {
        if (operation !== 'put') return undefined;
        puts += 1;
        if (puts === 1) return { kind: 'reset' };
        return puts === 2 ? { kind: 'delay', until: late.arrive() } : undefined;
      };
      late.arrive = async () => await other().create('1.root.json', text('root'));
      assert.equal(await store.create('1.root.json', text('root')), 'created');
      assert.equal((await server.inspect('fleet/1.root.json')).body.toString(), 'root');
    });
  });

  it('PUB-03: a 412 is looked into: same bytes are done, other bytes are lost', async () => {
    await withS3({}, async ({ server, store, other }) => {
      await store.swap('t.json', text('0'), undefined);
      const etag = (await store.stat('t.json'))?.etag;
      await other().swap('t.json', text('1'), etag);
      assert.equal(await store.swap('t.json', text('1'), etag), 'swapped');
      assert.equal(await store.swap('t.json', text('2'), etag), 'lost');
      server.faults = first('put', { kind: 'status', status: 412, code: 'PreconditionFailed' });
      const now = (await store.stat('t.json'))?.etag;
      assert.equal(await store.swap('t.json', text('3'), now), 'swapped');
    });
  });

  it('PUB-03: a request that arrives twice is told apart from somebody else\u2019s', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = first('put', { kind: 'duplicate' });
      assert.equal(await store.create('1.root.json', text('root')), 'present');
      server.faults = first('put', { kind: 'duplicate' });
      assert.equal(await store.swap('t.json', text('1'), undefined), 'swapped');
      assert.equal((await server.inspect('fleet/t.json')).body.toString(), '1');
    });
  });

  it('PUB-22: a write that was held up on the way does nothing once the file has changed', async () => {
    await withS3({ store }, async ({ server, store, other }) => {
      await store.swap('t.json', text('0'), undefined);
      const { etag = '' } = (await store.stat('t.json')) ?? {};
      let release = (): void => undefined;
      const until = new Promise<void>((resolve) => (release = resolve));
      server.faults = first('put', { kind: 'delay', until });
      const late = store.swap('t.json', text('late'), etag);
      assert.equal(await other().swap('t.json', text('fast'), etag), 'swapped');
      assert.equal(await late, 'lost');
      const before = server.calls.length;
      release();
      // The held request is answered after this one, which goes the same way.
      await other().stat('t.json');
      assert.equal((await server.inspect('fleet/t.json')).body.toString(), 'fast');
      assert.ok(server.calls.length > before);
    });
  });

  it('gives up after a bounded number of tries, with waits that grow up to a limit', async () => {
    await withS3({ store: { retry: { attempts: 9, firstWait: 100, longestWait: 1000 } } }, async (scene) => {
      const { server, store, waits } = scene;
      server.faults = ({ operation }) =>
        operation === 'put' ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
      await assert.rejects(store.create('1.root.json', text('root')), { code: 'http-status' });
      assert.deepEqual(waits, [50, 100, 200, 400, 500, 500, 500, 500]);
      server.faults = () => ({ kind: 'never' });
      await assert.rejects(scene.other({ stallTimeout: 30, retry: { attempts: 2 } }).read('x', 1), {
        code: 'too-slow',
      });
    });
  });

  it('halves the requests at once when they stall', async () => {
    await withS3({ store: { stallTimeout: 100 } }, async ({ server, store }) => {
      server.faults = first('head', { kind: 'never' });
      await store.stat('x');
      assert.equal(store.calls.concurrency.limit, 4);
    });
  });

  it('halves the requests at once when told to slow down, and recovers', async () => {
    await withS3({}, async ({ server, store }) => {
      const { concurrency } = store.calls;
      assert.equal(concurrency.limit, 8);
      server.faults = first('head', { kind: 'status', status: 503, code: 'SlowDown' });
      await store.stat('x');
      assert.equal(concurrency.limit, 4);
      await Promise.all(Array.from({ length: 120 }, () => store.stat('x')));
      assert.equal(concurrency.limit, 16);
      server.faults = ({ operation }) =>
        operation === 'head' ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
      const once = store.tuned({ retry: { attempts: 1 } });
      await Promise.allSettled(Array.from({ length: 16 }, () => once.stat('x')));
      // All of them were under way together, so that they count once.
      assert.equal(concurrency.limit, 8);
    });
  });

  it('is cancelled while it waits for a turn, for an answer, and between tries', async () => {
    await withS3({}, async ({ server, store, other }) => {
      const controller = new AbortController();
      server.faults = () => ({ kind: 'never' });
      const many = Array.from({ length: 20 }, (_, index) =>
        store.create(`${index}.bin`, text('x'), { signal: controller.signal }),
      );
      const outcomes = Promise.allSettled(many);
      while (server.calls.length < 8) await new Promise((resolve) => setImmediate(resolve));
      controller.abort();
      for (const outcome of await outcomes)
        assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'cancelled');
      assert.equal(server.calls.length, 8);
      const late = new AbortController();
      server.faults = () => {
        late.abort();
        return { kind: 'status', status: 500, code: 'InternalError' };
      };
      await assert.rejects(other().read('x', 1, { signal: late.signal }), { code: 'cancelled' });
    });
  });

  it('a swap writes what it was given, whatever becomes of that memory meanwhile', async () => {
    await withS3({}, async ({ server, store }) => {
      const bytes = Buffer.from('first');
      const swapping = store.swap('t.json', bytes, undefined);
      bytes.fill('x');
      assert.equal(await swapping, 'swapped');
      assert.equal((await server.inspect('fleet/t.json')).body.toString(), 'first');
    });
  });

  it('PUB-12: bytes that the store has altered are found out at once', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = ({ operation }) => (operation === 'put' ? { kind: 'alter' } : undefined);
      await assert.rejects(store.create('1.root.json', text('root')), { code: 'hash-mismatch' });
      await assert.rejects(store.swap('timestamp.json', text('now'), undefined), { code: 'hash-mismatch' });
    });
  });

  it('PUB-12: the SHA-256 goes with every write, and what does not match it is not stored', async () => {
    await withS3({}, async ({ server, store }) => {
      await store.create('1.root.json', text('root'));
      await store.swap('timestamp.json', text('now'), undefined);
      const puts = server.calls.filter(({ operation }) => operation === 'put');
      assert.equal(puts.length, 2);
      for (const { headers } of puts) assert.match(String(headers['x-amz-checksum-sha256']), /^[\w+/]{43}=$/);
    });
  });

  it('PUB-12: a store without checksums is sent none of any kind', async () => {
    await withS3({ checksums: 'refused', parameters: 'checksums=off' }, async ({ server, store }) => {
      await store.create('1.root.json', text('root'));
      await store.swap('timestamp.json', text('now'), undefined);
      for (const { headers } of server.calls)
        assert.deepEqual(
          Object.keys(headers).filter((name) => name.includes('checksum')),
          [],
        );
    });
  });

  it('PUB-25: every file has its type and how long it may be kept, and no encoding', async () => {
    await withS3({}, async ({ server, store }) => {
      const hash = 'ab'.repeat(32);
      const forever = 'public, max-age=31536000, immutable';
      const expected: readonly [string, string, string][] = [
        ['metadata/1.root.json', 'application/json', forever],
        ['metadata/12.snapshot.json', 'application/json', forever],
        ['metadata/timestamp.json', 'application/json', 'public, max-age=60, stale-if-error=3600'],
        [`targets/${hash}.manifest.json`, 'application/octet-stream', forever],
        [`targets/${hash}.os.img`, 'application/octet-stream', forever],
        ['.publish/plans/x.json', 'application/json', 'no-store'],
      ];
      for (const [name, type, cache] of expected) {
        await store.swap(name, text(name), undefined);
        const { headers } = await server.inspect(`fleet/${name}`);
        assert.deepEqual(
          [headers['content-type'], headers['cache-control'], headers['content-encoding']],
          [type, cache, undefined],
          name,
        );
      }
    });
  });
});
