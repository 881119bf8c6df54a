import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createApp } from '../../src/server/app.ts';
import { serve } from '../../src/server/serve.ts';
import { HttpStore } from '../../src/storage/http.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { ask } from '../support/raw-http.ts';

const image = `targets/${'c0ffee00'.repeat(8)}.disk.img`;
const bytes = imageBytes('disk', 2 * 1024 * 1024);

async function filledStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.create('metadata/1.root.json', Buffer.from('{}'));
  await store.create(image, bytes);
  return store;
}

describe('server/app', () => {
  let server: Server;
  let url = '';
  const lines: string[] = [];
  before(async () => {
    const outer = express();
    outer.use('/updates', createApp({ store: await filledStore(), log: (line) => lines.push(line) }));
    server = createServer(outer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  it('can be mounted in another app, with one line in the log per request', async () => {
    const root = await ask(url, '/updates/metadata/1.root.json');
    assert.deepEqual([root.status, root.body.toString()], [200, '{}']);
    const part = await ask(url, `/updates/${image}`, { headers: ['Range: bytes=-3'] });
    assert.ok(part.body.equals(bytes.subarray(-3)));
    assert.equal((await ask(url, '/updates/health')).status, 503);
    assert.equal(lines.length, 3);
  });

  it('SRV-13, 17 and 41: keeps its own refusals there', async () => {
    assert.equal((await ask(url, '/updates/health', { method: 'POST' })).status, 405);
    assert.equal((await ask(url, '/updates/1.root.json', { headers: Array(70).fill('A: b') })).status, 431);
    for (const target of ['/updates/Health', '/updates/health/', '/updates/', '/updates', '/updates/../x']) {
      const { status, headers } = await ask(url, target);
      assert.ok(status === 404 || status === 400, `${target}: ${status}`);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
    }
  });

  it('SRV-36: a query is never parsed, whatever is in it', async () => {
    const bomb = `/updates/metadata/1.root.json?${'a[b][c][d][e]='.repeat(800)}`;
    assert.equal((await ask(url, bomb)).status, 200);
  });
});

describe('server in front of another', () => {
  it('serves a store that is reached over HTTP, byte for byte and pinned by etag', async () => {
    const origin = await serve({ store: await filledStore() });
    const store = new HttpStore(origin.url);
    const front = await serve({ store });
    try {
      for (const name of [image, 'metadata/1.root.json']) {
        const [first, second] = await Promise.all([ask(origin.url, `/${name}`), ask(front.url, `/${name}`)]);
        assert.ok(second.body.equals(first.body));
        assert.equal(second.headers.get('cache-control'), first.headers.get('cache-control'));
      }
      const part = await ask(front.url, `/${image}`, { headers: ['Range: bytes=1000000-1500000'] });
      assert.equal(part.status, 206);
      assert.ok(part.body.equals(bytes.subarray(1_000_000, 1_500_001)));
      assert.equal((await ask(front.url, '/metadata/2.root.json')).status, 404);
      await origin.close();
      assert.equal((await ask(front.url, '/metadata/3.root.json')).status, 502);
    } finally {
      await front.close();
      store.close?.();
      await origin.close();
    }
  });
});
