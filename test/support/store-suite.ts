/**
 * What every store must do, run over each of them. `readable` needs a writer through which the files get there:
 * for a store that writes it is the store itself.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { TidegateError } from '../../src/errors.ts';
import type { FileInfo, ReadableStore, StreamedContent, SwappableStore } from '../../src/storage/store.ts';

export interface Bench<S> {
  readonly store: S;
  /** Puts files where `store` reads them. */
  readonly writer: SwappableStore;
  close(): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A streamed content; `lie` alters what it states. */
export function contentOf(bytes: Uint8Array, lie: Partial<StreamedContent> = {}): StreamedContent {
  return {
    length: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    open: async function* () {
      for (let at = 0; at < bytes.byteLength; at += 100_000) yield bytes.subarray(at, at + 100_000);
    },
    ...lie,
  };
}

async function listed(store: SwappableStore, prefix?: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix)) names.push(name);
  return names;
}

/** The rules of `ReadableStore`. */
export function readableSuite(label: string, make: () => Promise<Bench<ReadableStore>>): void {
  describe(`${label}: reads`, () => {
    let bench: Bench<ReadableStore>;
    const large = randomBytes(9 * MEBIBYTE + 12_345);
    const small = text('a small file');
    before(async () => {
      bench = await make();
      await bench.writer.create('metadata/1.root.json', small);
      await bench.writer.create('empty', new Uint8Array());
      await bench.writer.create('targets/large.img', contentOf(large));
      await bench.writer.create("odd/a b+c%2F!'()*é&?#.json", text('odd'));
    });
    after(() => bench.close());

    it('says undefined for what does not exist', async () => {
      for (const name of ['none', 'metadata/2.root.json', 'no/such/folder', 'metadata', 'empty/below']) {
        assert.equal(await bench.store.read(name, 100), undefined, name);
        assert.equal(await bench.store.open(name), undefined, name);
        assert.equal(await bench.store.stat(name), undefined, name);
      }
    });

    it('reads whole small files up to the limit and not a byte further', async () => {
      const file = await bench.store.read('metadata/1.root.json', small.byteLength);
      assert.deepEqual(Buffer.from(file?.bytes ?? []), Buffer.from(small));
      assert.equal((await bench.store.read('empty', 0))?.bytes.byteLength, 0);
      await assert.rejects(bench.store.read('metadata/1.root.json', small.byteLength - 1), {
        code: 'length-limit',
      });
      await assert.rejects(bench.store.read('targets/large.img', MEBIBYTE), { code: 'length-limit' });
      const whole = await bench.store.read('targets/large.img', large.byteLength);
      assert.ok(large.equals(whole?.bytes ?? new Uint8Array()));
    });

    it('reads names with every character that is allowed', async () => {
      const file = await bench.store.read("odd/a b+c%2F!'()*é&?#.json", 10);
      assert.equal(Buffer.from(file?.bytes ?? []).toString(), 'odd');
    });

    it('gives the same etag by read, open and stat, and the length', async () => {
      for (const name of ['metadata/1.root.json', 'targets/large.img']) {
        const file = await bench.store.open(name);
        const info: FileInfo | undefined = await bench.store.stat(name);
        const read = await bench.store.read(name, 10 * MEBIBYTE);
        assert.ok(file !== undefined && info !== undefined && info.etag !== '');
        assert.deepEqual([file.etag, read?.etag], [info.etag, info.etag]);
        assert.equal(file.length, info.length);
        assert.equal((await bytesOf(file.body)).byteLength, info.length);
      }
    });

    it('streams any range, in chunks of at most 1 MiB', async () => {
      const total = large.byteLength;
      const ranges: [number, number | undefined][] = [
        [0, undefined],
        [0, 1],
        [1, undefined],
        [MEBIBYTE - 1, 2],
        [total - 1, 1],
        [total - 1, 50],
        [total, undefined],
        [5, 0],
        [total, 0],
      ];
      for (const [start, length] of ranges) {
        const file = await bench.store.open('targets/large.img', {
          start,
          ...(length !== undefined && { length }),
        });
        assert.equal(file?.length, total);
        const expected = large.subarray(start, length === undefined ? undefined : start + length);
        let at = 0;
        for await (const chunk of file?.body ?? []) {
          assert.ok(chunk.byteLength > 0 && chunk.byteLength <= MEBIBYTE);
          assert.ok(expected.subarray(at, at + chunk.byteLength).equals(chunk), `${start} ${at}`);
          at += chunk.byteLength;
        }
        assert.equal(at, expected.byteLength, `${start} ${length}`);
      }
      for (const name of ['targets/large.img', 'metadata/1.root.json', 'empty']) {
        await assert.rejects(bench.store.open(name, { start: total + 1 }), { code: 'length-mismatch' });
      }
      const odd = [{ start: -1 }, { start: 1.5 }, { length: -1 }, { length: Number.NaN }];
      for (const options of odd) await assert.rejects(bench.store.open('empty', options), { code: 'usage' });
    });

    it('hands out the same bytes from memory that is used again', async () => {
      for (const start of [0, 777]) {
        const file = await bench.store.open('targets/large.img', { start, reuseChunks: true });
        let at = start;
        for await (const chunk of file?.body ?? []) {
          // Whatever arrives meanwhile must not touch the chunk at hand.
          await new Promise((resolve) => setImmediate(resolve));
          assert.ok(large.subarray(at, at + chunk.byteLength).equals(chunk), `at ${at}`);
          at += chunk.byteLength;
        }
        assert.equal(at, large.byteLength);
      }
    });

    it('NET-06: pins an etag, and conflicts when the file has another', async () => {
      const { etag = '' } = (await bench.store.stat('targets/large.img')) ?? {};
      const file = await bench.store.open('targets/large.img', { etag, start: 10, length: 3 });
      assert.deepEqual(await bytesOf(file?.body ?? contentOf(small).open()), large.subarray(10, 13));
      const other = `${etag.slice(0, -1)}~"`;
      for (const wrong of ['', other]) {
        for (const start of [0, 10]) {
          await assert.rejects(bench.store.open('targets/large.img', { etag: wrong, start }), {
            code: 'store-conflict',
          });
        }
      }
    });

    it('can be left at any time, and read by many at once', async () => {
      const never = await bench.store.open('targets/large.img');
      await never?.body[Symbol.asyncIterator]().return?.();
      for await (const chunk of (await bench.store.open('targets/large.img'))?.body ?? []) {
        assert.ok(chunk.byteLength > 0);
        break;
      }
      const all = await Promise.all(
        [1, 2, 3, 4].map(async (start) => {
          const file = await bench.store.open('targets/large.img', { start });
          return file !== undefined && (await bytesOf(file.body)).equals(large.subarray(start));
        }),
      );
      assert.deepEqual(all, [true, true, true, true]);
    });

    it('NET-23: is cancelled before and during a read', async () => {
      const signal = AbortSignal.abort();
      await assert.rejects(bench.store.read('empty', 1, { signal }), { code: 'cancelled' });
      await assert.rejects(bench.store.open('targets/large.img', { signal }), { code: 'cancelled' });
      await assert.rejects(bench.store.stat('empty', { signal }), { code: 'cancelled' });
      const controller = new AbortController();
      const file = await bench.store.open('targets/large.img', { signal: controller.signal });
      await assert.rejects(
        async () => {
          for await (const _ of file?.body ?? []) controller.abort();
        },
        { code: 'cancelled' },
      );
    });

    it('refuses names that could lead elsewhere', async () => {
      const names = ['', '/a', 'a/', 'a//b', '.', '..', 'a/../b', './a', 'a\\b', 'a\nb', 'a\u0000', '\ud800'];
      for (const name of [...names, '.tidegate-x', 'a/.tidegate-lock/b', 'x'.repeat(1025), 'y'.repeat(256)]) {
        await assert.rejects(bench.store.read(name, 1), { code: 'target-path-invalid' }, name);
        await assert.rejects(bench.store.open(name), { code: 'target-path-invalid' }, name);
        await assert.rejects(bench.store.stat(name), { code: 'target-path-invalid' }, name);
      }
    });
  });
}

/** The rules of `WritableStore` and `SwappableStore`, on top of the reading ones. */
export function swappableSuite(label: string, make: () => Promise<Bench<SwappableStore>>): void {
  readableSuite(label, make);
  describe(`${label}: writes`, () => {
    let bench: Bench<SwappableStore>;
    let store: SwappableStore;
    beforeEach(async () => {
      bench = await make();
      store = bench.store;
    });
    afterEach(() => bench.close());
    const content = async (name: string): Promise<string | undefined> => {
      const file = await store.read(name, MEBIBYTE);
      return file && Buffer.from(file.bytes).toString();
    };

    it('PUB-06: creates only, and never overwrites', async () => {
      assert.equal(await store.create('a/1.root.json', text('one')), 'created');
      assert.equal(await store.create('a/1.root.json', text('one')), 'present');
      assert.equal(await store.create('a/1.root.json', contentOf(text('one'))), 'present');
      for (const other of ['two', '', 'one ']) {
        await assert.rejects(store.create('a/1.root.json', text(other)), { code: 'name-taken' });
        await assert.rejects(store.create('a/1.root.json', contentOf(text(other))), { code: 'name-taken' });
      }
      assert.equal(await content('a/1.root.json'), 'one');
    });

    it('lets one of many creators win, and tells the others', async () => {
      const texts = Array.from({ length: 12 }, (_, index) => `writer ${index % 3}`);
      const outcomes = await Promise.allSettled(texts.map((value) => store.create('contested', text(value))));
      const won = await content('contested');
      const created = outcomes.filter((each) => each.status === 'fulfilled' && each.value === 'created');
      assert.equal(created.length, 1);
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') assert.equal(texts[index], won);
        else assert.equal(outcome.reason.code, 'name-taken');
      }
      assert.deepEqual(await listed(store), ['contested']);
    });

    it('shows nothing of a content that does not keep its word', async () => {
      const bytes = randomBytes(300_000);
      const longer = contentOf(bytes, { length: bytes.byteLength - 1 });
      await assert.rejects(store.create('x/y', longer), { code: 'length-mismatch' });
      const shorter = contentOf(bytes, { length: bytes.byteLength + 1 });
      await assert.rejects(store.create('x/y', shorter), { code: 'length-mismatch' });
      const other = contentOf(bytes, { sha256: 'ab'.repeat(32) });
      await assert.rejects(store.create('x/y', other), { code: 'hash-mismatch' });
      const broken = contentOf(bytes, {
        open: async function* () {
          yield bytes.subarray(0, 9);
          throw new Error('the source broke');
        },
      });
      await assert.rejects(store.create('x/y', broken), /the source broke/);
      assert.equal(await store.stat('x/y'), undefined);
      assert.deepEqual(await listed(store), []);
      assert.equal(await store.create('x/y', contentOf(bytes)), 'created');
    });

    it('is done with a chunk when it asks for the next', async () => {
      const bytes = randomBytes(1_000_000);
      const buffer = new Uint8Array(100_000);
      const reusing = contentOf(bytes, {
        open: async function* () {
          for (let at = 0; at < bytes.byteLength; at += buffer.byteLength) {
            buffer.set(bytes.subarray(at, at + buffer.byteLength));
            yield buffer;
            buffer.fill(0);
          }
        },
      });
      assert.equal(await store.create('reused', reusing), 'created');
      assert.ok(bytes.equals((await store.read('reused', MEBIBYTE))?.bytes ?? buffer));
    });

    it('ends an endless content at its stated length', async () => {
      let chunks = 0;
      const endless = contentOf(text('x'), {
        length: 1000,
        open: async function* () {
          for (;;) {
            chunks += 1;
            yield new Uint8Array(600);
          }
        },
      });
      await assert.rejects(store.create('endless', endless), { code: 'length-mismatch' });
      assert.equal(chunks, 2);
    });

    it('NET-23: reports progress, and leaves nothing when cancelled', async () => {
      const bytes = randomBytes(450_000);
      const seen: number[] = [];
      await store.create('p', contentOf(bytes), { progress: (count) => seen.push(count) });
      assert.deepEqual(seen, [100_000, 200_000, 300_000, 400_000, 450_000]);
      const controller = new AbortController();
      const options = { signal: controller.signal, progress: () => controller.abort() };
      await assert.rejects(store.create('q', contentOf(bytes), options), { code: 'cancelled' });
      await assert.rejects(store.swap('q', text('q'), undefined, options), { code: 'cancelled' });
      assert.deepEqual(await listed(store), ['p']);
    });

    it('swaps only what the caller has seen', async () => {
      assert.equal(await store.swap('t.json', text('1'), 'sha256-none'), 'lost');
      assert.equal(await store.swap('t.json', text('1'), undefined), 'swapped');
      assert.equal(await store.swap('t.json', text('other'), undefined), 'lost');
      const first = await store.read('t.json', 10);
      assert.equal(await store.swap('t.json', text('2'), first?.etag), 'swapped');
      assert.equal(await store.swap('t.json', text('3'), first?.etag), 'lost');
      assert.equal(await content('t.json'), '2');
      assert.deepEqual(await listed(store), ['t.json']);
    });

    it('PUB-03: says swapped when a lost reply is tried again', async () => {
      await store.swap('t.json', text('1'), undefined);
      assert.equal(await store.swap('t.json', text('1'), undefined), 'swapped');
      const { etag } = (await store.stat('t.json')) ?? {};
      assert.equal(await store.swap('t.json', text('2'), etag), 'swapped');
      assert.equal(await store.swap('t.json', text('2'), etag), 'swapped');
      assert.equal(await store.swap('t.json', text('1'), etag), 'lost');
    });

    it('keeps what it was given, whatever becomes of that memory afterwards', async () => {
      const bytes = Buffer.from('first');
      const swapping = store.swap('kept.json', bytes, undefined);
      bytes.fill('x');
      assert.equal(await swapping, 'swapped');
      const found = await store.read('kept.json', 10);
      assert.equal(Buffer.from(found?.bytes ?? []).toString(), 'first');
      found?.bytes.fill(0);
      assert.equal(Buffer.from((await store.read('kept.json', 10))?.bytes ?? []).toString(), 'first');
    });

    it('PUB-02: lets one of many swappers win each round', async () => {
      await store.swap('t.json', text('0'), undefined);
      for (let round = 1; round <= 5; round += 1) {
        const before = await store.stat('t.json');
        const outcomes = await Promise.all(
          ['a', 'b', 'c', 'd'].map((who) => store.swap('t.json', text(`${round}${who}`), before?.etag)),
        );
        assert.equal(outcomes.filter((outcome) => outcome === 'swapped').length, 1);
        const winner = 'abcd'[outcomes.indexOf('swapped')];
        assert.equal(await content('t.json'), `${round}${winner}`);
      }
    });

    it('changes the etag with the content, and back with it', async () => {
      await store.create('f', text('1'));
      const first = await store.stat('f');
      await store.swap('f', text('2'), first?.etag);
      const second = await store.stat('f');
      assert.notEqual(second?.etag, first?.etag);
      await store.swap('f', text('1'), second?.etag);
      assert.equal((await store.stat('f'))?.etag, first?.etag);
    });

    it('refuses to swap a file that is no small register', async () => {
      const bytes = new Uint8Array(MEBIBYTE + 1);
      await assert.rejects(store.swap('big', bytes, undefined), { code: 'length-limit' });
      assert.equal(await store.swap('big', bytes.subarray(1), undefined), 'swapped');
      await store.create('bigger', contentOf(bytes));
      const { etag } = (await store.stat('bigger')) ?? {};
      assert.equal(await store.swap('bigger', text('small'), etag), 'swapped');
      assert.equal(await content('bigger'), 'small');
    });

    it('removes only what the caller has seen', async () => {
      await store.create('a/b', text('1'));
      assert.equal(await store.remove('a/b', 'sha256-none'), 'lost');
      const { etag = '' } = (await store.stat('a/b')) ?? {};
      const late = new TidegateError('too-slow', 'too late');
      const ready = (): void => {
        throw late;
      };
      await assert.rejects(store.remove('a/b', etag, { ready }), late);
      assert.equal(await store.remove('a/b', etag, { ready: () => undefined }), 'removed');
      assert.equal(await store.remove('a/b', etag), 'absent');
      assert.equal(await store.create('a/b', text('2')), 'created');
    });

    it('lists by prefix, in the order of the code points, and nothing of its machinery', async () => {
      const names = ['a/b', 'a.b', 'a-b', 'a/b.c/d', 'a/b-c', 'ab', 'é', '\u{1f300}', '\uffee', 'z/1/2/3'];
      for (const name of names) if (name !== 'a/b') await store.create(name, text(name));
      await store.swap('a/b', text('a/b'), undefined);
      const sorted = ['a-b', 'a.b', 'a/b', 'a/b-c', 'a/b.c/d', 'ab', 'z/1/2/3', 'é', '\uffee', '\u{1f300}'];
      assert.deepEqual(await listed(store), sorted);
      assert.deepEqual(await listed(store, ''), sorted);
      assert.deepEqual(await listed(store, 'a/'), ['a/b', 'a/b-c', 'a/b.c/d']);
      assert.deepEqual(await listed(store, 'a/b.'), ['a/b.c/d']);
      assert.deepEqual(await listed(store, 'z/1'), ['z/1/2/3']);
      assert.deepEqual(await listed(store, 'nothing'), []);
      for await (const info of store.list('a')) {
        const { sha256: _kept, ...stat } = (await store.stat(info.name)) ?? {};
        // Only some lists say when something was written.
        const { changed = 0, ...shown } = info;
        assert.deepEqual(shown, stat);
        assert.ok(Number.isSafeInteger(changed));
      }
      await assert.rejects(listed(store, '../'), { code: 'target-path-invalid' });
    });

    it('keeps its bytes apart from the caller\u2019s', async () => {
      const mine = text('mine');
      await store.create('f', mine);
      mine[0] = 0;
      const file = await store.read('f', 10);
      if (file !== undefined) file.bytes[0] = 0;
      assert.equal(await content('f'), 'mine');
    });

    it('refuses bad names before it writes', async () => {
      for (const name of ['../x', 'a/../../x', '/x', '.tidegate-lock/x', '']) {
        await assert.rejects(store.create(name, text('x')), { code: 'target-path-invalid' });
        await assert.rejects(store.swap(name, text('x'), undefined), { code: 'target-path-invalid' });
        await assert.rejects(store.remove(name, ''), { code: 'target-path-invalid' });
      }
      assert.deepEqual(await listed(store), []);
    });
  });
}
