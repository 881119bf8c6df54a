import assert from 'node:assert/strict';
import { TidegateError } from '../../src/errors.ts';
import { readLive } from '../../src/signer/publication/live-repository.ts';
import { dueRoles, refreshRepositories } from '../../src/signer/refresh.ts';
import { removeDraft } from '../../src/signer/release/draft.ts';
import { statusOf } from '../../src/signer/status.ts';
import { repositoriesOf, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { dyingAtCommit, StorageReplay } from '../support/storage-replay.ts';
import {
  addVersion,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  unlock,
  workspaceDisk,
} from '../support/workspace.ts';

async function published(store = new MemoryStore()): Promise<Workspace> {
  return (await publishedWorkspace(store)).workspace;
}

async function timestampOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  return place && (await readLive(workspace, place)).published;
}

describe('signer/refresh', () => {
  it('signs the timestamp twice a day, the others at half of their life', async () => {
    const workspace = await published();
    const [place] = repositoriesOf(workspace.settings);
    assert.ok(place);
    const live = await readLive(workspace, place);
    const due = (now: number) => [...dueRoles(live, workspace.expiration, now)];
    assert.deepEqual(due(start), []);
    assert.deepEqual(due(start + 12 * hour - 1000), []);
    assert.deepEqual(due(start + 12 * hour), ['timestamp']);
    assert.deepEqual(due(start + 7 * day), ['snapshot', 'timestamp']);
    assert.deepEqual(due(start + 91 * day), ['targets', 'snapshot', 'timestamp']);
    assert.deepEqual([...dueRoles({ published: undefined }, workspace.expiration, start)], []);
  });

  it('SGN-23: signs a timestamp and a snapshot again that live longer than the policy allows', async () => {
    const workspace = await published();
    const [place] = repositoriesOf(workspace.settings);
    assert.ok(place);
    const live = await readLive(workspace, place);
    const { expiration } = workspace;
    const due = (more: Partial<typeof expiration>, now = start) => [
      ...dueRoles(live, { ...expiration, ...more }, now),
    ];
    const tolerance = hour / 12;
    assert.deepEqual(due({ timestamp: day }), ['timestamp'], 'the policy became stricter');
    assert.deepEqual(due({ snapshot: 7 * day }), ['snapshot']);
    assert.deepEqual(due({ targets: 7 * day }), [], 'targets bound no freeze, and may need people');
    assert.deepEqual(due({}, start - tolerance), []);
    assert.deepEqual(due({}, start - tolerance - 1), ['snapshot', 'timestamp'], 'a clock was ahead');
    const stricter = { ...workspace, expiration: { ...expiration, timestamp: day } };
    const [result] = await refreshRepositories(stricter, { now: start + hour, unlock });
    assert.deepEqual([result?.outcome, result?.roles], ['refreshed', ['timestamp']]);
    assert.equal((await timestampOf(workspace))?.timestamp.expires, start + hour + day);
    const [status] = await statusOf(stricter, { now: start + hour });
    assert.equal(status?.next, undefined);
  });

  it('does only what is due, leaves drafts alone, and keeps the releases', async () => {
    const workspace = await published();
    await addVersion(workspace, '1.1.0');
    const run = (now: number, force = false) => refreshRepositories(workspace, { now, unlock, force });
    const outcomes = [];
    for (const now of [start + hour, start + day, start + 8 * day, start + 100 * day]) {
      const [result] = await run(now);
      outcomes.push([result?.outcome, result?.roles, result?.versions?.timestamp]);
    }
    assert.deepEqual(outcomes, [
      ['current', [], undefined],
      ['refreshed', ['timestamp'], 2],
      ['refreshed', ['snapshot', 'timestamp'], 3],
      ['refreshed', ['targets', 'snapshot', 'timestamp'], 4],
    ]);
    const [forced] = await run(start + 100 * day + 1000, true);
    assert.deepEqual([forced?.outcome, forced?.versions?.timestamp], ['refreshed', 5]);
    const [status] = await statusOf(workspace, { now: start + 100 * day + 1000 });
    assert.deepEqual([status?.releases, status?.drafts], [1, ['demo x86_64 1.1.0']]);
  });

  it('SGN-26: comes back by itself after everything has expired', async () => {
    const workspace = await published();
    const now = start + 200 * day;
    const [before] = await statusOf(workspace, { now });
    assert.deepEqual(
      before?.roles.map(({ role, state }) => [role, state]),
      [
        ['root', 'good'],
        ['timestamp', 'expired'],
        ['snapshot', 'expired'],
        ['targets', 'expired'],
      ],
    );
    assert.equal(before?.next, 'tidegate refresh');
    await refreshRepositories(workspace, { now, unlock });
    const [after] = await statusOf(workspace, { now });
    assert.ok(after?.roles.every(({ state }) => state === 'good'));
  });

  it('goes on without the keys that lie in a safe, and says what waits for them', async () => {
    const workspace = await published();
    const now = start + 100 * day;
    await workspace.fileSystem.unlink(`${directory}/keys/targets.key.json`);
    const [result] = await refreshRepositories(workspace, { now: start + 8 * day, unlock });
    assert.deepEqual([result?.roles, result?.waiting], [['snapshot', 'timestamp'], []]);
    const [waiting] = await refreshRepositories(workspace, { now, unlock });
    assert.deepEqual([waiting?.roles, waiting?.waiting], [['snapshot', 'timestamp'], ['targets']]);
    await workspace.fileSystem.unlink(`${directory}/keys/snapshot.key.json`);
    const [online] = await refreshRepositories(workspace, { now: now + 8 * day, unlock });
    assert.deepEqual([online?.roles, online?.waiting], [['timestamp'], ['targets', 'snapshot']]);
    await workspace.fileSystem.unlink(`${directory}/keys/timestamp.key.json`);
    await assert.rejects(refreshRepositories(workspace, { now: now + 10 * day, unlock }), {
      code: 'signatures-missing',
    });
  });

  it('SGN-23: bears a clock that is five minutes behind the last signature, and no more', async () => {
    const workspace = await published();
    const run = (now: number) => refreshRepositories(workspace, { now, unlock });
    assert.equal((await run(start - hour / 12))[0]?.outcome, 'current');
    await assert.rejects(run(start - hour / 12 - 1), { code: 'clock-behind' });
  });

  it('is cancelled as a whole, whoever hears of failures', async () => {
    const told: string[] = [];
    const { store, ...workspace } = await published();
    const stop = new AbortController();
    const before = async (): Promise<void> => {
      stop.abort();
      throw new TidegateError('cancelled', 'stopped');
    };
    const run = refreshRepositories(
      { ...workspace, store: new StorageReplay(store, { before }) },
      { now: start + day, unlock, signal: stop.signal, onFailure: (_, { code }) => told.push(code) },
    );
    await assert.rejects(run, { code: 'cancelled' });
    assert.deepEqual(told, []);
  });

  it('SGN-25: a job that is forced signs nothing upon what another one has just renewed', async () => {
    const store = new MemoryStore();
    const first = await published(store);
    const second = await open(await workspaceDisk(), store);
    let faster: Promise<unknown> | undefined;
    const before = async ({ call }: { readonly call: string }) => {
      if (call !== 'swap' || faster !== undefined) return;
      faster = refreshRepositories(second, { now: start + day + 1000, unlock });
      await faster;
    };
    const slow = { ...first, store: new StorageReplay(store, { before }) };
    const [result] = await refreshRepositories(slow, { now: start + day, unlock, force: true });
    assert.equal(result?.outcome, 'current');
    assert.equal((await timestampOf(first))?.timestamp.version, 2);
  });

  it('has nothing to do before the first publication', async () => {
    const workspace = await open(await workspaceDisk());
    const [result] = await refreshRepositories(workspace, { now: start, unlock, force: true });
    assert.equal(result?.outcome, 'unpublished');
  });

  it('SGN-25: of two jobs at once, in two workspaces, one signs; the other finds nothing due', async () => {
    const store = new MemoryStore();
    const first = await published(store);
    const second = await open(await workspaceDisk(), store);
    const now = start + day;
    let faster: Promise<unknown> | undefined;
    const before = async ({ call }: { readonly call: string }) => {
      if (call !== 'swap' || faster !== undefined) return;
      faster = refreshRepositories(second, { now: now + 1000, unlock });
      await faster;
    };
    const slow = { ...first, store: new StorageReplay(store, { before }) };
    const [result] = await refreshRepositories(slow, { now, unlock });
    assert.equal(result?.outcome, 'current');
    assert.equal((await timestampOf(first))?.timestamp.version, 2);
    const both = await Promise.all(
      [1, 2].map((at) => refreshRepositories(first, { now: now + day + at, unlock })),
    );
    assert.deepEqual(both.map(([one]) => one?.outcome).toSorted(), ['current', 'refreshed']);
    assert.equal((await timestampOf(first))?.timestamp.version, 3);
  });

  it('SGN-25: a job that dies at any call to the store is finished by the next, in one step', async () => {
    const now = start + 8 * day;
    const recorder = new StorageReplay(new MemoryStore());
    const good = await open(await workspaceDisk(), recorder);
    await planAndPublish(good, start);
    const first = recorder.calls.length;
    await refreshRepositories(good, { now, unlock });
    for (const [index, { call }] of recorder.calls.slice(first).entries()) {
      // A read changes nothing: dying after it is dying before the next call.
      for (const after of call === 'read' || call === 'stat' ? [false] : [false, true]) {
        const store = new MemoryStore();
        const workspace = await open(await workspaceDisk(), store);
        await planAndPublish(workspace, start);
        const dying = { ...workspace, store: new StorageReplay(store, { cut: index, after }) };
        await refreshRepositories(dying, { now, unlock }).catch(() => undefined);
        await refreshRepositories(workspace, { now: now + 60_000, unlock });
        const found = await timestampOf(workspace);
        assert.deepEqual([found?.timestamp.version, found?.snapshot.version], [2, 2], `call ${index}`);
      }
    }
  });
});

describe('signer/status', () => {
  it('says what to type next', async () => {
    const workspace = await open(await workspaceDisk());
    const next = async (now: number) => (await statusOf(workspace, { now }))[0]?.next;
    assert.equal(await next(start), 'tidegate plan');
    await addVersion(workspace, '1.0.0');
    assert.equal(await next(start), 'tidegate plan');
    await planAndPublish(workspace, start);
    assert.equal(await next(start), undefined);
    assert.equal(await next(start + day), 'tidegate refresh');
    await addVersion(workspace, '1.1.0');
    assert.equal(await next(start), 'tidegate plan');
    const recorder = dyingAtCommit(workspace.store);
    await assert.rejects(planAndPublish({ ...workspace, store: recorder }, start), /died/);
    assert.equal(await next(start), 'tidegate publish');
    await removeDraft(workspace, { variant: 'demo', arch: 'x86_64', version: '1.1.0' });
    assert.equal(await next(start), undefined, 'what was begun was taken back');
  });

  it('sends nobody to publish when a refresh died before its timestamp', async () => {
    const workspace = await published();
    const store = dyingAtCommit(workspace.store);
    const now = start + day;
    await assert.rejects(refreshRepositories({ ...workspace, store }, { now, unlock }), /died/);
    const [status] = await statusOf(workspace, { now });
    assert.deepEqual([status?.interrupted, status?.next], [false, 'tidegate refresh']);
    await refreshRepositories(workspace, { now, unlock });
    assert.equal((await statusOf(workspace, { now }))[0]?.next, undefined);
  });

  it('names version, expiry, what is left, and who signed', async () => {
    const workspace = await published();
    const [status] = await statusOf(workspace, { now: start + hour });
    assert.equal(status?.published, true);
    assert.deepEqual(
      status?.roles.map(({ role, version, remaining, signatures }) => [role, version, remaining, signatures]),
      [
        ['root', 1, 364 * day - hour, { have: 2, need: 2, by: ['root-1', 'root-2'], without: ['root-3'] }],
        ['timestamp', 1, 7 * day - hour, { have: 1, need: 1, by: ['timestamp'], without: [] }],
        ['snapshot', 1, 14 * day - hour, { have: 1, need: 1, by: ['snapshot'], without: [] }],
        ['targets', 1, 182 * day - hour, { have: 1, need: 1, by: ['targets'], without: [] }],
      ],
    );
    const [late] = await statusOf(workspace, { now: start + 320 * day });
    assert.equal(late?.roles[0]?.state, 'due');
  });
});
