import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { writeDurably } from '../../src/storage/durable-file.ts';
import { contentOfFile, hashFile } from '../../src/storage/file-content.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';

describe('contents of files', () => {
  const bytes = randomBytes(5_000_001);
  const prepare = async (): Promise<MemoryFileSystem> => {
    const fs = new MemoryFileSystem();
    await writeDurably(fs, '/image', bytes);
    return fs;
  };

  it('are hashed in one pass, and stored as they were hashed', async () => {
    const fs = await prepare();
    const seen: number[] = [];
    const stated = await hashFile(fs, '/image', { progress: (count) => seen.push(count) });
    assert.deepEqual(stated, {
      length: bytes.byteLength,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    assert.equal(seen.at(-1), bytes.byteLength);
    const store = new DirectoryStore('/srv', { fs });
    assert.equal(await store.create('image', contentOfFile(fs, '/image', stated)), 'created');
    assert.equal(fs.openHandles, 0);
  });

  it('are refused when the file has changed since', async () => {
    const fs = await prepare();
    const stated = await hashFile(fs, '/image');
    const changed = new Uint8Array(bytes);
    changed[4_000_000] = (changed[4_000_000] ?? 0) ^ 1;
    const store = new DirectoryStore('/srv', { fs });
    for (const [other, code] of [
      [changed, 'hash-mismatch'],
      [bytes.subarray(1), 'length-mismatch'],
      [Buffer.concat([bytes, bytes]), 'length-mismatch'],
    ] as const) {
      await writeDurably(fs, '/image', other);
      await assert.rejects(store.create('image', contentOfFile(fs, '/image', stated)), { code });
    }
    assert.equal(await store.stat('image'), undefined);
    assert.equal(fs.openHandles, 0);
  });

  it('are not found, or cancelled, by code', async () => {
    const fs = await prepare();
    await assert.rejects(hashFile(fs, '/none'), { code: 'not-found' });
    await assert.rejects(hashFile(fs, '/image', { signal: AbortSignal.abort() }), { code: 'cancelled' });
    assert.equal(fs.openHandles, 0);
  });
});
