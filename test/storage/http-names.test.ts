import assert from 'node:assert/strict';
import { HttpStore } from '../../src/storage/http.ts';
import { type HostilePeer, startHostilePeer } from '../support/hostile-peer.ts';

describe('HttpStore with encoded names', () => {
  let peer: HostilePeer;
  let store: HttpStore;
  beforeEach(async () => {
    peer = await startHostilePeer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    store = new HttpStore(`${peer.origin}/metadata`, { encodedNames: true });
  });
  afterEach(async () => {
    store.close();
    await peer.close();
  });

  it('DEL-08: sends a segment as it is given, encoded slashes included', async () => {
    const names = ['1.%2Fdelegated.json', '1...%2Frole.json', '1.%3F.json', `dir/${'a'.repeat(300)}`];
    for (const name of names) await store.read(name, 10);
    assert.deepEqual(
      peer.requests.map(({ target }) => target),
      names.map((name) => `/metadata/${name}`),
    );
  });

  for (const name of [
    '',
    '..',
    'a/../b',
    '%2e%2E/x',
    '.%2e',
    'a//b',
    '/a',
    'a?b',
    'a#b',
    'a b',
    'é',
    '%zz',
    '%',
    'a\\b',
  ])
    it(`DEL-20: refuses ${JSON.stringify(name)} before any request`, async () => {
      await assert.rejects(store.read(name, 10), { code: 'target-path-invalid' });
      await assert.rejects(store.open(name), { code: 'target-path-invalid' });
      await assert.rejects(store.stat(name), { code: 'target-path-invalid' });
      assert.equal(peer.requests.length, 0);
    });
});
