/** Releases that are paused, resumed and withdrawn, as hosts with the real client see it; a publisher who dies in between. */
import assert from 'node:assert/strict';
import { steerRelease, type Wish } from '../../src/signer/release/steer-release.ts';
import { readSteering } from '../../src/signer/release/steering-draft.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { ReadableStore, SwappableStore } from '../../src/storage/store.ts';
import { Host } from '../support/jobs.ts';
import type { MemoryFileSystem } from '../support/memory-file-system.ts';
import { StorageReplay } from '../support/storage-replay.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
} from '../support/workspace.ts';

const id = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };

async function contentOf(store: SwappableStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { name } of store.list()) {
    const bytes = (await store.read(name, 1e7))?.bytes ?? new Uint8Array();
    if (name.endsWith('timestamp.json')) await copy.swap(name, bytes, undefined);
    else await copy.create(name, bytes);
  }
  return copy;
}

async function steer(workspace: Workspace, wish: Wish, now: number): Promise<void> {
  await steerRelease(workspace, wish, { now });
  await planAndPublish(workspace, now);
}

describe('releases that are steered under way, as hosts see them', () => {
  let host: Host;
  let store: MemoryStore;
  let workspace: Workspace;

  beforeEach(async () => {
    ({ store, workspace } = await publishedWorkspace());
    await addVersion(workspace, '1.1.0');
    await planAndPublish(workspace, start + hour);
    host = new Host(workspace.roots[0] ?? new Uint8Array());
  });

  afterEach(() => host.end());

  async function offered(from: ReadableStore, seed: number, now: number): Promise<string> {
    host.now = now;
    const client = host.client(from);
    try {
      await client.refresh();
      const fleet = { variant: 'demo', arch: 'x86_64', version: '0.9.0' };
      const choice = await client.choose({ ...fleet, seed, ignoreWaves: false });
      return choice.kind === 'update' ? choice.release.version : choice.reason;
    } finally {
      await client.close();
    }
  }

  it('a pause holds the hosts that wait, from their next check on, and ends with the resumption', async () => {
    const at = start + 37 * hour;
    await steer(workspace, { kind: 'pause', ...id, everyone: false }, at);
    assert.deepEqual(
      [await offered(store, 5, at), await offered(store, 300, at + 2 * day)],
      ['1.1.0', '1.0.0'],
    );
    await steer(workspace, { kind: 'resume', ...id }, at + 3 * day);
    assert.equal(await offered(store, 300, at + 3 * day), '1.0.0');
    assert.equal(await offered(store, 300, at + 3 * day + 12 * hour), '1.1.0');
  });

  it('a withdrawn version is not taken from an older mirror, whose metadata is below the floor', async () => {
    const at = start + 37 * hour;
    const mirror = await contentOf(store);
    assert.equal(await offered(mirror, 5, at), '1.1.0');
    await steer(workspace, { kind: 'withdraw', ...id }, at);
    assert.equal(await offered(store, 5, at), '1.0.0');
    await assert.rejects(offered(mirror, 5, at), { code: 'rollback' });
    assert.equal(await offered(store, 5, at), '1.0.0');
  });

  it('whoever dies while a pause is published: hosts see the plan before or the pause, and trying again ends it', async () => {
    const at = start + 37 * hour;
    await steerRelease(workspace, { kind: 'pause', ...id, everyone: false }, { now: at });
    const disk = workspace.fileSystem as MemoryFileSystem;
    const recorder = new StorageReplay(await contentOf(store));
    await planAndPublish(await open(copyOf(disk), recorder), at);
    const writes = recorder.calls.flatMap(({ call }, index) =>
      call === 'create' || call === 'swap' ? [index] : [],
    );
    for (const cut of writes) {
      for (const after of [false, true]) {
        const [own, copy] = [await contentOf(store), copyOf(disk)];
        const dying = await open(copy, new StorageReplay(own, { cut, after }));
        await assert.rejects(planAndPublish(dying, at));
        const again = await open(copy, own);
        await planAndPublish(again, at + hour);
        assert.deepEqual(await readSteering(again), [], 'nothing waits any more');
        const twice = steerRelease(again, { kind: 'pause', ...id, everyone: false }, { now: at });
        await assert.rejects(twice, { code: 'release-invalid', message: /so already/ });
      }
    }
    assert.ok(writes.length >= 4, `${writes.length} writes`);
  });
});
