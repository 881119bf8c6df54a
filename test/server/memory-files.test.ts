import assert from 'node:assert/strict';
import { defaultServerLimits, type ServerLimits } from '../../src/server/limits.ts';
import { MemoryFiles } from '../../src/server/memory-files.ts';
import { type ServedName, servedName } from '../../src/server/served-name.ts';
import { SharedCalls } from '../../src/server/shared-calls.ts';
import { MemoryStore } from '../../src/storage/memory.ts';

/** Counts what is asked of it. */
class CountingStore extends MemoryStore {
  stats = 0;
  reads = 0;
  override async stat(...given: Parameters<MemoryStore['stat']>): ReturnType<MemoryStore['stat']> {
    this.stats += 1;
    return await super.stat(...given);
  }
  override async read(...given: Parameters<MemoryStore['read']>): ReturnType<MemoryStore['read']> {
    this.reads += 1;
    return await super.read(...given);
  }
}

function served(name: string): ServedName {
  const found = servedName(name);
  assert.ok(found !== undefined);
  return found;
}

describe('server/memory-files', () => {
  const root = served('1.root.json');
  const timestamp = served('timestamp.json');
  let store: CountingStore;
  let now = 0;
  const make = (limits: Partial<ServerLimits> = {}): MemoryFiles =>
    new MemoryFiles(store, { ...defaultServerLimits, ...limits }, () => now);

  beforeEach(async () => {
    store = new CountingStore();
    now = 1_000_000;
    await store.create(root.name, Buffer.from('root'));
    await store.create(timestamp.name, Buffer.from('timestamp'));
  });

  it('believes a name that stands for its content for a moment, and the timestamp never', async () => {
    const files = make({ memoryHold: 500 });
    for (let round = 0; round < 3; round += 1) {
      await files.find(root);
      await files.find(timestamp);
    }
    assert.deepEqual([store.stats, store.reads], [1 + 3, 2]);
    assert.ok(files.held(root) !== undefined);
    assert.equal(files.held(timestamp), undefined);
    now += 500;
    assert.equal(files.held(root), undefined);
    await files.find(root);
    assert.deepEqual([store.stats, store.reads], [5, 2]);
    now -= 100_000;
    assert.equal(files.held(root), undefined);
  });

  it('notices other bytes, and a file that is gone', async () => {
    const files = make({ memoryHold: 0 });
    const first = await files.find(timestamp);
    await store.swap(timestamp.name, Buffer.from('newer'), (await store.stat(timestamp.name))?.etag);
    const second = await files.find(timestamp);
    assert.notEqual(first?.etag, second?.etag);
    assert.ok(second !== undefined && 'bytes' in second && Buffer.from(second.bytes).toString() === 'newer');
    await store.remove(timestamp.name, (await store.stat(timestamp.name))?.etag ?? '');
    assert.equal(await files.find(timestamp), undefined);
  });

  it('SRV-24: a crowd that asks for one name costs two questions, and absence is not kept', async () => {
    const files = make();
    const missing = served('2.root.json');
    const found = await Promise.all(Array.from({ length: 1000 }, () => files.find(missing)));
    assert.ok(found.every((file) => file === undefined));
    assert.equal(store.stats, 2);
    await store.create(missing.name, Buffer.from('new'));
    assert.ok((await files.find(missing)) !== undefined);
  });

  it('keeps within its bounds, dropping what was not used for longest', async () => {
    const files = make({ memoryTotal: 100, memoryFile: 60 });
    const [a, b, c, big] = [served('1.a.json'), served('1.b.json'), served('1.c.json'), served('1.big.json')];
    for (const name of [a, b, c]) await store.create(name.name, new Uint8Array(45));
    await store.create(big.name, new Uint8Array(61));
    await files.find(a);
    await files.find(b);
    await files.find(big);
    assert.ok(files.held(a) !== undefined && files.held(b) !== undefined);
    assert.equal(files.held(big), undefined);
    now += 999;
    await files.find(c);
    assert.deepEqual(
      [files.held(a), files.held(b) !== undefined, files.held(c) !== undefined],
      [undefined, true, true],
    );
  });
});

describe('server/shared-calls', () => {
  it('lets newcomers wait for an answer that began after they asked', async () => {
    const calls = new SharedCalls<number>();
    let begun = 0;
    const gates: (() => void)[] = [];
    const work = async (): Promise<number> => {
      begun += 1;
      const mine = begun;
      await new Promise<void>((open) => gates.push(open));
      return mine;
    };
    const first = calls.call('key', work);
    const others = [calls.call('key', work), calls.call('key', work)];
    const elsewhere = calls.call('other', work);
    assert.equal(begun, 2);
    gates.shift()?.();
    assert.equal(await first, 1);
    while (begun < 3) await Promise.resolve();
    for (const open of gates) open();
    assert.deepEqual(await Promise.all(others), [3, 3]);
    assert.equal(await elsewhere, 2);
  });

  it('a failure reaches those who waited for it, and the next ones try again', async () => {
    const calls = new SharedCalls<string>();
    const failing = calls.call('key', async () => Promise.reject(new Error('once')));
    const next = calls.call('key', async () => 'fine');
    await assert.rejects(failing, /once/);
    assert.equal(await next, 'fine');
  });
});
