import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { advanceJob } from '../../../src/signer/jobs/advance.ts';
import { type Job, readJob, readJobs } from '../../../src/signer/jobs/job.ts';
import { visit } from '../../../src/signer/jobs/simulated-clients.ts';
import { startRotation } from '../../../src/signer/jobs/start-job.ts';
import { readerOf } from '../../../src/signer/publication/repository-reader.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { repositoriesOf } from '../../../src/signer/workspace/workspace.ts';
import type { FileSystem } from '../../../src/storage/file-system.ts';
import type { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { goOn, Host, signWaiting, startOptions } from '../../support/jobs.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import { copyOfStore } from '../../support/stored-files.ts';
import {
  copyOf,
  day,
  directory,
  hour,
  open,
  publishedWorkspace,
  start,
  unlock,
} from '../../support/workspace.ts';
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
  it('a machine that sleeps before a commit of a job commits nothing; the job goes on afterwards', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const time = { now: start + hour };
    const job = await startRotation(workspace, 'timestamp', startOptions(time.now));
    await advanceJob(workspace, job, { now: time.now, unlock });
    await signWaiting(workspace);
    const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
      if (call === 'create' && name.endsWith('.root.json')) time.now += 4 * day;
    };
    const old = (await store.stat('metadata/timestamp.json'))?.etag;
    const sleepy = await open(fs, new StorageReplay(store, { before }));
    const run = { now: time.now, clock: () => time.now, unlock };
    await assert.rejects(advanceJob(sleepy, job, run), { code: 'too-slow' });
    assert.equal((await store.stat('metadata/timestamp.json'))?.etag, old);
    assert.equal((await goOn(await open(fs, store), job, time.now)).stage, 'switch');
  });

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

  it('goes back to the second stage when another machine signed with the old key again', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const before = await open(fs, store);
    const job = await startRotation(workspace, 'timestamp', startOptions(start));
    await goOn(workspace, job, start);
    const { from = 0 } = await goOn(workspace, job, start + hour);
    const elsewhere = { ...before, roots: (await open(fs, store)).roots };
    await refreshRepositories(elsewhere, { now: from - day, unlock, force: true });
    assert.deepEqual(await signersOf(store, await open(fs, store)), ['timestamp']);
    const again = await goOn(workspace, job, from);
    assert.equal(again.stage, 'withdraw');
    assert.equal(again.from, from + 6 * day + 5 * 60_000);
    assert.deepEqual(await signersOf(store, await open(fs, store)), ['timestamp-2']);
    assert.equal((await goOn(workspace, job, again.from ?? 0)).stage, 'done');
  }).timeout(10_000);

  for (const kind of ['store', 'disk'] as const)
    it(`goes on after a crash at any call of the ${kind}, in every stage`, async () => {
      const { fs, store, workspace } = await publishedWorkspace();
      const job = await startRotation(workspace, 'timestamp', startOptions(start));
      const times = [start, start + hour, start + 16 * day];
      let calls = 0;
      for (const [stage, now] of times.entries()) {
        if (stage > 0)
          await refreshRepositories(await open(fs, store), { now: now - 60_000, unlock, force: true });
        if (stage !== 1) {
          await advanceJob(workspace, (await readJob(workspace, job.name)) ?? job, { now, unlock });
          await signWaiting(workspace);
        }
        calls += await everyCrash(kind, fs, store, job, now);
        const standing = await goOn(workspace, job, now);
        assert.equal(standing.stage, ['switch', 'withdraw', 'done'][stage]);
      }
      assert.ok(calls >= 15, String(calls));
    }).timeout(60_000);
});

/** Runs the due stage cut at a call, then again: it must come to the end of the stage. */
async function everyCrash(
  kind: 'store' | 'disk',
  fs: MemoryFileSystem,
  store: MemoryStore,
  job: Job,
  now: number,
): Promise<number> {
  const good = async (disk: FileSystem, shelf: SwappableStore) => {
    const workspace = await open(disk, shelf);
    const present = await readJob(workspace, job.name);
    return present && (await advanceJob(workspace, present, { now, unlock }));
  };
  const recorder = new StorageReplay(await copyOfStore(store));
  const tape = new FileSystemReplay(copyOf(fs));
  await good(tape, recorder);
  const changing = new Set(['create', 'swap', 'remove', 'rename', 'link', 'unlink']);
  const calls = kind === 'store' ? recorder.calls : tape.calls;
  // Every change of the store, and of the many calls that only look, or of the disk, one in so many.
  const stride = kind === 'store' ? 29 : 97;
  const cuts = calls.flatMap(({ call }, index) =>
    (kind === 'store' && changing.has(call)) || (changing.has(call) ? index % 9 === 0 : index % stride === 0)
      ? [index]
      : [],
  );
  for (const [number, cut] of cuts.entries()) {
    // Before and after in turn; of the one write that hosts see, the run of recoveries tries both.
    const after = number % 2 === 0;
    const disk = copyOf(fs);
    const shelf = await copyOfStore(store);
    const cutDisk = kind === 'disk' ? new FileSystemReplay(disk, { cut, after }) : disk;
    const cutShelf = kind === 'store' ? new StorageReplay(shelf, { cut, after }) : shelf;
    await good(cutDisk, cutShelf).catch(() => undefined);
    const later = now + 60_000;
    const workspace = await open(disk, shelf);
    const present = await readJob(workspace, job.name);
    const standing = present && (await advanceJob(workspace, present, { now: later, unlock }));
    const where = `cut at ${kind} call ${cut}`;
    if (standing !== undefined) assert.deepEqual(standing.waiting, [], where);
    const last = await open(disk, shelf);
    const [place] = repositoriesOf(last.settings);
    const [anchor = new Uint8Array()] = last.roots;
    assert.ok(place !== undefined);
    const client = { name: 'fresh', anchor, floors: noFloors };
    const { versions, message } = await visit(readerOf(shelf), place.folders, client, later);
    assert.equal(versions?.root, last.roots.length, `${where}: ${message}`);
  }
  return cuts.length;
}
