import assert from 'node:assert/strict';
import { collectGarbage } from '../../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../../src/signer/gc/grace.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { readPins } from '../../../src/signer/publication/pin.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { readDrafts, removeDraft } from '../../../src/signer/release/draft.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

/** A workspace whose uploads of images end only after `during` has run to its end. */
async function slowly(during: (workspace: Workspace) => Promise<unknown>) {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk(), store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.1.0');
  let ran = 0;
  const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
    if (call !== 'create' || !name.endsWith('-1.1.0.img')) return;
    ran += 1;
    await during(workspace);
  };
  const slow = { ...workspace, store: new StorageReplay(store, { before }) };
  const now = start + day;
  return { workspace, now, uploads: () => ran, run: async () => await planAndPublish(slow, now) };
}

async function versionsOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place);
  const { published, manifest } = await readLive(workspace, place);
  return [
    published?.targets.version,
    published?.snapshot.version,
    published?.timestamp.version,
    manifest.updates.length,
  ];
}

describe('signer/publication: while an image is on its way', () => {
  it('SGN-38: the timestamp is renewed meanwhile, and the publication goes on upon it', async () => {
    const outcomes: unknown[] = [];
    const { workspace, now, run, uploads } = await slowly(async (same) => {
      const [result] = await refreshRepositories(same, { now: start + day + 1000, unlock });
      outcomes.push(result?.outcome, await versionsOf(same));
    });
    const { result } = await run();
    assert.deepEqual(outcomes, ['refreshed', [1, 1, 2, 1]]);
    assert.equal(uploads(), 1, 'uploaded once');
    assert.deepEqual(result.repositories[0]?.versions, { targets: 2, snapshot: 2, timestamp: 3 });
    assert.equal(result.repositories[0]?.written !== 0, true);
    assert.deepEqual(await versionsOf(workspace), [2, 2, 3, 2]);
    assert.deepEqual(await readDrafts(workspace), []);
    assert.deepEqual((await planPublication(workspace, { now })).repositories, []);
  });

  it('a snapshot that was renewed meanwhile is published upon, too', async () => {
    const { workspace, run } = await slowly(
      async (same) => await refreshRepositories(same, { now: start + 8 * day, unlock }),
    );
    const { result } = await run();
    assert.deepEqual(result.repositories[0]?.versions, { targets: 2, snapshot: 3, timestamp: 3 });
    assert.deepEqual(await versionsOf(workspace), [2, 3, 3, 2]);
  });

  it('the same publication begun twice comes to one end', async () => {
    let second: unknown;
    const { workspace, now, run } = await slowly(async (same) => {
      const plan = await planPublication(same, { now });
      second = (await publish(same, plan, { now, unlock })).repositories[0]?.versions;
    });
    const { result } = await run();
    assert.deepEqual(second, { targets: 2, snapshot: 2, timestamp: 2 });
    assert.deepEqual(result.repositories[0]?.versions, second);
    assert.deepEqual(await versionsOf(workspace), [2, 2, 2, 2]);
  });

  it('a draft that was taken back meanwhile is not published', async () => {
    const { workspace, run } = await slowly(
      async (same) => await removeDraft(same, { variant: 'demo', arch: 'x86_64', version: '1.1.0' }),
    );
    await assert.rejects(run(), { code: 'workspace-invalid', message: /Plan again/ });
    assert.deepEqual(await versionsOf(workspace), [1, 1, 1, 1]);
  });

  for (const hours of [10, 120]) {
    it(`an upload of ${hours} hours is published, with a clean-up beside it`, async () => {
      const { workspace, now } = await slowly(async () => undefined);
      const time = { now };
      const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
        if (call === 'create' && name.endsWith('-1.1.0.img')) time.now = now + hours * hour;
        if (call !== 'create' || name !== 'metadata/2.targets.json') return;
        const options = { now: () => time.now, settings: defaultGrace, wishes: [], act: true };
        assert.deepEqual((await collectGarbage(workspace, options)).marked, []);
      };
      const slow = { ...workspace, store: new StorageReplay(workspace.store, { before }) };
      const plan = await planPublication(slow, { now });
      const clock = () => time.now;
      const { repositories } = await publish(slow, plan, { now, clock, unlock });
      assert.deepEqual(repositories[0]?.versions, { targets: 2, snapshot: 2, timestamp: 2 });
      const [pin] = await readPins(workspace.store, 0);
      assert.equal(pin, undefined);
    });
  }

  it('what expired meanwhile is not published; publishing again is a matter of minutes', async () => {
    const { workspace, now } = await slowly(async () => undefined);
    let clock = now;
    const before = async ({ name }: { readonly name: string }) => {
      if (name.endsWith('-1.1.0.img')) clock = now + 8 * day;
    };
    const slow = { ...workspace, store: new StorageReplay(workspace.store, { before }) };
    const plan = await planPublication(slow, { now });
    await assert.rejects(publish(slow, plan, { now, clock: () => clock, unlock }), { code: 'expired' });
    assert.deepEqual(await versionsOf(workspace), [1, 1, 1, 1]);
    const { result } = await planAndPublish(workspace, clock);
    assert.deepEqual(result.repositories[0]?.versions, { targets: 2, snapshot: 2, timestamp: 2 });
  });

  it('what somebody else published meanwhile is not overwritten', async () => {
    const { workspace, run } = await slowly(async (same) => {
      const other = await open(await workspaceDisk(), same.store);
      await addVersion(other, '2.0.0');
      await planAndPublish(other, start + day);
    });
    await assert.rejects(run(), { code: 'base-moved' });
    assert.deepEqual(await versionsOf(workspace), [2, 2, 2, 2]);
  });
});
