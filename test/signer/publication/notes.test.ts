/** What publishers leave in the store for each other: pins, signed timestamps, the journal of commits. */
import assert from 'node:assert/strict';
import { TidegateError } from '../../../src/errors.ts';
import { digestOf } from '../../../src/metadata/crypto.ts';
import {
  type CommitNote,
  readCommits,
  readPrepared,
} from '../../../src/signer/publication/commit-journal.ts';
import { holdPin, pinLifetime, pinOf, readPins } from '../../../src/signer/publication/pin.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { resumePublications } from '../../../src/signer/publication/resume.ts';
import { noteName } from '../../../src/signer/publication/store-note.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { ProcessDied } from '../../support/file-system-replay.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  copyOf,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const later = start + day;

async function notesIn(store: SwappableStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of store.list('.publish/')) names.push(name.replace(/[0-9a-f]{64}/, 'HASH'));
  return names;
}

/** 1.0.0 is published; 1.1.0 waits. */
async function second(): Promise<{ store: MemoryStore; workspace: Workspace }> {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk(), store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.1.0');
  return { store, workspace };
}

/** A publication that dies before a call. */
async function diesBefore(workspace: Workspace, call: string, name: RegExp, after = false): Promise<void> {
  const good = await second();
  const recorder = new StorageReplay(good.store);
  await planAndPublish({ ...good.workspace, store: recorder }, later);
  const cut = recorder.calls.findIndex((each) => each.call === call && name.test(each.name));
  assert.ok(cut >= 0);
  const store = new StorageReplay(workspace.store, { cut, after });
  await assert.rejects(planAndPublish({ ...workspace, store }, later), ProcessDied);
}

describe('signer/publication: notes in the store', () => {
  it('a publication ends with its commit in the journal, and without pins', async () => {
    const { store, workspace } = await second();
    assert.deepEqual(await notesIn(store), ['.publish/metadata/journal/1.json']);
    const { plan } = await planAndPublish(workspace, later);
    assert.deepEqual(await notesIn(store), [
      '.publish/metadata/journal/1.json',
      '.publish/metadata/journal/2.json',
    ]);
    const commits = await readCommits(store, 'metadata');
    const told = ({ version, snapshot, time }: CommitNote) => [version, snapshot, time];
    assert.deepEqual(commits.map(told), [
      [1, 1, start],
      [2, 2, later],
    ]);
    const file = await store.read('.publish/metadata/journal/2.json', 99_999);
    const note = JSON.parse(Buffer.from(file?.bytes ?? []).toString());
    assert.equal(note.plan, plan.id);
    assert.match(note.actor, /@/);
    assert.deepEqual([note.base.version, note.base.snapshot, note.base.sha256], [1, 1, commits[0]?.sha256]);
    assert.equal(Object.keys(note.files).length, 3);
  });

  it('a pin is there before anybody asks for an image, and names each with its length and hash', async () => {
    const { store, workspace } = await second();
    const seen: string[] = [];
    const replay = new StorageReplay(store, {
      before: async ({ call, name }) => void seen.push(`${call} ${name.replace(/[0-9a-f]{64}/, 'HASH')}`),
    });
    const plan = await planPublication(workspace, { now: later });
    await publish({ ...workspace, store: replay }, plan, { now: later, unlock });
    const pin = seen.indexOf('create .publish/metadata/plans/HASH.json');
    const asked = seen.findIndex((call) => /1\.1\.0\.img/.test(call));
    assert.ok(pin >= 0 && pin < asked, seen.join('\n'));
  });

  it('PUB-22: a pin holds for a week, is held anew when half of it is over, and holds nothing afterwards', async () => {
    const { store, workspace } = await second();
    const [part] = (await planPublication(workspace, { now: later })).repositories;
    assert.ok(part);
    const wish = pinOf(part);
    await holdPin(store, wish, later);
    const [pin] = await readPins(store, later);
    assert.deepEqual([...(pin?.files ?? [])].sort(), [...wish.files.keys()].sort());
    assert.deepEqual(
      pin?.versions,
      new Map([
        ['targets', 2],
        ['snapshot', 2],
        ['timestamp', 2],
      ]),
    );
    assert.equal(pin?.expiresAt, later + pinLifetime);
    await holdPin(store, wish, later + hour);
    assert.equal((await readPins(store, later))[0]?.expiresAt, later + pinLifetime);
    await holdPin(store, wish, later + 4 * day);
    assert.equal((await readPins(store, later))[0]?.expiresAt, later + 4 * day + pinLifetime);
    assert.deepEqual(await readPins(store, later + 12 * day), []);
  });

  it('a note that is damaged is named, never passed over', async () => {
    const { store } = await second();
    await store.create(noteName('metadata', 'plans', 'x'), Buffer.from('{"format": 1}'));
    await store.create(noteName('metadata', 'prepared', 'x'), Buffer.from('not JSON'));
    await assert.rejects(readPins(store, later), { code: 'state-damaged', message: /plans\/x/ });
    await assert.rejects(readPrepared(store, 'metadata'), { code: 'state-damaged', message: /prepared\/x/ });
  });

  it('one of another version of the program does not hold up what is committed already', async () => {
    for (const after of [false, true]) {
      const { store, workspace } = await second();
      await diesBefore(workspace, 'swap', /timestamp\.json$/, after);
      for await (const { name, etag } of store.list('.publish/metadata/prepared/'))
        await store.swap(name, Buffer.from('{"format": 1, "plan": "0"}'), etag);
      const { result } = await planAndPublish(workspace, later);
      assert.equal(result.repositories.length, after ? 0 : 1);
      const left = (await notesIn(store)).filter((name) => !name.includes('/plans/'));
      assert.deepEqual(left, ['.publish/metadata/journal/1.json', '.publish/metadata/journal/2.json']);
      const [, commit] = await readCommits(store, 'metadata');
      assert.equal(commit?.version, 2);
    }
  });

  it('a store that forbids to remove keeps the notes, and the publication ends all the same', async () => {
    const { store, workspace } = await second();
    const forbidding = new Proxy(store, {
      get: (target, name) => {
        if (name === 'remove')
          return async () => await Promise.reject(new TidegateError('access-denied', 'you may not remove'));
        const member = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await planAndPublish({ ...workspace, store: forbidding }, later);
    assert.deepEqual((await notesIn(store)).length, 4);
    assert.equal((await readPins(store, later)).length, 1);
  });
});

describe('signer/publication/resume', () => {
  it('PUB-01: what was signed is finished from another disk, without keys and drafts', async () => {
    const { store, workspace } = await second();
    await diesBefore(workspace, 'swap', /timestamp\.json$/);
    const disk = await workspaceDisk();
    for (const role of ['targets', 'snapshot', 'timestamp'])
      await disk.unlink(`${directory}/keys/${role}.key.json`);
    const elsewhere = await open(disk, store);
    const [prepared] = await readPrepared(store, 'metadata');
    const [done] = await resumePublications(elsewhere, {
      now: later + hour,
      plan: prepared?.plan.slice(0, 12),
    });
    assert.deepEqual([done?.outcome, done?.version, done?.plans], ['finished', 2, [prepared?.plan]]);
    assert.deepEqual(await notesIn(store), [
      '.publish/metadata/journal/1.json',
      '.publish/metadata/journal/2.json',
    ]);
    const [again] = await resumePublications(elsewhere, { now: later + hour });
    assert.deepEqual([again?.outcome, again?.version], ['nothing', 2]);
    // The publisher that died finds that it is done.
    assert.deepEqual((await planPublication(workspace, { now: later + hour })).repositories, []);
  });

  it('a commit that nobody settled is noted, and its pin goes', async () => {
    const { store, workspace } = await second();
    await diesBefore(workspace, 'swap', /timestamp\.json$/, true);
    assert.equal((await readCommits(store, 'metadata')).length, 1);
    const [done] = await resumePublications(await open(await workspaceDisk(), store), { now: later + hour });
    assert.equal(done?.outcome, 'settled');
    assert.deepEqual(
      (await readCommits(store, 'metadata')).map(({ version }) => version),
      [1, 2],
    );
    assert.deepEqual(await readPins(store, later), []);
  });

  it('the journal has no gap, also where nobody resumed: the next publication notes what it replaces', async () => {
    const { store, workspace } = await second();
    await diesBefore(workspace, 'swap', /timestamp\.json$/, true);
    const other = await open(await workspaceDisk(), store);
    await refreshRepositories(other, { now: later + hour, unlock, force: true });
    assert.deepEqual(
      (await readCommits(store, 'metadata')).map(({ version }) => version),
      [1, 2, 3],
    );
  });

  it('one whose base has moved lost; one that is too old must be signed again', async () => {
    const { store, workspace } = await second();
    await diesBefore(workspace, 'swap', /timestamp\.json$/);
    const other = await open(await workspaceDisk(), store);
    await assert.rejects(resumePublications(other, { now: later + 4 * day }), { code: 'expired' });
    await refreshRepositories(other, { now: later + hour, unlock, force: true });
    const [lost] = await resumePublications(other, { now: later + 2 * hour });
    assert.deepEqual([lost?.outcome, lost?.version], ['lost', 2]);
  });

  it('of two that wait one must be named', async () => {
    const { store, workspace } = await second();
    const twin = {
      ...workspace,
      fileSystem: copyOf(workspace.fileSystem as Awaited<ReturnType<typeof workspaceDisk>>),
    };
    await diesBefore(workspace, 'swap', /timestamp\.json$/);
    await addVersion(twin, '1.2.0');
    const cut = new StorageReplay(store, {
      before: async ({ call }) => (call === 'swap' ? Promise.reject(new ProcessDied('swap')) : undefined),
    });
    await assert.rejects(planAndPublish({ ...twin, store: cut }, later), ProcessDied);
    const other = await open(await workspaceDisk(), store);
    await assert.rejects(resumePublications(other, { now: later + hour }), {
      code: 'usage',
      message: /--resume PLAN/,
    });
    const [, chosen] = await readPrepared(store, 'metadata');
    const [done] = await resumePublications(other, { now: later + hour, plan: chosen?.plan });
    assert.equal(done?.outcome, 'finished');
  });

  it('of one plan that two machines signed, and died, the last is finished', async () => {
    const { store, workspace } = await second();
    const copy = copyOf(workspace.fileSystem as Awaited<ReturnType<typeof workspaceDisk>>);
    await diesBefore(workspace, 'swap', /timestamp\.json$/);
    const [one] = (await planPublication(workspace, { now: later })).repositories;
    const twin = { ...workspace, fileSystem: copy };
    const file = await planPublication(twin, { now: later + hour, wavesFrom: later });
    assert.equal(file.repositories[0]?.digest, one?.digest, 'the same plan');
    const cut = new StorageReplay(store, {
      before: async ({ call }) => (call === 'swap' ? Promise.reject(new ProcessDied('swap')) : undefined),
    });
    await assert.rejects(publish({ ...twin, store: cut }, file, { now: later + hour, unlock }), ProcessDied);
    const waiting = await readPrepared(store, 'metadata');
    assert.deepEqual(waiting.map(({ preparedAt }) => preparedAt).sort(), [later, later + hour]);
    const other = await open(await workspaceDisk(), store);
    const [done] = await resumePublications(other, { now: later + 2 * hour });
    assert.deepEqual([done?.outcome, done?.plans], ['finished', [file.id]]);
    const [commit] = (await readCommits(store, 'metadata')).slice(-1);
    const newest = waiting.find(({ preparedAt }) => preparedAt === later + hour);
    assert.equal(commit?.sha256, digestOf('sha256', newest?.timestamp ?? ''));
  });

  it('a plan by name: published already, lost, or unknown', async () => {
    const { store, workspace } = await second();
    const { plan } = await planAndPublish(workspace, later);
    const named = async (id: string, now = later + hour) =>
      (await resumePublications(workspace, { now, plan: id }))[0];
    const { outcome, plans } = (await named(plan.id.slice(0, 8))) ?? {};
    assert.deepEqual([outcome, plans], ['nothing', [plan.id]]);
    await assert.rejects(named('f00'), { code: 'not-found', message: /plan f00/ });
    await addVersion(workspace, '1.2.0');
    const dying = new StorageReplay(store, {
      before: async ({ call }) => (call === 'swap' ? Promise.reject(new ProcessDied('swap')) : undefined),
    });
    await assert.rejects(planAndPublish({ ...workspace, store: dying }, later + day), ProcessDied);
    const [waiting] = await readPrepared(store, 'metadata');
    await refreshRepositories(await open(await workspaceDisk(), store), {
      now: later + day,
      unlock,
      force: true,
    });
    assert.equal((await named(waiting?.plan ?? '', later + day))?.outcome, 'lost');
    const [much] = await resumePublications(workspace, { now: later + 5 * day });
    assert.equal(much?.outcome, 'nothing', 'nobody waits for it any more');
  });

  it('PUB-20: nothing is committed when a file that it lists is gone meanwhile', async () => {
    const { store, workspace } = await second();
    await diesBefore(workspace, 'swap', /timestamp\.json$/);
    for await (const { name, etag } of store.list('targets/'))
      if (name.endsWith('1.1.0.img')) await store.remove(name, etag);
    const other = await open(await workspaceDisk(), store);
    await assert.rejects(resumePublications(other, { now: later + hour }), {
      code: 'not-found',
      message: /1\.1\.0/,
    });
  });
});
