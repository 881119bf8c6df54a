import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { openDemoFolder } from '../../scripts/demo/demo-folder.ts';
import { filledUp } from '../../scripts/demo/filling.ts';
import { fingerprint } from '../../scripts/demo/fingerprint.ts';
import { startHostileProxy } from '../../scripts/demo/hostile-proxy.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('demo/filling', () => {
  const text = Buffer.from('an image '.repeat(50));
  it('gives an image the length of another, and it still means the same', () => {
    for (const length of [1000, 70_000]) {
      const zstd = filledUp(zstdCompressSync(text), length, 'a.img.zst');
      const gzip = filledUp(gzipSync(text), length, 'a.img.gz');
      const plain = filledUp(text, length, 'a.img');
      for (const filled of [zstd, gzip, plain]) assert.equal(filled.byteLength, length);
      assert.ok(zstdDecompressSync(zstd).equals(text));
      assert.ok(gunzipSync(gzip).equals(text));
      assert.ok(Buffer.from(plain.subarray(0, text.byteLength)).equals(text));
    }
    assert.equal(filledUp(text, 10, 'a.img').byteLength, 10);
  });
});

describe('demo/hostile-proxy', () => {
  it('passes the truth through, ranges too, and lies when told to', async () => {
    const truth = createServer((request, response) => {
      const ranged = request.headers.range === 'bytes=2-';
      response.writeHead(request.url === '/file' ? (ranged ? 206 : 200) : 404, { etag: '"one"' });
      response.end(ranged ? 'uth' : 'truth');
    });
    truth.listen(0, '127.0.0.1');
    await once(truth, 'listening');
    const address = truth.address();
    assert.ok(typeof address === 'object' && address !== null);
    const proxy = await startHostileProxy(`http://127.0.0.1:${address.port}`);
    try {
      const honest = await fetch(`${proxy.url}/file`);
      assert.deepEqual([honest.status, honest.headers.get('etag')], [200, '"one"']);
      assert.equal(await honest.text(), 'truth');
      const rest = await fetch(`${proxy.url}/file`, { headers: { range: 'bytes=2-' } });
      assert.deepEqual([rest.status, await rest.text()], [206, 'uth']);
      assert.equal((await fetch(`${proxy.url}/other`)).status, 404);
      assert.equal(proxy.lies, 0);
      proxy.behaviour = async (path, fetchTruth) =>
        path === 'file' ? { body: [(await fetchTruth()).subarray(1)], length: 4 } : undefined;
      assert.equal(await (await fetch(`${proxy.url}/file`)).text(), 'ruth');
      assert.equal(proxy.lies, 1);
    } finally {
      await proxy.close();
      truth.closeAllConnections();
      truth.close();
    }
  });
});

describe('demo/fingerprint', () => {
  it('changes with everything that counts, and with nothing else', async () => {
    const write = (name: string, text: string): void => {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    };
    write('state/repository/floors.json', '{}');
    write('slots/boot-flags.json', '{}');
    write('slots/slot-a/content.json', '{}');
    write('slots/slot-a/image.img', 'runs');
    const first = await fingerprint(folder);
    write('state/agent/agent.json', 'a refusal');
    write('slots/slot-b/image.img', 'half of something that nothing vouches for');
    assert.equal(await fingerprint(folder), first);
    for (const [name, text] of [
      ['slots/slot-b/content.json', '{}'],
      ['slots/slot-a/image.img', 'rins'],
      ['slots/boot-flags.json', '{"b":1}'],
      ['state/repository/floors.json', '{"a":1}'],
      ['state/repository/new.json', ''],
    ] as const) {
      const before = await fingerprint(folder);
      write(name, text);
      assert.notEqual(await fingerprint(folder), before, name);
    }
  });
});

describe('demo/demo-folder', () => {
  it('takes a new or empty folder, and its own again, emptied', () => {
    const path = join(folder, 'demo');
    const first = openDemoFolder(path);
    writeFileSync(join(first.images, 'leftover'), '');
    first.finish();
    const second = openDemoFolder(path);
    assert.throws(() => rmSync(join(second.images, 'leftover')), { code: 'ENOENT' });
    second.remove();
    assert.throws(() => rmSync(path), { code: 'ENOENT' });
    mkdirSync(path);
    openDemoFolder(path).remove();
  });

  it('refuses what it did not make, and changes nothing there', () => {
    const path = join(folder, 'mine');
    mkdirSync(path);
    writeFileSync(join(path, 'thesis.txt'), 'years of work');
    assert.throws(() => openDemoFolder(path), { code: 'workspace-exists' });
    rmSync(join(path, 'thesis.txt'));
    symlinkSync(path, join(folder, 'link'));
    assert.throws(() => openDemoFolder(join(folder, 'link')), { code: 'workspace-exists' });
    writeFileSync(join(folder, 'file'), '');
    assert.throws(() => openDemoFolder(join(folder, 'file')), { code: 'workspace-exists' });
  });

  it('keeps out of a folder in which another demo is at work', () => {
    const path = join(folder, 'busy');
    openDemoFolder(path);
    writeFileSync(join(path, '.tidegate-demo'), JSON.stringify({ processId: process.ppid }));
    assert.throws(() => openDemoFolder(path), { code: 'locked' });
    writeFileSync(join(path, '.tidegate-demo'), JSON.stringify({ processId: 2 ** 30 }));
    openDemoFolder(path);
  });
});
