/** What a thief leaves in the store that jobs must not pass over: roots, and files that are none. */
import assert from 'node:assert/strict';
import { abandonJob, advanceJob } from '../../../src/signer/jobs/advance.ts';
import { stateOfJournal } from '../../../src/signer/jobs/honest-state.ts';
import { readJob, readJobs } from '../../../src/signer/jobs/job.ts';
import { startRecovery, startRevocation, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { goOn, signWaiting, startOptions } from '../../support/jobs.ts';
import {
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  unlock,
} from '../../support/workspace.ts';
import { nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

const now = start + day;
const beyondRepair = {
  code: 'base-moved',
  message: /thief has as many root keys as must sign.*(?:cannot be recovered by any|no) command/,
};

async function recovery(workspace: Workspace, stolen: readonly string[] = []) {
  const honest = [];
  for (const place of repositoriesOf(workspace.settings)) honest.push(await stateOfJournal(workspace, place));
  return await startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen });
}

/** As many root keys as must sign, in other hands. */
async function thiefOf({ fs, store }: Awaited<ReturnType<typeof publishedWorkspace>>): Promise<Workspace> {
  return await open(copyOf(fs), store);
}

async function publishRoot(thief: Workspace): Promise<void> {
  const keys = [await ownKey(thief, 'root-1'), await ownKey(thief, 'root-2')];
  await planAndPublish(await nextRoot(thief, keys, now), now);
}

describe('signer/jobs: what a thief left in the store', () => {
  it('SGN-33: with as many root keys as must sign nothing can be recovered, and every job says so', async () => {
    const scene = await publishedWorkspace();
    const { workspace } = scene;
    await publishRoot(await thiefOf(scene));
    await assert.rejects(recovery(workspace), beyondRepair);
    await assert.rejects(startRevocation(workspace, 'root-1', startOptions(now)), beyondRepair);
    await assert.rejects(startRotation(workspace, 'timestamp', startOptions(now)), beyondRepair);
    assert.deepEqual(await readJobs(workspace), []);
  }).timeout(20_000);

  it('SGN-33: a job that is under way stops at a root of a thief, signed or not', async () => {
    const scene = await publishedWorkspace();
    const { workspace } = scene;
    const thief = await thiefOf(scene);
    const job = await recovery(workspace, ['timestamp']);
    await advanceJob(workspace, job, { now, unlock });
    await publishRoot(thief);
    await assert.rejects(advanceJob(workspace, job, { now, unlock }), beyondRepair);
    await signWaiting(workspace);
    await assert.rejects(advanceJob(workspace, job, { now, unlock }), beyondRepair);
    assert.ok((await readJob(workspace, job.name)) !== undefined);
  }).timeout(20_000);

  it('SGN-34: a file in the place of the next root has to go, and then the job goes on', async () => {
    const { store, workspace } = await publishedWorkspace();
    const name = 'metadata/2.root.json';
    const wrong = { code: 'document-invalid', message: /2\.root\.json.*hosts stop at it.*delete that file/ };
    await store.create(name, new TextEncoder().encode('{}'));
    await assert.rejects(recovery(workspace, ['timestamp']), wrong);
    await store.remove(name, (await store.stat(name))?.etag ?? '');
    const job = await recovery(workspace, ['timestamp']);
    await store.create(name, new TextEncoder().encode('{}'));
    await assert.rejects(advanceJob(workspace, job, { now, unlock }), wrong);
    await store.remove(name, (await store.stat(name))?.etag ?? '');
    assert.equal((await goOn(workspace, job, now + hour)).stage, 'done');
  }).timeout(20_000);

  it('SGN-34: recovers where timestamp.json is no document at all', async () => {
    const { store, workspace } = await publishedWorkspace();
    const name = 'metadata/timestamp.json';
    await store.swap(name, new TextEncoder().encode('garbage'), (await store.stat(name))?.etag);
    const job = await recovery(workspace);
    assert.deepEqual(
      job.changes.map(({ role }) => role),
      ['snapshot', 'timestamp'],
    );
    assert.equal((await goOn(workspace, job, now)).stage, 'done');
  }).timeout(20_000);

  it('a rotation that was given up half way is taken up again with its own key', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    await goOn(workspace, await startRotation(workspace, 'timestamp', startOptions(now)), now);
    const present = await open(fs, store);
    await abandonJob(present, { name: 'rotate-timestamp' });
    const keys = [{ role: undefined, name: 'timestamp-2', place: undefined }];
    const options = { ...startOptions(now), keys, making: undefined };
    const job = await startRotation(present, 'timestamp', { ...options, old: 'timestamp' });
    assert.equal((await goOn(present, job, now + hour)).stage, 'switch');
    const { from = 0 } = await goOn(present, job, now + 2 * hour);
    assert.equal((await goOn(present, job, from)).stage, 'done');
    assert.deepEqual((await open(fs, store)).settings.roles.timestamp.keys, ['timestamp-2']);
    const again = { ...options, keys: [{ role: undefined, name: 'timestamp-2', place: undefined }] };
    await assert.rejects(startRotation(await open(fs, store), 'timestamp', again), { code: 'usage' });
  }).timeout(20_000);
});
