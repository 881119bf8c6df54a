/** What a clean-up must leave alone: what others are about to rely on, and what is not this workspace's. */
import assert from 'node:assert/strict';
import { type CollectOptions, collectGarbage } from '../../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../../src/signer/gc/grace.ts';
import { recentSnapshots } from '../../../src/signer/gc/recent-commits.ts';
import { noteMarked, noteRemoving, readSweeps, removalLife } from '../../../src/signer/gc/sweep-note.ts';
import { holdPin, pinLifetime, readPins } from '../../../src/signer/publication/pin.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { resumePublications } from '../../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { FileInfo, SwappableStore } from '../../../src/storage/store.ts';
import { dyingAtCommit, StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

function at(now: number, options: Partial<CollectOptions> = {}): CollectOptions {
  return { now: () => now, settings: defaultGrace, wishes: [], act: true, ...options };
}

const orphan = `targets/${'a'.repeat(64)}.orphan`;

async function exists(store: SwappableStore, name: string): Promise<boolean> {
  return (await store.stat(name)) !== undefined;
}

describe('signer/gc: beside others', () => {
  it('keeps what a repository has pinned that this workspace does not know, as one that is published first', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await store.create(orphan, Buffer.from('an image'));
    const files = new Map([[orphan, { length: 8 }]]);
    await holdPin(store, { repository: 'other/x86_64', plan: 'ab', versions: new Map(), files }, start);
    assert.deepEqual((await collectGarbage(workspace, at(start + hour))).garbage, []);
    await collectGarbage(workspace, at(start + day + hour));
    assert.ok(await exists(store, orphan));
  });

  it('keeps a pin for half its life longer than it says: clocks are apart, and nobody commits by one that ran out', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await refreshRepositories(workspace, { now: start + 6 * day, unlock });
    await store.create(orphan, Buffer.from('an image'));
    const files = new Map([[orphan, { length: 8 }]]);
    await holdPin(store, { repository: 'metadata', plan: 'ab', versions: new Map(), files }, start);
    assert.deepEqual((await collectGarbage(workspace, at(start + 10 * day))).garbage, []);
    assert.equal((await collectGarbage(workspace, at(start + 11 * day))).garbage.length, 1);
  });

  it('keeps what a first publication lists that waits for its commit', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const dying = dyingAtCommit(store);
    await assert.rejects(planAndPublish({ ...workspace, store: dying }, start), /died/);
    const { garbage } = await collectGarbage(workspace, at(start + 60 * day, { act: false }));
    assert.deepEqual(garbage, []);
  });

  it('of two clean-ups that take a note at the same moment one has it', async () => {
    const store = new MemoryStore();
    await noteMarked(store, [{ name: orphan, etag: 'one', length: 8 }], start);
    const [sweep = assert.fail()] = await readSweeps(store);
    assert.ok(await noteRemoving(store, sweep, sweep.files, start + day));
    assert.equal(await noteRemoving(store, sweep, sweep.files, start + day), undefined);
  });

  it('whoever finishes what others began pins it too, and passes no clean-up', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    let dead = false;
    let pins = 0;
    const dying = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call !== 'swap' || !name.endsWith('timestamp.json')) return;
        if (dead) pins = (await readPins(store, start + 3 * day)).length;
        if (!dead) throw new Error('died');
      },
    });
    const here = { ...workspace, store: dying };
    await assert.rejects(planAndPublish(here, start), /died/);
    dead = true;
    for await (const { name, etag } of store.list('.publish/metadata/plans/')) await store.remove(name, etag);
    await resumePublications(here, { now: start + 3 * day });
    assert.equal(pins, 1);
    assert.deepEqual(await readPins(store, start + 3 * day), []);
  });

  it('nobody finishes upon files that a clean-up is just removing', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const dying = dyingAtCommit(store);
    await assert.rejects(planAndPublish({ ...workspace, store: dying }, start), /died/);
    const files: FileInfo[] = [];
    for await (const file of store.list('targets/')) files.push(file);
    await noteMarked(store, files, start);
    const [sweep = assert.fail()] = await readSweeps(store);
    await noteRemoving(store, sweep, files, start + day);
    await assert.rejects(resumePublications(workspace, { now: start + day }), { code: 'locked' });
    await resumePublications(workspace, { now: start + day + removalLife });
    assert.ok(await exists(store, 'metadata/timestamp.json'));
  });

  it('holds the pin by the clock of the moment, however long an upload takes', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await addVersion(workspace, '1.1.0');
    let now = start + hour;
    let left = 0;
    const slow = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call === 'create' && name.startsWith('targets/')) now += 3 * day;
        if (call !== 'swap' || !name.endsWith('timestamp.json')) return;
        const [pin] = await readPins(store, now);
        left = (pin?.expiresAt ?? 0) - now;
      },
    });
    const plan = await planPublication(workspace, { now });
    await publish({ ...workspace, store: slow }, plan, { now, clock: () => now, unlock });
    assert.ok(now - start >= 6 * day);
    assert.ok(left >= pinLifetime / 2, `${left / day} days`);
  });

  it('a publisher that slept until its pin ran out does not commit', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await addVersion(workspace, '1.1.0');
    let now = start + hour;
    const asleep = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call === 'create' && name.startsWith('.publish/metadata/prepared/')) now += 4 * day;
      },
    });
    const plan = await planPublication(workspace, { now });
    const here = { ...workspace, store: asleep };
    await assert.rejects(publish(here, plan, { now, clock: () => now, unlock }), { code: 'too-slow' });
    const { signed } = JSON.parse(
      Buffer.from((await store.read('metadata/timestamp.json', 1e6))?.bytes ?? []).toString(),
    );
    assert.equal(signed.version, 1);
    await planAndPublish(workspace, now);
  });

  it('never touches another repository, wherever in the bucket it lies', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    const theirs = `targets/fleet/targets/${'b'.repeat(64)}.img`;
    await store.create('targets/fleet/metadata/timestamp.json', Buffer.from('{}'));
    await store.create(theirs, Buffer.from('theirs'));
    await assert.rejects(collectGarbage(workspace, at(start + hour)), { code: 'workspace-invalid' });
    assert.ok(await exists(store, theirs));
  });

  it('never touches files that no publication writes', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    const names = [
      'README.md',
      'targets/notes.txt',
      `targets/${'A'.repeat(64)}.img`,
      `elsewhere/${'a'.repeat(64)}.img`,
      'metadata/1.strange.json',
      'metadata/9.targets.json',
      'metadata/01.targets.json',
      'metadata/1.root.json.bak',
      'targets/1.root.json',
      'ünïcode/1.targets.json',
    ];
    for (const name of names) await store.create(name, Buffer.from(name));
    assert.deepEqual((await collectGarbage(workspace, at(start + hour))).garbage, []);
  });

  it('removes only the file that was marked: what came there meanwhile stays', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await store.create(orphan, Buffer.from('an image'));
    await collectGarbage(workspace, at(start + hour));
    const replaced = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call !== 'remove' || name !== orphan) return;
        await store.remove(orphan, (await store.stat(orphan))?.etag ?? '');
        await store.create(orphan, Buffer.from('another one'));
      },
    });
    const { removed } = await collectGarbage({ ...workspace, store: replaced }, at(start + day + hour));
    assert.deepEqual([removed, await exists(store, orphan)], [[], true]);
    // The next run sees beforehand that it is another one, and marks that.
    await collectGarbage(workspace, at(start + day + 2 * hour));
    await store.remove(orphan, (await store.stat(orphan))?.etag ?? '');
    await store.create(orphan, Buffer.from('a third one'));
    const { spared } = await collectGarbage(workspace, at(start + 2 * day + 2 * hour));
    assert.deepEqual([spared, await exists(store, orphan)], [[orphan], true]);
  });

  it('a mark that could not be swapped is never written: long names come in several', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    const long = `${'ü'.repeat(100)}/${'ü'.repeat(100)}`;
    for (let index = 0; index < 3000; index += 1)
      await store.create(
        `targets/${long}/${index.toString(16).padStart(64, '0')}.img`,
        Buffer.from(String(index)),
      );
    let left = 3000;
    for (let run = 1; run <= 4 && left > 0; run += 1) {
      left -= (await collectGarbage(workspace, at(start + hour + run * day))).removed.length;
      await refreshRepositories(workspace, { now: start + hour + run * day, unlock });
    }
    assert.equal(left, 0);
  });

  it('does not act by a clock at which the published timestamp has expired, and says so', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await store.create(orphan, Buffer.from('an image'));
    const ahead = at(start + 8 * day);
    await assert.rejects(collectGarbage(workspace, ahead), { code: 'expired' });
    assert.equal((await collectGarbage(workspace, { ...ahead, act: false })).garbage.length, 1);
    assert.deepEqual(await readSweeps(store), []);
  });

  it('does not look by a clock that the store or the workspace contradicts', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await store.create(orphan, Buffer.from('an image'));
    const timed = Object.assign(new StorageReplay(store), { storeTime: async () => start + hour });
    const minute = hour / 60;
    for (const now of [start + hour - 6 * minute, start + hour + 6 * minute, start + 3 * day])
      await assert.rejects(collectGarbage({ ...workspace, store: timed }, at(now)), { code: 'clock-skewed' });
    await assert.rejects(collectGarbage(workspace, at(start - 6 * minute)), { code: 'clock-behind' });
    assert.equal((await collectGarbage({ ...workspace, store: timed }, at(start + hour))).marked.length, 1);
  });

  it('does not act where a list does not show what was just written', async () => {
    const store = new MemoryStore();
    const { workspace } = await publishedWorkspace(store);
    await store.create(orphan, Buffer.from('an image'));
    await collectGarbage(workspace, at(start + hour));
    const seen = new Set<string>();
    for await (const { name } of store.list()) seen.add(name);
    const stale = new Proxy(store, {
      get(target, member) {
        if (member === 'list')
          return async function* (prefix?: string) {
            for await (const file of target.list(prefix)) if (seen.has(file.name)) yield file;
          };
        const value: unknown = Reflect.get(target, member, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await refreshRepositories(workspace, { now: start + 2 * day, unlock });
    for await (const { name } of store.list()) seen.add(name);
    await assert.rejects(collectGarbage({ ...workspace, store: stale }, at(start + 2 * day)), {
      code: 'store-unsupported',
    });
    assert.ok(await exists(store, orphan));
  });

  it('a commit that a clock behind has dated too early shortens nothing', () => {
    const commit = (version: number, days: number, expires = days + 7) => ({
      ...{ version, snapshot: version, sha256: '', time: start + days * day },
      expires: start + expires * day,
    });
    const commits = [commit(1, 100), commit(2, 10), commit(3, 101)];
    const { snapshots } = recentSnapshots(commits, 3, start + 71 * day, start + 101 * day);
    assert.deepEqual(snapshots, new Set([3, 2, 1]));
  });

  it('what an old timestamp lists stays for as long as that one is valid', () => {
    const commit = (version: number, days: number, expires: number) => ({
      ...{ version, snapshot: version, sha256: '', time: start + days * day },
      expires: start + expires * day,
    });
    const commits = [commit(1, 0, 365), commit(2, 1, 8), commit(3, 2, 9), commit(4, 60, 67)];
    const { snapshots } = recentSnapshots(commits, 4, start + 31 * day, start + 61 * day);
    assert.deepEqual(snapshots, new Set([4, 3, 1]));
  });
});
