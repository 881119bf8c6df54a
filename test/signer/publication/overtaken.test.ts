/** Publications that others overtake, and those that are taken up again: what is signed is what was shown, and fresh. */
import assert from 'node:assert/strict';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { resumePublications } from '../../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { removeDraft } from '../../../src/signer/release/draft.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { ProcessDied } from '../../support/file-system-replay.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
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
import { nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

const later = start + day;

/** 1.0.0 is published; 1.1.0 waits. */
async function waiting(): Promise<{ store: MemoryStore; workspace: Workspace }> {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk(), store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.1.0');
  return { store, workspace };
}

/** Dies before its commit. */
async function dies(workspace: Workspace, now: number): Promise<void> {
  const store = new StorageReplay(workspace.store, {
    before: async ({ call }) => (call === 'swap' ? Promise.reject(new ProcessDied('swap')) : undefined),
  });
  await assert.rejects(planAndPublish({ ...workspace, store }, now), ProcessDied);
}

async function timestampOf(store: MemoryStore): Promise<{ version: number; expires: string }> {
  const file = await store.read('metadata/timestamp.json', 99_999);
  return JSON.parse(Buffer.from(file?.bytes ?? []).toString()).signed;
}

describe('signer/publication: overtaken, and taken up again', () => {
  it('PUB-02: a new root is not published because somebody else signed the very same timestamp', async () => {
    const { store, workspace } = await publishedWorkspace();
    const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
    const ready = await nextRoot(workspace, keys, later);
    const dying = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call === 'create' && name.includes('/plans/')) throw new ProcessDied('create');
      },
    });
    await assert.rejects(planAndPublish({ ...ready, store: dying }, later), ProcessDied);
    const plan = await planPublication(ready, { now: later });
    const job = await open(await workspaceDisk(), store);
    await refreshRepositories(job, { now: later, unlock, force: true });
    const { repositories } = await publish(ready, plan, { now: later, unlock });
    assert.deepEqual([repositories[0]?.root, repositories[0]?.versions.timestamp], [2, 3]);
    assert.notEqual(await store.stat('metadata/2.root.json'), undefined);
  });

  it('PUB-02: one that cannot win any more burns no number', async () => {
    const { store, workspace } = await waiting();
    const other = await open(await workspaceDisk(), store);
    await addVersion(other, '2.0.0');
    let overtaken = false;
    const slow = new StorageReplay(store, {
      before: async ({ call, name }) => {
        // The look at a listed file that comes after everything was planned for the last time.
        if (overtaken || call !== 'stat' || !name.endsWith('1.0.0.img')) return;
        if ((await store.stat('metadata/2.targets.json')) !== undefined) return;
        if (slow.writes.some((write) => /1\.1\.0\.img$/.test(write.name))) {
          overtaken = true;
          await planAndPublish(other, later);
        }
      },
    });
    await assert.rejects(planAndPublish({ ...workspace, store: slow }, later), { code: 'base-moved' });
    assert.ok(overtaken);
    const written = slow.writes.filter(({ name }) => /^metadata\/\d+\.(targets|snapshot)\.json$/.test(name));
    assert.deepEqual(written, []);
  });

  it('after a renewal in between, a draft that came meanwhile is still not what was shown', async () => {
    const { store, workspace } = await waiting();
    const plan = await planPublication(workspace, { now: later });
    await refreshRepositories(await open(await workspaceDisk(), store), { now: later, unlock, force: true });
    await addVersion(workspace, '1.2.0');
    await assert.rejects(publish(workspace, plan, { now: later, unlock }), { code: 'workspace-invalid' });
    await removeDraft(workspace, { variant: 'demo', arch: 'x86_64', version: '1.2.0' });
    await publish(workspace, plan, { now: later, unlock });
  });

  it('what was signed for another plan of the same second is not published for this one', async () => {
    const { workspace } = await waiting();
    await dies(workspace, later);
    await addVersion(workspace, '1.2.0');
    const { plan } = await planAndPublish(workspace, later);
    assert.deepEqual(
      plan.repositories[0]?.releases.map(({ version }) => version),
      ['1.1.0', '1.2.0'],
    );
    assert.deepEqual((await planPublication(workspace, { now: later })).repositories, [], 'both are there');
  });

  it('what was signed more than half a timestamp’s life ago is signed again', async () => {
    for (const [waited, fresh] of [
      [3 * day, false],
      [4 * day, true],
    ] as const) {
      const { store, workspace } = await waiting();
      await dies(workspace, later);
      await planAndPublish(workspace, later + waited);
      const { expires } = await timestampOf(store);
      const signedAt = fresh ? later + waited : later;
      assert.equal(Date.parse(expires), signedAt + workspace.expiration.timestamp);
    }
  });

  it('PUB-05: what was signed upon a base of this number and other bytes has lost', async () => {
    const { store, workspace } = await waiting();
    await dies(workspace, later);
    for await (const { name, etag } of store.list('.publish/metadata/prepared/')) {
      const note = JSON.parse(Buffer.from((await store.read(name, 1e6))?.bytes ?? []).toString());
      note.base.sha256 = '0'.repeat(64);
      await store.swap(name, Buffer.from(JSON.stringify(note)), etag);
    }
    const [found] = await resumePublications(workspace, { now: later + hour });
    assert.equal(found?.outcome, 'lost');
    assert.equal((await timestampOf(store)).version, 1);
  });
});
