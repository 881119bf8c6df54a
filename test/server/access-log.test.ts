import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatEntry } from '../../src/server/access-log.ts';
import { type RunningServer, serve } from '../../src/server/serve.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { ask } from '../support/raw-http.ts';

describe('server/access-log', () => {
  const lines: string[] = [];
  let server: RunningServer;
  before(async () => {
    const store = new MemoryStore();
    await store.create('1.root.json', Buffer.from('{}'));
    server = await serve({ store, log: (line) => lines.push(line), clock: () => 1_800_000_000_000 });
  });
  after(() => server.close());
  beforeEach(() => lines.splice(0));

  it('writes one line of JSON per request, from memory or not', async () => {
    await ask(server.url, '/1.root.json', { headers: ['User-Agent: agent/1'] });
    await ask(server.url, '/1.root.json', { headers: ['Range: bytes=0-0'] });
    await ask(server.url, '/2.root.json');
    await ask(server.url, '/health', { method: 'POST' });
    const entries = lines.map((line) => JSON.parse(line));
    assert.deepEqual(
      entries.map(({ method, path, status, complete, range }) => [method, path, status, complete, range]),
      [
        ['GET', '/1.root.json', 200, true, undefined],
        ['GET', '/1.root.json', 206, true, 'bytes=0-0'],
        ['GET', '/2.root.json', 404, true, undefined],
        ['POST', '/health', 405, true, undefined],
      ],
    );
    assert.deepEqual(
      [entries[0].time, entries[0].client, entries[0].agent],
      ['2027-01-15T08:00:00.000Z', '127.0.0.1', 'agent/1'],
    );
    assert.ok(entries[0].sent > 100 && entries[0].took === 0);
  });

  it('SRV-33: line ends, escapes, quotes and floods stay within one short line of ASCII', async () => {
    const evil = ['"},{"x":"', '\x9b31m', "'$(id)`", '\\u000a', '\xe9\xa0'];
    for (const text of evil) {
      const agent = `User-Agent: ${text}${'a'.repeat(5000)}`;
      await ask(server.url, `/%1b[2J%0d%0aGET${text.replaceAll(/[^!-~]/g, '')}`, { headers: [agent] });
    }
    await ask(server.url, `/${'a'.repeat(9000)}`);
    assert.equal(lines.length, evil.length + 1);
    // What is no HTTP at all is refused before there is a request to write of.
    for (const text of ['\x1b[2J', 'a\rb']) await ask(server.url, '/', { headers: [`User-Agent: ${text}`] });
    assert.equal(lines.length, evil.length + 1);
    for (const line of lines) {
      assert.match(line, /^[ -~]{1,1500}$/);
      assert.equal(typeof JSON.parse(line), 'object');
    }
  });

  it('SRV-33: a query, where tokens and signatures are, is not written', async () => {
    await ask(server.url, '/1.root.json?X-Amz-Signature=SECRET&token=SECRET', {
      headers: ['Authorization: Bearer SECRET'],
    });
    await ask(server.url, '/../?token=SECRET');
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join(), /SECRET/);
  });

  it('SRV-33: any text comes back from its line, cut to size', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const line = formatEntry({ text });
        assert.match(line, /^[ -~]+$/);
        assert.equal(JSON.parse(line).text, text.length > 256 ? `${text.slice(0, 256)}...` : text);
      }),
    );
  });
});
