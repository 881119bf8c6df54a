/** Rehearsals of every job, for every stolen key, on a copy of the repository. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rehearse } from '../../../src/signer/jobs/drill/drill.ts';
import { stateOfJournal } from '../../../src/signer/jobs/honest-state.ts';
import type { Job } from '../../../src/signer/jobs/job.ts';
import { startRecovery, startRevocation, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { startOptions } from '../../support/jobs.ts';
import {
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

const now = start + hour;

async function drill(stolen: readonly string[], begin: (workspace: Workspace) => Promise<Job>) {
  const { fs, store, workspace } = await publishedWorkspace();
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place !== undefined);
  const lives = [await readLive(workspace, place)];
  const report = await rehearse({ source: workspace, lives, stolen, begin, now });
  const shown = report.rows.map(
    ({ client, outcome, good }) => `${good ? 'ok ' : 'BAD'} ${client}: ${outcome}`,
  );
  return { report, fs, store, shown: [...report.events.map(({ text }) => text), ...shown].join('\n') };
}

describe('signer/jobs/drill', () => {
  const folders: string[] = [];
  const { TMPDIR } = process.env;
  afterEach(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  for (const role of ['timestamp', 'snapshot', 'targets', 'root'])
    it(`rotates ${role}, and every host follows`, async () => {
      const old = role === 'root' ? { old: 'root-3' } : {};
      const { report, shown } = await drill([], (workspace) =>
        startRotation(workspace, role, { ...startOptions(now), ...old }),
      );
      assert.ok(report.good, shown);
      assert.equal(report.job.marks.done, now + report.took);
    }).timeout(20_000);

  it('SGN-31, SGN-34: recovers from an attacker with every key but root', async () => {
    const { report, shown } = await drill(['timestamp', 'snapshot', 'targets'], async (workspace) => {
      const honest = [];
      for (const place of repositoriesOf(workspace.settings))
        honest.push(await stateOfJournal(workspace, place));
      return await startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen: [] });
    });
    assert.ok(report.good, shown);
  }).timeout(20_000);

  for (const key of ['timestamp', 'snapshot', 'targets', 'root-1'])
    it(`SGN-31: revokes a stolen ${key}`, async () => {
      const { report, shown } = await drill([key], (workspace) =>
        startRevocation(workspace, key, startOptions(now)),
      );
      assert.ok(report.good, shown);
    }).timeout(20_000);

  for (const kind of ['timestamp', 'recover'])
    it(`rehearses ${kind} with a repository for each variant, and leaves everything as it was`, async () => {
      const fs = await workspaceDisk({ template: 'bottlerocket', variants: { demo: ['x86_64', 'aarch64'] } });
      const store = new MemoryStore();
      const source = await open(fs, store);
      await planAndPublish(source, start);
      const lives = [];
      for (const place of repositoriesOf(source.settings)) lives.push(await readLive(source, place));
      const before = await namesIn(store);
      const own = mkdtempSync(join(tmpdir(), 'tidegate-drill-test-'));
      folders.push(own);
      process.env.TMPDIR = own;
      const report = await rehearse({
        source,
        lives,
        stolen: kind === 'recover' ? ['timestamp'] : [],
        hidesSnapshot: true,
        now,
        begin: async (workspace) => {
          if (kind !== 'recover') return await startRotation(workspace, kind, startOptions(now));
          const honest = [];
          for (const place of repositoriesOf(workspace.settings))
            honest.push(await stateOfJournal(workspace, place));
          return await startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen: [] });
        },
      });
      assert.ok(report.good, JSON.stringify(report.rows, undefined, 1));
      assert.equal(report.rows.filter(({ client }) => client === 'root 1, fresh').length, 2);
      assert.deepEqual(await namesIn(store), before);
      assert.deepEqual(readdirSync(own), []);
    }).timeout(20_000);
});

async function namesIn(store: MemoryStore): Promise<readonly string[]> {
  const names = [];
  for await (const { name, etag } of store.list()) names.push(`${name} ${etag}`);
  return names;
}
