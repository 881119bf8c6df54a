import assert from 'node:assert/strict';
import { type CollectOptions, collectGarbage } from '../../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../../src/signer/gc/grace.ts';
import { listedBy } from '../../../src/signer/gc/listed-names.ts';
import { readSweeps, removalLife } from '../../../src/signer/gc/sweep-note.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addTarget, removeTarget } from '../../../src/signer/release/add-target.ts';
import { regardlessOfExpiry } from '../../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { trustRoot } from '../../../src/trust/trusted-set.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { replacing } from '../../support/publishing-actors.ts';
import { everyStorageCut, StorageReplay } from '../../support/storage-replay.ts';
import { copyOfStore, namesOf } from '../../support/stored-files.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const old = 'a file that is taken away';

/** What a collection is asked for, by default at one time. */
function at(now: number, options: Partial<CollectOptions> = {}): CollectOptions {
  return { now: () => now, settings: defaultGrace, wishes: [], act: true, ...options };
}

interface Scene {
  readonly disk: MemoryFileSystem;
  readonly store: MemoryStore;
}

let made: Promise<Scene> | undefined;

/** A target was listed on the first day and taken away on the second; a week later there is another release. */
async function scene(): Promise<Scene> {
  made ??= makeScene();
  const { disk, store } = await made;
  return { disk: copyOf(disk), store: await copyOfStore(store) };
}

async function makeScene(): Promise<Scene> {
  const disk = await workspaceDisk();
  const store = new MemoryStore();
  const workspace = await open(disk, store);
  await addVersion(workspace, '1.0.0');
  await addTarget(workspace, { path: await putFile(disk, '/images/old.bin', old) });
  await planAndPublish(workspace, start);
  await removeTarget(workspace, { name: 'old.bin' });
  await planAndPublish(workspace, start + day);
  for (let week = 1; week < 10; week += 1)
    await refreshRepositories(workspace, { now: start + day + week * 6 * day, unlock, force: true });
  return { disk, store };
}

async function everythingListed(workspace: Workspace): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const place of repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, place);
    const roots = live.roots.map((bytes) => trustRoot(bytes, regardlessOfExpiry, noFloors).root.document);
    const listing = { store: workspace.store, place, roots, known: new Map() };
    const version = live.published?.snapshot.version ?? 0;
    for (const name of (await listedBy(listing, version)).names) names.add(name);
  }
  return names;
}

async function isWhole(workspace: Workspace): Promise<void> {
  const names = await namesOf(workspace.store);
  for (const name of await everythingListed(workspace)) assert.ok(names.includes(name), name);
}

describe('signer/gc: collect', () => {
  it('removes what was replaced, a day after it was marked, and never before the grace is over', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    const target = (await namesOf(store, 'targets/')).find((name) => name.endsWith('.old.bin'));
    const settings = { ...defaultGrace, grace: 55 * day + hour };
    const early = await collectGarbage(workspace, at(start + 56 * day, { settings }));
    assert.deepEqual([early.garbage, early.marked], [[], []]);
    const first = await collectGarbage(workspace, at(start + 56 * day));
    assert.deepEqual(first.removed, []);
    assert.ok(first.marked.some(({ name }) => name === target));
    const soon = await collectGarbage(workspace, at(start + 57 * day - hour));
    assert.deepEqual([soon.removed, soon.marked], [[], []]);
    assert.equal(soon.waiting.length, first.marked.length);
    const second = await collectGarbage(workspace, at(start + 57 * day));
    assert.deepEqual(
      new Set(second.removed.map(({ name }) => name)),
      new Set(first.marked.map(({ name }) => name)),
    );
    assert.ok(!(await namesOf(store)).includes(target ?? ''));
    assert.deepEqual(await readSweeps(store), []);
    await isWhole(workspace);
    const third = await collectGarbage(workspace, at(start + 58 * day));
    assert.deepEqual(
      third.garbage.filter(({ name }) => second.removed.some((file) => file.name === name)),
      [],
    );
  });

  it('writes nothing unless it is told to act', async () => {
    const { disk, store } = await scene();
    const recorder = new StorageReplay(store);
    const found = await collectGarbage(await open(disk, recorder), at(start + 56 * day, { act: false }));
    assert.ok(found.marked.length > 0);
    assert.deepEqual(recorder.writes, []);
  });

  it('PUB-18: every root stays, and the last line of defence is in the code', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    const recorder = new StorageReplay(store);
    for (let days = 56; days < 60; days += 1)
      await collectGarbage({ ...workspace, store: recorder }, at(start + days * day));
    assert.ok(recorder.writes.some(({ call, name }) => call === 'remove' && name.startsWith('metadata/')));
    assert.ok(!recorder.writes.some(({ name }) => name.includes('root.json')));
  });

  it('spares what is listed again between mark and removal', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    const { marked } = await collectGarbage(workspace, at(start + 56 * day));
    await addTarget(workspace, { path: '/images/old.bin' });
    await planAndPublish(workspace, start + 56 * day + hour);
    const { removed, spared } = await collectGarbage(workspace, at(start + 57 * day + hour));
    const target = marked.find(({ name }) => name.endsWith('.old.bin'))?.name ?? '';
    assert.ok(spared.includes(target));
    assert.ok(!removed.some(({ name }) => name === target));
    await isWhole(workspace);
  });

  it('spares what a publication has pinned, and refuses a publication for what it is just removing', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    await collectGarbage(workspace, at(start + 56 * day));
    const other = await open(copyOf(disk), store);
    await addTarget(other, { path: '/images/old.bin' });
    const plan = await planPublication(other, { now: start + 57 * day });
    // The whole publication, but for its commit, happens just after the note says `removing`.
    let refused: unknown;
    const replay = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call !== 'remove' || !name.startsWith('metadata/') || refused !== undefined) return;
        refused = await publish(other, plan, { now: start + 57 * day, unlock }).catch(
          (error: unknown) => error,
        );
      },
    });
    const { removed } = await collectGarbage({ ...workspace, store: replay }, at(start + 57 * day));
    assert.equal((refused as { code?: string } | undefined)?.code, 'locked');
    assert.ok(removed.some(({ name }) => name.endsWith('.old.bin')));
    await publish(other, plan, { now: start + 57 * day, unlock });
    await isWhole(other);
  });

  it('keeps what people keep', async () => {
    const { disk, store } = await scene();
    const { marked } = await collectGarbage(
      await open(disk, store),
      at(start + 56 * day, { wishes: ['targets/*'] }),
    );
    assert.ok(marked.length > 0);
    assert.ok(!marked.some(({ name }) => name.startsWith('targets/')));
  });

  it('refuses everything when one repository cannot be read, or is a stranger', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    await store.create('elsewhere/x86_64/timestamp.json', Buffer.from('{}'));
    await assert.rejects(collectGarbage(workspace, at(start + 56 * day)), { code: 'workspace-invalid' });
    const damagedScene = await scene();
    const damaged = await open(damagedScene.disk, damagedScene.store);
    const snapshot = (await readLive(damaged, repositoriesOf(damaged.settings)[0] ?? assert.fail())).published
      ?.snapshot;
    const name = `metadata/${snapshot?.version}.snapshot.json`;
    await damaged.store.remove(name, (await damaged.store.stat(name))?.etag ?? '');
    await assert.rejects(collectGarbage(damaged, at(start + 56 * day)), { code: 'not-found' });
  });

  it('refuses where neither journal nor store tells how old something is', async () => {
    const { disk, store } = await scene();
    for await (const { name, etag } of store.list('.publish/metadata/journal/'))
      await store.remove(name, etag);
    const workspace = await open(disk, store);
    await assert.rejects(collectGarbage(workspace, at(start + 56 * day)), { code: 'store-unsupported' });
  });

  it('the grace covers timestamps that are valid for longer', async () => {
    const { disk, store } = await scene();
    const settings = { ...defaultGrace, grace: 6 * day, mirrorInterval: day };
    await assert.rejects(collectGarbage(await open(disk, store), at(start + 56 * day, { settings })), {
      code: 'usage',
    });
  });

  it('removes nothing after a sleep between its last look at the clock and the request', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    const { marked } = await collectGarbage(workspace, at(start + 56 * day));
    let now = start + 57 * day;
    const remove: SwappableStore['remove'] = async (name, etag, options) => {
      now += removalLife;
      return await store.remove(name, etag, options);
    };
    const asleep = { ...workspace, store: replacing(store, { remove }) };
    await assert.rejects(collectGarbage(asleep, { ...at(now), now: () => now }), { code: 'too-slow' });
    const left = await namesOf(store);
    assert.deepEqual(
      marked.filter(({ name }) => !left.includes(name)),
      [],
    );
  });

  it('stops removing when too much time has passed since pins were read; a later run finishes', async () => {
    const { disk, store } = await scene();
    const workspace = await open(disk, store);
    const { marked } = await collectGarbage(workspace, at(start + 56 * day));
    let now = start + 57 * day;
    const slow = { ...at(now), now: () => (now += 4 * 60_000) };
    await assert.rejects(collectGarbage(workspace, slow), { code: 'too-slow' });
    assert.equal((await readSweeps(store))[0]?.state, 'removing');
    const meanwhile = await collectGarbage(workspace, at(now));
    assert.deepEqual(meanwhile.removed, []);
    await collectGarbage(workspace, at(now + removalLife));
    const left = await namesOf(store);
    assert.deepEqual(
      marked.filter(({ name }) => left.includes(name)),
      [],
    );
    await isWhole(workspace);
  });

  it('PUB-01: dies at any call of either phase, and the next run finishes; nothing that is listed is ever gone', async () => {
    const base = await scene();
    await collectGarbage(await open(base.disk, base.store), at(start + 56 * day));
    const expected = await copyOfStore(base.store);
    const work = async (store: SwappableStore): Promise<void> => {
      const workspace = await open(base.disk, store);
      await collectGarbage(workspace, at(start + 57 * day));
    };
    await work(expected);
    const calls = await everyStorageCut(
      () => copyOfStore(base.store),
      work,
      async (store) => {
        const workspace = await open(base.disk, store);
        await isWhole(workspace);
        const { spared } = await collectGarbage(workspace, at(start + 57 * day + removalLife));
        assert.deepEqual(spared, []);
        const names = async (from: SwappableStore) =>
          (await namesOf(from)).filter((name) => !name.startsWith('.publish/'));
        assert.deepEqual(await names(store), await names(expected));
      },
    );
    assert.ok(calls > 20);
  }).timeout(60_000);
});
