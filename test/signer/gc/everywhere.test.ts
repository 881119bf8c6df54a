import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TidegateError } from '../../../src/errors.ts';
import { collectEverywhere } from '../../../src/signer/gc/collect-everywhere.ts';
import type { CollectOptions } from '../../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../../src/signer/gc/grace.ts';
import { endOldNotes, journalLife, replacedBefore } from '../../../src/signer/gc/old-notes.ts';
import { holdPin, pinLifetime } from '../../../src/signer/publication/pin.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addTarget, removeTarget } from '../../../src/signer/release/add-target.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { DirectoryStore } from '../../../src/storage/directory.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { dyingAtCommit, StorageReplay } from '../../support/storage-replay.ts';
import { namesOf } from '../../support/stored-files.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

function at(now: number, options: Partial<CollectOptions> = {}): CollectOptions {
  return { now: () => now, settings: defaultGrace, wishes: [], act: true, ...options };
}

async function publishOld(workspace: Workspace, disk: Workspace['fileSystem']): Promise<void> {
  await addVersion(workspace, '1.0.0');
  await addTarget(workspace, { path: await putFile(disk, '/images/old.bin', 'old') });
  await planAndPublish(workspace, start);
  await removeTarget(workspace, { name: 'old.bin' });
  await planAndPublish(workspace, start + hour);
}

describe('signer/gc: every store', () => {
  it('cleans every region by what it shows itself, or the one that is named', async () => {
    const disk = await workspaceDisk();
    const [east, west] = [new MemoryStore('mem-east'), new MemoryStore('mem-west')];
    const workspace = { ...(await open(disk)), regions: [east, west] };
    await publishOld(workspace, disk);
    for (let week = 1; week < 8; week += 1)
      await refreshRepositories(workspace, { now: start + week * 6 * day, unlock });
    const now = start + 43 * day;
    const marked = await collectEverywhere(workspace, at(now), 'mem-east');
    assert.deepEqual(
      marked.map(({ location }) => location),
      ['mem-east'],
    );
    const again = await collectEverywhere(workspace, at(now + day));
    assert.deepEqual(
      again.map((one) => ('error' in one ? one.error.code : one.collection.removed.length > 0)),
      [false, true, false],
    );
    assert.ok(!(await namesOf(east)).some((name) => name.endsWith('.old.bin')));
    assert.ok((await namesOf(west)).some((name) => name.endsWith('.old.bin')));
    await assert.rejects(collectEverywhere(workspace, at(now), 'mem-north'), {
      code: 'usage',
      message: /mem-west/,
    });
  });

  it('leaves a region alone that is behind or down, names it, and cleans the others', async () => {
    const disk = await workspaceDisk();
    const [east, west] = [new MemoryStore('mem-east'), new MemoryStore('mem-west')];
    const workspace = { ...(await open(disk)), regions: [east, west] };
    await publishOld(workspace, disk);
    await refreshRepositories({ ...workspace, regions: [west] }, { now: start + 5 * day, unlock });
    const failing = new StorageReplay(west, {
      before: async () => {
        throw new TidegateError('network-unreachable', 'west is down');
      },
    });
    const before = await namesOf(east);
    const outcomes = await collectEverywhere({ ...workspace, regions: [east, failing] }, at(start + 6 * day));
    assert.deepEqual(
      outcomes.map((one) => ('error' in one ? one.error.code : 'cleaned')),
      ['cleaned', 'rollback', 'network-unreachable'],
    );
    assert.deepEqual(await namesOf(east), before);
  });
});

describe('signer/gc: old notes', () => {
  it('years of renewals and dead publications leave a bounded number of notes', async () => {
    const disk = await workspaceDisk();
    const store = new MemoryStore();
    const workspace = await open(disk, store);
    await publishOld(workspace, disk);
    const counts: number[] = [];
    for (let month = 1; month <= 11; month += 1) {
      for (let turn = 0; turn < 5; turn += 1) {
        const now = start + month * 30 * day + turn * 6 * day;
        // A publication that dies before its commit, each time another one.
        const dying = dyingAtCommit(store);
        const here = { ...workspace, store: dying };
        await assert.rejects(refreshRepositories(here, { now, unlock, force: true }), /died/);
        const files = new Map([['targets/x', { length: 1 }]]);
        await holdPin(
          store,
          { repository: 'metadata', plan: `${month}-${turn}`, versions: new Map(), files },
          now,
        );
        await refreshRepositories(workspace, { now: now + hour, unlock, force: true });
        await collectEverywhere(workspace, at(now + 2 * hour));
      }
      counts.push((await namesOf(store, '.publish/')).length);
    }
    const [, , , , fifth = 0, ...rest] = counts;
    assert.ok(
      rest.every((count) => count <= fifth + 2),
      counts.join(' '),
    );
    const outcomes = await collectEverywhere(workspace, at(start + 356 * day, { act: false }));
    assert.ok(outcomes.every((one) => !('error' in one)));
  }).timeout(30_000);

  it('a dry run names them and removes none', async () => {
    const store = new MemoryStore();
    const disk = await workspaceDisk();
    const workspace = await open(disk, store);
    await publishOld(workspace, disk);
    const files = new Map([['targets/x', { length: 1 }]]);
    await holdPin(store, { repository: 'metadata', plan: 'p', versions: new Map(), files }, start);
    const look = async (now: number) => {
      const [first] = await collectEverywhere(workspace, at(now, { act: false }));
      return first !== undefined && 'notes' in first ? first.notes : [];
    };
    const now = start + 2 * pinLifetime;
    assert.deepEqual(await look(now), []);
    assert.deepEqual(await look(now + 1), ['.publish/metadata/plans/p.json']);
    assert.equal((await namesOf(store, '.publish/metadata/plans/')).length, 1);
  });

  it('what waits for its commit, and a pin, stay for as long as anybody may go on with them', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const dying = dyingAtCommit(store);
    await assert.rejects(planAndPublish({ ...workspace, store: dying }, start), /died/);
    const kinds = async (now: number) => {
      const names = await endOldNotes(workspace, { now, grace: defaultGrace.grace, act: false });
      return names.map((name) => name.split('/')[2]);
    };
    assert.deepEqual(await kinds(start + 2 * pinLifetime), []);
    assert.deepEqual(await kinds(start + 2 * pinLifetime + 1), ['plans']);
    assert.deepEqual(await kinds(start + defaultGrace.grace), ['plans']);
    assert.deepEqual(await kinds(start + defaultGrace.grace + 1), ['plans', 'prepared']);
  });

  it('files of dead probes go after a day; the notes of a repository gc/lists are none', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-notes-'));
    try {
      const store = new DirectoryStore(folder);
      const workspace = await open(await workspaceDisk(), store);
      const probes = ['.probe/x', '.publish/gc/lists/x.json'];
      for (const name of [...probes, '.publish/gc/lists/journal/1.json'])
        await store.create(name, Buffer.from('{}'));
      const look = async (now: number) => await endOldNotes(workspace, { now, grace: 0, act: false });
      assert.deepEqual(await look(Date.now() + day - hour), []);
      assert.deepEqual(await look(Date.now() + day + hour), probes);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('the journal keeps what was current in its time, the one before, and what is still valid', () => {
    const commit = (version: number, days: number, expires = days + 7) => ({
      ...{ version, snapshot: version, sha256: '', time: start + days * day },
      expires: start + expires * day,
    });
    const commits = [commit(1, 0), commit(2, 5, 900), commit(3, 10), commit(4, 20), commit(5, 120)];
    const since = start + 20 * day;
    const old = replacedBefore(commits, since, since + journalLife);
    assert.deepEqual(
      old.map(({ version }) => version),
      [1, 3],
    );
    assert.deepEqual(replacedBefore(commits.slice(0, 1), since, since), []);
  });
});
