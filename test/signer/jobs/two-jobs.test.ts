/** Two jobs on the same role: what one takes away, the other never brings back. */
import assert from 'node:assert/strict';
import { abandonJob, advanceJob } from '../../../src/signer/jobs/advance.ts';
import { type Job, readJob, readJobs, writeJob } from '../../../src/signer/jobs/job.ts';
import { startRevocation, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { chainOf } from '../../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { goOn, startOptions } from '../../support/jobs.ts';
import { day, hour, open, publishedWorkspace, start, unlock } from '../../support/workspace.ts';

const now = start + day;

function rootKeyNames({ roots, keys }: Workspace, role: 'root' | 'targets' | 'timestamp'): readonly string[] {
  const { root } = chainOf(roots, 'roots');
  return Array.from(root.document.roles[role].keyIds, (id) => keys.get(id)?.name ?? id).sort();
}

async function again(workspace: Workspace, { name }: Job, time: number): Promise<void> {
  const job = await readJob(workspace, name);
  if (job !== undefined) await goOn(workspace, job, time);
}

describe('signer/jobs: two at once', () => {
  for (const order of ['as they began', 'the other way round'])
    it(`SGN-31: of two stolen keys of a role neither comes back, continued ${order}`, async () => {
      const { fs, store, workspace } = await publishedWorkspace();
      const one = await startRevocation(workspace, 'root-1', startOptions(now));
      await advanceJob(workspace, one, { now, unlock });
      const other = await startRevocation(await open(fs, store), 'root-2', startOptions(now));
      const jobs = order === 'as they began' ? [one, other] : [other, one];
      for (const [index, job] of jobs.entries()) await again(workspace, job, now + index * hour);
      const last = await open(fs, store);
      assert.deepEqual(rootKeyNames(last, 'root'), ['root-3', 'root-4', 'root-5']);
      assert.deepEqual([...last.settings.roles.root.keys].sort(), ['root-3', 'root-4', 'root-5']);
      assert.deepEqual(await readJobs(last), []);
    }).timeout(20_000);

  it('SGN-31: a key that came for a stolen one and is stolen itself does not come back', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const one = await startRevocation(workspace, 'timestamp', startOptions(now));
    await advanceJob(workspace, one, { now, unlock });
    const other = await startRevocation(await open(fs, store), 'timestamp-2', startOptions(now));
    assert.equal((await readJob(workspace, one.name))?.changes[0]?.after.join(), 'timestamp-3');
    await again(workspace, other, now);
    await again(workspace, one, now + hour);
    assert.deepEqual(rootKeyNames(await open(fs, store), 'timestamp'), ['timestamp-3']);
  }).timeout(20_000);

  it('a rotation waits for what is under way in the same role', async () => {
    const { workspace } = await publishedWorkspace();
    await startRevocation(workspace, 'timestamp', startOptions(now));
    await assert.rejects(startRotation(workspace, 'timestamp', startOptions(now)), {
      code: 'workspace-invalid',
      message:
        /^revoke-timestamp is under way and changes the keys of timestamp.*tidegate revoke timestamp --compromised$/,
    });
  });

  it('a refresh between the note of the last old signature and the switch is waited for as well', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const job = await startRotation(workspace, 'timestamp', startOptions(now));
    await goOn(workspace, job, now);
    const [place] = repositoriesOf(workspace.settings);
    assert.ok(place !== undefined);
    const expires = async () =>
      (await readLive(await open(fs, store), place)).published?.timestamp.expires ?? 0;
    const noted = await readJob(workspace, job.name);
    assert.ok(noted !== undefined);
    // It died, or was held up, when the note was written; the job that refreshes was faster.
    await writeJob(workspace, { ...noted, marks: { ...noted.marks, oldExpires: await expires() } });
    await refreshRepositories(await open(fs, store), { now: now + day, unlock, force: true });
    const last = await expires();
    assert.ok(last > now + day);
    const standing = await goOn(workspace, job, now + day + hour);
    assert.equal(standing.stage, 'withdraw');
    assert.equal(standing.from, last + 5 * 60_000);
  }).timeout(20_000);

  it('of two people at the same rotation the one who is later neither forgets what the other noted', async () => {
    const { workspace } = await publishedWorkspace();
    const job = await startRotation(workspace, 'timestamp', startOptions(now));
    await goOn(workspace, job, now);
    const stale = await readJob(workspace, job.name);
    assert.ok(stale !== undefined);
    const later = now + 30 * day;
    await writeJob(workspace, { ...stale, marks: { ...stale.marks, oldExpires: later } });
    const standing = await advanceJob(workspace, stale, { now: now + hour, unlock });
    assert.equal(standing.from, later + 5 * 60_000);
    assert.equal((await readJob(workspace, job.name))?.marks.oldExpires, later);
  }).timeout(20_000);

  it('nor does a job that was given up meanwhile come back', async () => {
    const { workspace } = await publishedWorkspace();
    const job = await startRotation(workspace, 'timestamp', startOptions(now));
    await goOn(workspace, job, now);
    const stale = await readJob(workspace, job.name);
    assert.ok(stale !== undefined);
    await abandonJob(workspace, job);
    await assert.rejects(advanceJob(workspace, stale, { now: now + hour, unlock }), { code: 'base-moved' });
    assert.deepEqual(await readJobs(workspace), []);
  }).timeout(20_000);
});
