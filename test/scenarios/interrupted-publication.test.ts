/** A publisher dies at every call to the store, and at every call to its own disk: what hosts see, and what comes of trying again. */
import assert from 'node:assert/strict';
import { metadataName, repositoryFolders } from '../../src/metadata/repository-layout.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { targetOf } from '../../src/metadata/targets.ts';
import { type Plan, planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { readerOf, readRepository } from '../../src/signer/publication/repository-reader.ts';
import { statusOf } from '../../src/signer/status.ts';
import { trustPolicyAt } from '../../src/signer/workspace/roots.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import { type Floors, noFloors } from '../../src/trust/floors.ts';
import { FileSystemReplay } from '../support/file-system-replay.ts';
import { MemoryFileSystem, type PowerCut, powerCuts } from '../support/memory-file-system.ts';
import { everyStorageCut, StorageReplay } from '../support/storage-replay.ts';
import { copyFiles, copyOfStore } from '../support/stored-files.ts';
import {
  addVersion,
  copyOf,
  directory,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../support/workspace.ts';

const later = start + hour;
const folders = repositoryFolders('single', { variant: 'demo', arch: 'x86_64' });

interface Seen {
  readonly timestamp: number;
  readonly releases: readonly string[];
  readonly floors: Floors;
}

/** What a host sees; every image of the manifest must be there, whole. */
async function see(store: SwappableStore, anchor: Uint8Array, floors: Floors): Promise<Seen> {
  const request = { folders, anchor, policy: trustPolicyAt(later), floors };
  const { set, manifest } = await readRepository(readerOf(store), request);
  const document = set.targets.get('targets')?.document;
  for (const path of manifest.updates.flatMap((update) => Object.values(update.images))) {
    const target = document && targetOf(document, parseTargetPath(path));
    const file = await store.stat(`targets/${target?.hashes.sha256}.${path}`);
    assert.equal(file?.length, target?.length, path);
  }
  const releases = manifest.updates.map((update) => update.version);
  return { timestamp: set.timestamp?.document.version ?? 0, releases, floors: set.floors };
}

interface Before<S extends SwappableStore> {
  readonly store: S;
  readonly disk: MemoryFileSystem;
  readonly anchor: Uint8Array;
  readonly old: Seen;
}

/** Version 1.0.0 published, 1.1.0 and 1.2.0 waiting. */
async function publishFirst<S extends SwappableStore>(store: S): Promise<Before<S>> {
  const disk = await workspaceDisk();
  const workspace = await open(disk, store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.1.0');
  await addVersion(workspace, '1.2.0');
  const [anchor = new Uint8Array()] = workspace.roots;
  return { store, disk, anchor, old: await see(store, anchor, noFloors) };
}

/** As `publishFirst`, in the same state each time. */
function prepared(): () => Promise<Before<MemoryStore>> {
  let first: Promise<Before<MemoryStore>> | undefined;
  return async () => {
    first ??= publishFirst(new MemoryStore());
    const { store, disk, anchor, old } = await first;
    return { store: await copyOfStore(store), disk: copyOf(disk), anchor, old };
  };
}

function assertOldOrNew(seen: Seen, old: Seen, where: string): void {
  const expected = seen.timestamp === old.timestamp ? ['1.0.0'] : ['1.0.0', '1.1.0', '1.2.0'];
  assert.deepEqual(seen.releases, expected, where);
}

function replays(title: string, prepare: () => Promise<Before<SwappableStore>>): void {
  it(`PUB-01: ${title}: after a crash at any call hosts see old or new, and publishing again ends it`, async () => {
    let before = await prepare();
    const calls = await everyStorageCut(
      async () => {
        before = await prepare();
        return before.store;
      },
      async (store) => await planAndPublish(await open(before.disk, store), later),
      async (store, where) => await checkAndMend(before, store, where),
    );
    assert.ok(calls > 20, `${calls} calls`);
  }).timeout(60_000);
}

async function checkAndMend(
  { anchor, old, disk }: Before<SwappableStore>,
  store: SwappableStore,
  where: string,
): Promise<void> {
  assertOldOrNew(await see(store, anchor, noFloors), old, `${where}: a fresh host`);
  assertOldOrNew(await see(store, anchor, old.floors), old, `${where}: a host of the old state`);
  await planAndPublish(await open(disk, store), later + 1000);
  const end = await see(store, anchor, old.floors);
  assert.deepEqual(end.releases, ['1.0.0', '1.1.0', '1.2.0'], where);
  assert.equal(end.timestamp, old.timestamp + 1, `${where}: one step, whatever happened in between`);
  const [status] = await statusOf(await open(disk, store), { now: later + 1000 });
  assert.deepEqual([status?.drafts, status?.interrupted, status?.next], [[], false, undefined], where);
  const burned = await store.stat(metadataName(folders, 'targets', 3));
  assert.equal(burned, undefined, `${where}: finished with the bytes that were signed`);
}

describe('an interrupted publication', () => {
  const prepare = prepared();

  replays('memory', prepare);

  replays('directory', async () => {
    const { store, disk, anchor, old } = await prepare();
    const fs = new MemoryFileSystem();
    const copy = new DirectoryStore('/store', { fs });
    await copyFiles(store, copy);
    return { store: new DirectoryStore('/store', { fs: copyOf(fs) }), disk, anchor, old };
  });

  it('PUB-01: the order is pin, images, targets, snapshot, roots, timestamp.json, and what ends it', async () => {
    const store = new StorageReplay(new MemoryStore());
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    assert.deepEqual(
      store.writes.map(({ call, name }) => `${call} ${name.replace(/[0-9a-f]{64}/, 'HASH')}`),
      [
        'create .publish/metadata/plans/HASH.json',
        'create targets/HASH.os-demo-x86_64-1.0.0.img',
        'create targets/HASH.manifest.json',
        'create .publish/metadata/plans/HASH.json',
        'create metadata/1.targets.json',
        'create metadata/1.snapshot.json',
        'create metadata/1.root.json',
        'create .publish/metadata/prepared/HASH.json',
        'swap metadata/timestamp.json',
        'create .publish/metadata/journal/1.json',
        'remove .publish/metadata/plans/HASH.json',
        'remove .publish/metadata/prepared/HASH.json',
      ],
    );
  });

  it('PUB-03: a reply that is lost, of any call, costs another run at most', async () => {
    const { store: good, disk: goodDisk } = await prepare();
    const recorder = new StorageReplay(good);
    await planAndPublish(await open(goodDisk, recorder), later);
    const error = Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' });
    for (const index of recorder.calls.keys()) {
      const { store, disk, anchor, old } = await prepare();
      const faulty = new StorageReplay(store, { lostReply: { index, error } });
      await planAndPublish(await open(disk, faulty), later).catch((caught) => assert.equal(caught, error));
      await planAndPublish(await open(disk, store), later + 1000);
      assert.equal((await see(store, anchor, old.floors)).timestamp, old.timestamp + 1, `call ${index}`);
    }
  });

  it("PUB-27: power fails at any write to the publisher's disk: publishing again ends it", async () => {
    const { store, disk } = await prepare();
    const plan = await planPublication(await open(disk, store), { now: later });
    const recorder = new FileSystemReplay(disk);
    await publish(await open(recorder, store), plan, { now: later, unlock });
    const writes = recorder.calls.flatMap(({ call }, index) => (isWrite(call) ? [index] : []));
    assert.ok(writes.length > 10, `${writes.length} writes`);
    for (const [turn, cut] of writes.entries())
      await dieAndMend(plan, cut, powerCuts[turn % powerCuts.length]);
  }).timeout(30_000);

  async function dieAndMend(plan: Plan, cut: number, lost: PowerCut | undefined): Promise<void> {
    const { store, disk, anchor } = await prepare();
    await open(new FileSystemReplay(disk, { cut }), store)
      .then((workspace) => publish(workspace, plan, { now: later, unlock }))
      .catch(() => undefined);
    const mended = lost === undefined ? disk : disk.powerCut(lost);
    await planAndPublish(await open(mended, store), later + 1000);
    const end = await see(store, anchor, noFloors);
    assert.deepEqual([end.releases.length, end.timestamp], [3, 2], `cut at ${cut}`);
  }

  it('a plan that is published twice is published once', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const { plan, result } = await planAndPublish(workspace, start);
    const again = await publish(workspace, plan, { now: start + 1, unlock });
    assert.deepEqual(again.repositories[0]?.versions, result.repositories[0]?.versions);
    assert.equal(again.repositories[0]?.written, 0);
  });

  it('what was signed is published without the keys, once the connection is back', async () => {
    const good = await prepare();
    const recorder = new StorageReplay(good.store);
    await planAndPublish(await open(good.disk, recorder), later);
    const cut = recorder.calls.findIndex(({ call }) => call === 'swap');
    const { store, disk, anchor, old } = await prepare();
    await assert.rejects(planAndPublish(await open(disk, new StorageReplay(store, { cut })), later));
    for (const role of ['targets', 'snapshot', 'timestamp']) {
      await disk.unlink(`${directory}/keys/${role}.key.json`);
    }
    await planAndPublish(await open(disk, store), later + hour);
    assert.equal((await see(store, anchor, old.floors)).timestamp, old.timestamp + 1);
  });
});

function isWrite(call: string): boolean {
  return /write|sync|rename|link|makeFolder|setMode/.test(call);
}
