/**
 * A publisher to a bucket is killed before and after each write: hosts see old or new, and publishing again ends it.
 * TIDEGATE_CRASHES=all kills it at every call, reads too.
 */
import assert from 'node:assert/strict';
import { repositoryFolders } from '../../../src/metadata/repository-layout.ts';
import { readerOf, readRepository } from '../../../src/signer/publication/repository-reader.ts';
import { trustPolicyAt } from '../../../src/signer/workspace/roots.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { S3Store } from '../../../src/storage/s3.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { withS3 } from '../../support/s3-scene.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import { copyFiles } from '../../support/stored-files.ts';
import {
  addVersion,
  copyOf,
  hour,
  open,
  planAndPublish,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

const folders = repositoryFolders('single', { variant: 'demo', arch: 'x86_64' });
const later = start + hour;

async function see(store: SwappableStore, anchor: Uint8Array) {
  const request = { folders, anchor, policy: trustPolicyAt(later), floors: noFloors };
  const { set, manifest } = await readRepository(readerOf(store), request);
  return { version: set.timestamp?.document.version ?? 0, releases: manifest.updates.length };
}

async function remove(store: S3Store): Promise<void> {
  for await (const { name, etag } of store.list()) await store.remove(name, etag);
}

describe('publishing to a bucket: crashes', () => {
  it('PUB-01: killed before and after each write, hosts see old or new, and the next run ends it', async () => {
    const memory = new MemoryStore();
    const disk = await workspaceDisk();
    const first = await open(disk, memory);
    await addVersion(first, '1.0.0');
    await planAndPublish(first, start);
    await addVersion(first, '1.1.0');
    const [anchor = new Uint8Array()] = first.roots;
    await withS3({ shownTime: () => later }, async ({ store }) => {
      const prepare = async () => {
        await remove(store);
        await copyFiles(memory, store);
        return { ...first, fileSystem: copyOf(disk) };
      };
      const recorder = new StorageReplay(store);
      await planAndPublish({ ...(await prepare()), store: recorder }, later);
      const isCut = (call: string): boolean =>
        process.env.TIDEGATE_CRASHES === 'all' || ['create', 'swap'].includes(call);
      const cuts = [...recorder.calls.entries()].filter(([, { call }]) => isCut(call));
      assert.ok(cuts.length >= 8, `${cuts.length} writes`);
      // Before a write is after the one before it: only the commit has a before of its own.
      for (const [index, { call, name }] of cuts) {
        const where = `${call} ${name}`;
        for (const after of call === 'swap' ? [false, true] : [true]) {
          const workspace = await prepare();
          const dying = new StorageReplay(store, { cut: index, after });
          await planAndPublish({ ...workspace, store: dying }, later).catch(() => undefined);
          const { version, releases } = await see(store, anchor);
          assert.ok(version === releases && (version === 1 || version === 2), where);
          await planAndPublish({ ...workspace, store }, later + 1000);
          assert.deepEqual(await see(store, anchor), { version: 2, releases: 2 }, where);
          assert.equal(
            await store.stat('metadata/3.targets.json'),
            undefined,
            `${where}: with the bytes that were signed`,
          );
        }
      }
    });
  }).timeout(120_000);
});
