import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { addTarget } from '../../../src/signer/release/add-target.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { FileInfo } from '../../../src/storage/store.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import { day, open, planAndPublish, putFile, start, unlock, workspaceDisk } from '../../support/workspace.ts';

const files = 120;
const later = start + day;

/** Lists say when a file was written, by a clock of its own that the test turns. */
class DatedStore extends MemoryStore {
  readonly listsTimes = true;
  time = start;
  readonly times = new Map<string, number>();

  override async create(...args: Parameters<MemoryStore['create']>) {
    const outcome = await super.create(...args);
    if (outcome === 'created') this.times.set(args[0], this.time);
    return outcome;
  }

  override async swap(...args: Parameters<MemoryStore['swap']>) {
    const outcome = await super.swap(...args);
    if (outcome === 'swapped') this.times.set(args[0], this.time);
    return outcome;
  }

  override async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    for await (const info of super.list(prefix)) {
      const changed = this.times.get(info.name);
      yield { ...info, ...(changed !== undefined && { changed }) };
    }
  }

  /** Behind everybody's back, as an owner of the bucket can. */
  async replace(name: string, bytes: string): Promise<void> {
    await this.remove(name, (await this.stat(name))?.etag ?? '');
    await this.create(name, Buffer.from(bytes));
  }
}

/** A hundred and twenty files, and two minutes later the commit. */
async function published() {
  const store = new DatedStore();
  const workspace = await open(await workspaceDisk(), store);
  const { fileSystem } = workspace;
  for (let count = 0; count < files; count += 1)
    await addTarget(workspace, { path: await putFile(fileSystem, `/images/${count}.bin`, `image ${count}`) });
  const slow = new StorageReplay(store, {
    before: async ({ call, name }) => {
      if (call === 'swap' && name.endsWith('timestamp.json')) store.time = start + 120_000;
    },
  });
  const { plan } = await planAndPublish({ ...workspace, store: slow }, start);
  store.time = later;
  const name = (ending: string) => plan.uploads.find((upload) => upload.name.endsWith(ending))?.name ?? '';
  return { store, workspace, name };
}

async function addAndPublish(workspace: Workspace, store: DatedStore, verify?: 'readback') {
  const path = await putFile(workspace.fileSystem, '/images/more.bin', 'one more');
  await addTarget(workspace, { path });
  const replay = Object.assign(new StorageReplay(store), { listsTimes: true });
  const seen = { ...workspace, store: replay };
  const plan = await planPublication(seen, { now: later });
  const before = replay.calls.length;
  await publish(seen, plan, { now: later, unlock, ...(verify && { verify }) });
  const asked = replay.calls.slice(before).filter(({ name }) => name.startsWith('targets/'));
  const names = (wanted: string) => asked.filter(({ call }) => call === wanted).map(({ name }) => name);
  return { stats: new Set(names('stat')), opens: new Set(names('open')) };
}

describe('signer/publication/unchanged-files', () => {
  it('asks for the new file and for none that the bucket has not touched since the last commit', async () => {
    const { store, workspace } = await published();
    const { stats } = await addAndPublish(workspace, store);
    assert.deepEqual(
      [...stats].map((name) => name.replace(/.*\./, '')),
      ['bin'],
    );
    assert.match([...stats][0] ?? '', /more\.bin$/);
  });

  it('PUB-12: finds other bytes of the same length that were put in since', async () => {
    const { store, workspace, name } = await published();
    await store.replace(name('.7.bin'), 'IMAGE 7');
    await assert.rejects(addAndPublish(workspace, store), { code: 'hash-mismatch', message: /7\.bin/ });
  });

  it('asks for what was changed less than a minute before the commit, at the very minute too', async () => {
    const { store, workspace, name } = await published();
    store.times.set(name('.7.bin'), start + 60_000);
    store.times.set(name('.8.bin'), start + 59_999);
    const { stats } = await addAndPublish(workspace, store);
    assert.deepEqual([stats.has(name('.7.bin')), stats.has(name('.8.bin')), stats.size], [true, false, 2]);
  });

  it('asks for what the list shows not, or with another length, or without a time', async () => {
    const { store, workspace, name } = await published();
    store.times.delete(name('.9.bin'));
    assert.equal((await addAndPublish(workspace, store)).stats.size, 2);
    const cut = name('.7.bin');
    await addTarget(workspace, { path: await putFile(workspace.fileSystem, '/images/last.bin', 'last') });
    const cutting = new StorageReplay(store, {
      before: async ({ call, name: written }) => {
        if (call !== 'create' || !written.endsWith('last.bin')) return;
        await store.replace(cut, 'short');
        store.times.set(cut, start);
      },
    });
    const seen = { ...workspace, store: Object.assign(cutting, { listsTimes: true }) };
    await assert.rejects(planAndPublish(seen, later), { code: 'not-found', message: /7\.bin/ });
  });

  it('asks for what lay there long before it was listed', async () => {
    const { store, workspace } = await published();
    const orphan = 'one more';
    const sha256 = createHash('sha256').update(orphan).digest('hex');
    await store.create(`targets/${sha256}.more.bin`, Buffer.from(orphan));
    store.times.set(`targets/${sha256}.more.bin`, start);
    const { stats } = await addAndPublish(workspace, store);
    assert.deepEqual([...stats], [`targets/${sha256}.more.bin`]);
  });

  it('asks for all where the store shows another timestamp, or none, or no times', async () => {
    for (const spoil of ['etag', 'time', 'lists'] as const) {
      const { store, workspace } = await published();
      const list = store.list.bind(store);
      if (spoil === 'time') store.times.delete('metadata/timestamp.json');
      if (spoil === 'lists') Object.assign(store, { listsTimes: false });
      if (spoil === 'etag')
        store.list = async function* (prefix?: string) {
          for await (const info of list(prefix))
            yield info.name.endsWith('timestamp.json') ? { ...info, etag: 'other' } : info;
        };
      const path = await putFile(workspace.fileSystem, '/images/more.bin', 'one more');
      await addTarget(workspace, { path });
      const asked = new Set<string>();
      const stat = store.stat.bind(store);
      store.stat = async (...args) => {
        if (args[0].startsWith('targets/')) asked.add(args[0]);
        return await stat(...args);
      };
      await planAndPublish(workspace, later);
      assert.equal(asked.size >= files + 1, true, `${spoil}: ${asked.size}`);
    }
  });

  it('--verify readback reads every one all the same', async () => {
    const { store, workspace } = await published();
    assert.equal((await addAndPublish(workspace, store, 'readback')).opens.size >= files + 1, true);
  });
});
