import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { advanceJob } from '../../../src/signer/jobs/advance.ts';
import { readJobs } from '../../../src/signer/jobs/job.ts';
import { startRotation } from '../../../src/signer/jobs/start-job.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import type { MemoryStore } from '../../../src/storage/memory.ts';
import { goOn, Host, publishedWorkspace, signWaiting, startOptions } from '../../support/jobs.ts';
import { day, directory, hour, open, start, unlock } from '../../support/workspace.ts';
import { textOf } from '../../support/workspace-ceremony.ts';

async function signersOf(
  store: MemoryStore,
  workspace: Awaited<ReturnType<typeof open>>,
  role = 'timestamp',
) {
  const file = await store.read(`metadata/${role}.json`, 1_000_000);
  const { signatures } = parseEnvelope(file?.bytes ?? new Uint8Array(), documentLimits, role);
  return signatures.map(({ keyId }) => workspace.keys.get(keyId)?.name);
}

describe('signer/jobs rotate', () => {
  it('an online key changes in three stages, and no host meets a signature that it does not know', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const old = new Host(workspace.roots[0] ?? new Uint8Array());
    const asleep = new Host(workspace.roots[0] ?? new Uint8Array());
    await old.refresh(store);
    await asleep.refresh(store);
    let now = start + hour;
    const job = await startRotation(workspace, 'timestamp', startOptions(now));
    assert.deepEqual(job.changes, [{ role: 'timestamp', before: ['timestamp'], after: ['timestamp-2'] }]);

    const first = await advanceJob(workspace, job, { now, unlock });
    assert.deepEqual(
      first.waiting.map(({ role, version }) => [role, version]),
      [['root', 2]],
    );
    await signWaiting(workspace);
    const introduced = await goOn(workspace, job, now);
    assert.equal(introduced.stage, 'switch');
    assert.equal(introduced.from, now + hour);
    assert.deepEqual(await signersOf(store, await open(fs, store)), ['timestamp']);
    old.now = now;
    assert.equal((await old.refresh(store)).versions.root, 2);

    now += hour / 2;
    assert.equal((await goOn(workspace, job, now)).published.length, 0);
    now += hour / 2;
    const switched = await goOn(workspace, job, now);
    assert.equal(switched.stage, 'withdraw');
    assert.deepEqual(await signersOf(store, await open(fs, store)), ['timestamp-2']);
    await refreshRepositories(await open(fs, store), { now: now + hour, unlock, force: true });
    assert.deepEqual(await signersOf(store, await open(fs, store)), ['timestamp-2']);
    const checklist = await textOf(fs, `${directory}/requests/rotate-timestamp.md`);
    assert.match(checklist, /- \[x\] Publish a root that lists old and new keys/);
    assert.match(checklist, /- \[ \] Publish a root without the old keys.* — not before 2026-12-0/);
    assert.match(checklist, /Next: `tidegate rotate timestamp`, at /);

    now = switched.from ?? 0;
    await refreshRepositories(await open(fs, store), { now: now - day, unlock });
    const done = await goOn(workspace, job, now);
    assert.equal(done.stage, 'done');
    assert.deepEqual(await readJobs(workspace), []);
    const last = await open(fs, store);
    assert.equal(last.roots.length, 3);
    for (const host of [old, asleep]) {
      host.now = now;
      assert.equal((await host.refresh(store)).versions.root, 3);
      host.end();
    }
    assert.match(
      await textOf(fs, `${directory}/requests/rotate-timestamp.md`),
      /Done\. Nothing is left to do/,
    );
  });
});
