import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
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

describe('a folder store beside others', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-beside-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('makes a folder again that somebody removed', async () => {
    const store = new DirectoryStore(folder);
    const bytes = new TextEncoder().encode('x');
    await store.create('a/b/c', bytes);
    await rm(join(folder, 'a'), { recursive: true });
    assert.equal(await store.create('a/b/c', bytes), 'created');
  });

  it('PUB-02: of processes that swap and create at once each loses to another, and no swap is lost', async () => {
    const script = join(import.meta.dirname, '..', 'support', 'store-process.ts');
    const reports = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => {
        const child = spawn(process.execPath, [script, folder, name, '20'], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        const [output, [status]] = await Promise.all([bytesOf(child.stdout), once(child, 'close')]);
        assert.equal(status, 0);
        return JSON.parse(output.toString()) as { readonly swapped: number; readonly created: number };
      }),
    );
    const store = new DirectoryStore(folder);
    const { bytes = new Uint8Array() } = (await store.read('counter', 100)) ?? {};
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    assert.equal(Number(Buffer.from(bytes)), sum(reports.map(({ swapped }) => swapped)));
    assert.equal(sum(reports.map(({ created }) => created)), 20);
    const names: string[] = [];
    for await (const { name } of store.list('each/')) names.push(name);
    assert.equal(names.length, 20);
    assert.deepEqual(await readdir(join(folder, '.tidegate-lock')), []);
  });
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
