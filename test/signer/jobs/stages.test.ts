/** Where a stage holds: clocks, requests that say something else, publishers that are faster, keys that are used once. */
import assert from 'node:assert/strict';
import { advanceJob } from '../../../src/signer/jobs/advance.ts';
import { startRecovery, startRevocation, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { goOn, signWaiting, startOptions } from '../../support/jobs.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import { copyOf, day, hour, open, publishedWorkspace, start, unlock } from '../../support/workspace.ts';
import { foreignKey } from '../../support/workspace-ceremony.ts';

const now = start + day;

/** Somebody else publishes at the first write of a snapshot or timestamp that follows. */
class BusyStore extends MemoryStore {
  other: (() => Promise<unknown>) | undefined;

  override async swap(...args: Parameters<MemoryStore['swap']>): ReturnType<MemoryStore['swap']> {
    const { other } = this;
    this.other = undefined;
    if (args[0] === 'metadata/timestamp.json') await other?.();
    return await super.swap(...args);
  }
}

describe('signer/jobs: what holds a stage', () => {
  it('SGN-23: a clock that the store contradicts', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const job = await startRevocation(workspace, 'timestamp', startOptions(now));
    await advanceJob(workspace, job, { now, unlock });
    await signWaiting(workspace);
    const telling = Object.assign(new StorageReplay(store), { storeTime: async () => now + 10 * 60_000 });
    const present = { ...(await open(fs, store)), store: telling };
    await assert.rejects(advanceJob(present, job, { now, unlock }), { code: 'clock-skewed' });
    assert.equal(await store.stat('metadata/2.root.json'), undefined);
  }).timeout(20_000);

  it('SGN-22: a request for another root of that number is not what it waits for', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const rotation = await startRotation(workspace, 'timestamp', startOptions(now));
    await advanceJob(workspace, rotation, { now, unlock });
    const job = await startRevocation(await open(fs, store), 'snapshot', startOptions(now));
    const { waiting } = await advanceJob(workspace, job, { now, unlock });
    await signWaiting(workspace);
    assert.equal(waiting.length, 1);
    assert.equal((await goOn(workspace, job, now)).stage, 'done');
    const { settings } = await open(fs, store);
    assert.deepEqual(settings.roles.snapshot.keys, ['snapshot-2']);
  }).timeout(20_000);

  it('only keys that sign by themselves change in stages', async () => {
    const { workspace } = await publishedWorkspace();
    const options = { ...startOptions(now), wait: hour };
    assert.equal((await startRotation(workspace, 'targets', { ...options, dryRun: true })).wait, 0);
    assert.equal((await startRotation(workspace, 'timestamp', { ...options, dryRun: true })).wait, hour);
  });

  it('a key that is given for one role takes one place in it', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    await foreignKey(fs, 'erin');
    const keys = [{ role: 'targets', name: 'erin', place: undefined }];
    const present = await open(fs, store);
    const settings = { ...present.settings };
    const targets = { ...settings.roles.targets, keys: ['targets', 'root-1'] };
    const two = { ...present, settings: { ...settings, roles: { ...settings.roles, targets } } };
    const options = { ...startOptions(now), keys, making: undefined, dryRun: true };
    const wish = { ...options, honest: [], remove: [], stolen: ['targets'] };
    await assert.rejects(startRecovery(two, wish), {
      code: 'usage',
      message: /which key takes the place of root-1/,
    });
    assert.ok(workspace.roots.length === 1);
  });

  it('SGN-25: a publisher that is faster is tried after once more', async () => {
    const store = new BusyStore();
    const { fs, workspace } = await publishedWorkspace(store);
    const job = await startRotation(workspace, 'timestamp', startOptions(now));
    await goOn(workspace, job, now);
    const elsewhere = await open(copyOf(fs), store);
    store.other = () => refreshRepositories(elsewhere, { now: now + hour, unlock, force: true });
    const standing = await goOn(workspace, job, now + hour);
    assert.equal(standing.stage, 'withdraw');
    assert.equal(standing.from, now + hour + 7 * day + 5 * 60_000);
  }).timeout(20_000);
});
