import assert from 'node:assert/strict';
import type { Health } from '../../src/server/health.ts';
import { defaultServerLimits } from '../../src/server/limits.ts';
import { type RunningServer, type ServeOptions, serve } from '../../src/server/serve.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { ask } from '../support/raw-http.ts';

const DAY = 86_400_000;

describe('server/health', () => {
  const repository = fixtureRepository();
  const timestamp = repository.files.get('timestamp.json') ?? new Uint8Array();
  const expires = Date.parse(repository.timestamp.expires);
  let store: MemoryStore;
  let now = 0;
  const running: RunningServer[] = [];
  const start = async (options: Partial<ServeOptions> = {}): Promise<string> => {
    const server = await serve({ store, clock: () => now, ...options });
    running.push(server);
    return server.url;
  };
  const health = async (url: string): Promise<Health & { code: number }> => {
    const { status, body, headers } = await ask(url, '/health?x=1');
    assert.equal(headers.get('content-type'), 'application/json');
    assert.equal(headers.get('cache-control'), 'no-store');
    return { code: status, ...JSON.parse(body.toString()) };
  };

  beforeEach(async () => {
    store = new MemoryStore('https://user:SECRET@bucket.example');
    now = repository.now;
    await store.create('metadata/timestamp.json', timestamp);
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
  });

  it('SRV-42: is ok while the served timestamp lasts, and degraded from the very moment it expires', async () => {
    const url = await start();
    const ok = await health(url);
    assert.deepEqual([ok.code, ok.status], [200, 'ok']);
    const facts = { file: 'metadata/timestamp.json', role: 'timestamp', version: 5 };
    assert.deepEqual(ok.repositories, [{ ...facts, status: 'ok', expires: repository.timestamp.expires }]);
    now = expires - 1;
    assert.equal((await health(url)).code, 200);
    now = expires + defaultServerLimits.healthHold;
    const expired = await health(url);
    assert.deepEqual(
      [expired.code, expired.status, expired.repositories[0]?.status],
      [503, 'degraded', 'expired'],
    );
    assert.equal(expired.time, new Date(now).toISOString().replace('.000Z', 'Z'));
    assert.equal((await ask(url, '/health', { method: 'HEAD' })).status, 503);
  });

  it('SRV-42: sees a refreshed timestamp, a damaged one and one that is gone', async () => {
    const url = await start();
    const replace = async (bytes: Uint8Array): Promise<string | undefined> => {
      now += DAY / 24;
      const etag = (await store.stat('metadata/timestamp.json'))?.etag;
      await store.swap('metadata/timestamp.json', bytes, etag);
      return (await health(url)).repositories[0]?.status;
    };
    assert.equal((await health(url)).status, 'ok');
    assert.equal(await replace(Buffer.from('<html>hello</html>')), 'invalid');
    assert.equal(await replace(new Uint8Array(20_000)), 'invalid');
    assert.equal(await replace(new Uint8Array(2_000_000).subarray(0, 1_000_000)), 'invalid');
    assert.equal(await replace(timestamp), 'ok');
    now += 2 * defaultServerLimits.healthHold;
    await store.remove('metadata/timestamp.json', (await store.stat('metadata/timestamp.json'))?.etag ?? '');
    assert.deepEqual((await health(url)).repositories, []);
    assert.equal((await health(url)).status, 'degraded');
  });

  it('SRV-42: watches the folders it was told, or wherever a timestamp was served from', async () => {
    await store.create('one/x86_64/timestamp.json', timestamp);
    const told = await start({ repositories: ['one/x86_64', 'two/x86_64'] });
    const seen = (await health(told)).repositories.map(({ file, status }) => [file, status]);
    assert.deepEqual(seen, [
      ['one/x86_64/timestamp.json', 'ok'],
      ['two/x86_64/timestamp.json', 'missing'],
    ]);
    const untold = await start();
    assert.equal((await ask(untold, '/one/x86_64/timestamp.json')).status, 200);
    assert.equal((await ask(untold, '/two/x86_64/timestamp.json')).status, 404);
    const files = (await health(untold)).repositories.map(({ file }) => file);
    assert.deepEqual(files, ['metadata/timestamp.json', 'one/x86_64/timestamp.json']);
    now += 2 * defaultServerLimits.healthHold;
    await store.remove(
      'one/x86_64/timestamp.json',
      (await store.stat('one/x86_64/timestamp.json'))?.etag ?? '',
    );
    assert.deepEqual(
      (await health(untold)).repositories.map(({ status }) => status),
      ['ok', 'missing'],
    );
  });

  it('SRV-42: a store that fails or hangs is degraded in time, without a word about where it is', async () => {
    const failing = new (class extends MemoryStore {
      override stat = async (): Promise<never> => Promise.reject(new Error('SECRET bucket.example'));
    })();
    const hanging = new (class extends MemoryStore {
      override stat = (): Promise<never> => new Promise(() => undefined);
    })();
    for (const broken of [failing, hanging]) {
      const options = { store: broken, repositories: ['metadata'] };
      const url = await start({ ...options, limits: { ...defaultServerLimits, healthTime: 50 } });
      const { status, body } = await ask(url, '/health');
      assert.equal(status, 503);
      assert.match(body.toString(), /"unreadable"/);
      assert.doesNotMatch(body.toString(), /SECRET|bucket/);
    }
  });

  it('SRV-42: is cheap: a crowd costs one look at the store', async () => {
    let stats = 0;
    const stat = store.stat.bind(store);
    store.stat = async (...given) => {
      stats += 1;
      return await stat(...given);
    };
    const url = await start();
    await Promise.all(Array.from({ length: 50 }, () => health(url)));
    assert.equal(stats, 2);
  });
});
