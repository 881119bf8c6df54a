import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { HttpStore } from '../../src/storage/http.ts';
import type { ReadableStore } from '../../src/storage/store.ts';
import { startPlainServer } from '../support/plain-server.ts';
import { bytesOf, swappableSuite } from '../support/store-suite.ts';

swappableSuite('DirectoryStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-store-'));
  const store = new DirectoryStore(join(folder, 'new', 'root'));
  return { store, writer: store, close: () => rm(folder, { recursive: true }) };
});

describe('files past 2 GiB', () => {
  it('PAR-19: their length and their last bytes, from a folder and over HTTP', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-large-'));
    const total = 2 ** 31 + 5;
    // Nearly all of it is a hole, which takes no space.
    const file = await open(join(folder, 'large.img'), 'w');
    await file.truncate(total);
    await file.write('the end', total - 7);
    await file.close();
    const directory = new DirectoryStore(folder);
    const server = await startPlainServer(directory);
    const http = new HttpStore(server.origin);
    try {
      for (const store of [directory, http] as const satisfies readonly ReadableStore[]) {
        assert.equal((await store.stat('large.img'))?.length, total);
        const opened = await store.open('large.img', { start: 2 ** 31 - 3 });
        assert.equal(opened?.length, total);
        assert.equal((await bytesOf(opened?.body ?? [])).toString(), '\0the end');
        await assert.rejects(store.read('large.img', 1000), { code: 'length-limit' });
        await assert.rejects(store.open('large.img', { start: total + 1 }), { code: 'length-mismatch' });
      }
    } finally {
      http.close();
      await server.close();
      await rm(folder, { recursive: true });
    }
  });
});
