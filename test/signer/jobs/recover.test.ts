/** Attacks on a real repository in memory, with real clients that believed them, and what brings those back. */
import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import { signRequest } from '../../../src/signer/ceremony/sign-request.ts';
import { advanceJob } from '../../../src/signer/jobs/advance.ts';
import { forgedFiles, forgedTarget } from '../../../src/signer/jobs/drill/attack.ts';
import type { StandIn } from '../../../src/signer/jobs/drill/stand-ins.ts';
import { stateOfCopy, stateOfJournal } from '../../../src/signer/jobs/honest-state.ts';
import { forgottenRoles, proofRows, seenBefore } from '../../../src/signer/jobs/proof.ts';
import { startRecovery, startRevocation } from '../../../src/signer/jobs/start-job.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import { goOn, Host, signWaiting, startOptions } from '../../support/jobs.ts';
import { PeerHost } from '../../support/peer-host.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  copyOf as copyOfDisk,
  day,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  putFile,
  start,
  unlock,
} from '../../support/workspace.ts';
import { foreignKey, nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

const now = start + day;
const highest = Number.MAX_SAFE_INTEGER;

function placeOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place !== undefined);
  return place;
}

/** Three roots, version 1.1.0 published under the last. */
async function olderRepository() {
  const { fs, store, workspace } = await publishedWorkspace();
  const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
  let present = workspace;
  for (const time of [start + 1000, start + 2000]) present = await nextRoot(present, keys, time);
  await addVersion(present, '1.1.0');
  await planAndPublish(present, start + 3000);
  return { fs, store, workspace: await open(fs, store) };
}

async function attack(
  workspace: Workspace,
  store: MemoryStore,
  stolen: readonly string[],
  options: Parameters<typeof forgedFiles>[3] = {},
) {
  const standIns = new Map<string, StandIn>();
  for (const { id, name } of workspace.keys.values())
    standIns.set(id, { name, key: await ownKey(workspace, name) });
  const live = await readLive(workspace, placeOf(workspace));
  const files = await forgedFiles({ standIns }, live, new Set(stolen), options);
  await show(store, files);
  return files;
}

async function show(store: MemoryStore, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [name, bytes] of files) {
    if (name.endsWith('timestamp.json')) await store.swap(name, bytes, (await store.stat(name))?.etag);
    else await store.create(name, bytes);
  }
}

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { name } of store.list())
    await copy.create(name, (await store.read(name, 10_000_000))?.bytes ?? new Uint8Array());
  return copy;
}

async function recovered(
  workspace: Workspace,
  remove: readonly string[] = [],
  stolen: readonly string[] = [],
) {
  const honest = [await stateOfJournal(workspace, placeOf(workspace))];
  const job = await startRecovery(workspace, { ...startOptions(now), honest, remove, stolen });
  const standing = await goOn(workspace, job, now);
  assert.equal(standing.stage, 'done');
  return standing.job;
}

describe('signer/jobs recover', () => {
  const hosts: (Host | PeerHost)[] = [];
  afterEach(() => {
    for (const host of hosts.splice(0)) host.end();
  });

  /** A host for every root, and the same with tuf-js. */
  async function hostsOf(workspace: Workspace) {
    const own = workspace.roots.map((root) => new Host(root));
    const peers = workspace.roots.map((root) => new PeerHost(root));
    hosts.push(...own, ...peers);
    for (const host of [...own, ...peers]) host.now = now;
    return { own, peers };
  }

  const attacks = {
    timestamp: ['timestamp'],
    'snapshot and timestamp': ['snapshot', 'timestamp'],
    'snapshot and timestamp for targets': ['targets', 'snapshot', 'timestamp'],
  };
  for (const [replaced, stolen] of Object.entries(attacks)) {
    it(`TUF-22, SGN-34: hosts that saw the highest numbers recover when ${replaced} are replaced`, async () => {
      const { fs, store, workspace } = await olderRepository();
      const { own, peers } = await hostsOf(workspace);
      const forged = await attack(workspace, store, stolen, { version: highest });
      for (const host of own) assert.equal((await host.refresh(store)).versions.timestamp, highest);
      for (const peer of peers) await peer.lookUp(store, forgedTarget);
      const job = await recovered(workspace);
      assert.deepEqual(job.changes.map(({ role }) => role).sort(), [...stolen].sort());
      for (const host of own) {
        const { versions } = await host.refresh(store);
        const targets = stolen.includes('targets') ? 3 : 2;
        assert.deepEqual({ ...versions }, { root: 4, targets, snapshot: 3, timestamp: 3 });
        await assert.rejects(host.client(store).resolve(forgedTarget), { code: 'target-not-found' });
      }
      for (const peer of peers) {
        assert.equal(await peer.lookUp(store, forgedTarget), undefined);
        assert.ok((await peer.lookUp(store, 'manifest.json')) !== undefined);
      }
      const again = await copyOf(store);
      await show(again, forged);
      for (const host of own) await assert.rejects(host.refresh(again), { code: 'threshold-not-met' });
      for (const peer of peers) await assert.rejects(peer.lookUp(again, 'manifest.json'));
      const last = await open(fs, store);
      await addVersion(last, '1.2.0');
      await planAndPublish(last, now + hour);
    }).timeout(30_000);
  }

  it('SGN-34: works where the attacker left nothing that can be read, and proves it for every root', async () => {
    const { fs, store, workspace } = await olderRepository();
    const { own } = await hostsOf(workspace);
    await attack(workspace, store, ['timestamp'], { version: highest, hidesSnapshot: true });
    for (const host of own) await assert.rejects(host.refresh(store), { code: 'not-found' });
    await assert.rejects(startRevocation(workspace, 'timestamp', startOptions(now)), {
      code: 'not-found',
      message: /Next: tidegate recover$/,
    });
    const job = await recovered(workspace);
    // What a timestamp says of a snapshot may have been forged as well: its key goes too.
    assert.deepEqual(
      job.changes.map(({ role }) => role),
      ['snapshot', 'timestamp'],
    );
    const place = placeOf(workspace);
    const seen = seenBefore(job, place);
    assert.ok(seen !== undefined);
    const rows = await proofRows(await open(fs, store), place, { now, poisoned: forgottenRoles(job), seen });
    assert.equal(rows.length, 3 * 4 - 1);
    for (const { client, outcome, good } of rows) assert.ok(good, `${client}: ${outcome}`);
    for (const host of own) assert.equal((await host.refresh(store)).versions.root, 4);
  }).timeout(20_000);

  it('SGN-34: takes a named target away, and the release that it belongs to', async () => {
    const { fs, store, workspace } = await olderRepository();
    await attack(workspace, store, ['timestamp', 'snapshot', 'targets']);
    const gone = 'os-demo-x86_64-1.1.0.img';
    await recovered(workspace, [gone]);
    const live = await readLive(await open(fs, store), placeOf(workspace));
    assert.deepEqual(
      live.manifest.updates.map(({ version }) => version),
      ['1.0.0'],
    );
    assert.deepEqual([...(live.published?.targets.targets.keys() ?? [])].sort(), [
      'manifest.json',
      'os-demo-x86_64-1.0.0.img',
    ]);
  }).timeout(20_000);

  it('goes back to a trusted copy of a snapshot or of targets, and to nothing else', async () => {
    for (const [role, images] of [
      ['1.snapshot', 1],
      ['1.targets', 1],
      ['2.targets', 2],
    ] as const) {
      const { fs, store, workspace } = await olderRepository();
      const place = placeOf(workspace);
      const bytes = (await store.read(`metadata/${role}.json`, 1_000_000))?.bytes ?? new Uint8Array();
      await attack(workspace, store, ['timestamp', 'snapshot', 'targets']);
      const honest = [await stateOfCopy(workspace, place, { bytes, path: `${role}.json` })];
      const job = await startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen: [] });
      await goOn(workspace, job, now);
      const live = await readLive(await open(fs, store), place);
      assert.equal(live.manifest.updates.length, images, role);
      const root = (await store.read('metadata/1.root.json', 1_000_000))?.bytes ?? new Uint8Array();
      await assert.rejects(stateOfCopy(workspace, place, { bytes: root, path: 'root.json' }), {
        code: 'document-invalid',
        message: /found a root, expected a copy of snapshot\.json or targets\.json/,
      });
    }
  }).timeout(30_000);

  it('a copy that the keys of no root have signed is refused', async () => {
    const { store, workspace } = await olderRepository();
    const bytes = (await store.read('metadata/1.snapshot.json', 1_000_000))?.bytes ?? new Uint8Array();
    const other = JSON.parse(Buffer.from(bytes).toString());
    other.signed.version = 7;
    const forged = Buffer.from(JSON.stringify(other));
    const honest = [await stateOfCopy(workspace, placeOf(workspace), { bytes: forged, path: 'x' })];
    await assert.rejects(startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen: [] }), {
      code: 'threshold-not-met',
    });
  }).timeout(20_000);

  it('people sign the targets of a recovery where their key is not at hand', async () => {
    const { fs, store, workspace } = await olderRepository();
    const carol = await foreignKey(fs, 'carol');
    await attack(workspace, store, ['timestamp', 'snapshot', 'targets']);
    const honest = [await stateOfJournal(workspace, placeOf(workspace))];
    const keys = [{ role: 'targets', name: 'carol', place: undefined }];
    const job = await startRecovery(await open(fs, store), {
      ...startOptions(now, { keys }),
      honest,
      remove: [],
      stolen: [],
    });
    assert.deepEqual(job.changes.find(({ role }) => role === 'targets')?.after, ['carol']);
    await advanceJob(workspace, job, { now, unlock });
    await signWaiting(workspace);
    const asked = await advanceJob(workspace, job, { now, unlock });
    assert.deepEqual(
      asked.waiting.map(({ role, missing }) => [role, missing]),
      [['targets', ['carol']]],
    );
    const again = await advanceJob(workspace, job, { now: now + hour, unlock });
    assert.deepEqual(again.waiting, asked.waiting);
    const path = asked.waiting[0]?.path ?? '';
    const request = parseSigningRequest(
      (await readPlainFile(fs, path, 1_000_000))?.bytes ?? new Uint8Array(),
      path,
    );
    await putFile(fs, path, formatSigningRequest(await signRequest(request, carol)));
    const done = await advanceJob(workspace, job, { now: now + 2 * hour, unlock });
    assert.equal(done.stage, 'done');
    const host = new Host(workspace.roots[0] ?? new Uint8Array());
    hosts.push(host);
    host.now = now + 2 * hour;
    assert.equal((await host.refresh(store)).versions.targets, 3);
  }).timeout(20_000);

  it('SGN-34: goes on after a crash at any write of the store, and never uses a number twice', async () => {
    const { fs, store, workspace } = await olderRepository();
    await attack(workspace, store, ['timestamp', 'snapshot', 'targets'], { version: highest });
    const place = placeOf(workspace);
    const honest = [await stateOfJournal(workspace, place)];
    const job = await startRecovery(workspace, { ...startOptions(now), honest, remove: [], stolen: [] });
    await advanceJob(workspace, job, { now, unlock });
    await signWaiting(workspace);
    const recorder = new StorageReplay(await copyOf(store));
    await advanceJob(await open(copyOfDisk(fs), recorder), job, { now, unlock });
    const writes = recorder.calls.flatMap(({ call }, index) =>
      call === 'create' || call === 'swap' ? [index] : [],
    );
    assert.ok(writes.length >= 4);
    const cuts = writes.flatMap((index) =>
      recorder.calls[index]?.call === 'swap'
        ? [[index, false] as const, [index, true] as const]
        : [[index, index % 2 === 0] as const],
    );
    for (const [cut, after] of cuts) {
      const [disk, shelf] = [copyOfDisk(fs), await copyOf(store)];
      const died = advanceJob(await open(disk, new StorageReplay(shelf, { cut, after })), job, {
        now,
        unlock,
      });
      await assert.rejects(died);
      const first = (await shelf.read('metadata/timestamp.json', 100_000))?.bytes ?? new Uint8Array();
      const standing = await advanceJob(await open(disk, shelf), job, { now: now + hour, unlock });
      assert.equal(standing.stage, 'done', `write ${cut}`);
      const last = (await shelf.read('metadata/timestamp.json', 100_000))?.bytes ?? new Uint8Array();
      const versions = [first, last].map((bytes) =>
        parseEnvelope(bytes, documentLimits, 'timestamp').signed.get('version'),
      );
      assert.ok(
        versions[0] !== versions[1] || Buffer.compare(first, last) === 0,
        `write ${cut}: ${versions}`,
      );
      const present = await open(disk, shelf);
      const seen = seenBefore(job, place);
      assert.ok(seen !== undefined);
      const rows = await proofRows(present, place, { now: now + hour, poisoned: forgottenRoles(job), seen });
      assert.deepEqual(
        rows.filter(({ good }) => !good),
        [],
        `write ${cut}`,
      );
    }
  }).timeout(30_000);

  it('a stolen root key is not for recover, and a role without an attacker is left alone', async () => {
    const { workspace } = await olderRepository();
    const honest = [await stateOfJournal(workspace, placeOf(workspace))];
    const options = { ...startOptions(now, { dryRun: true }), honest, remove: [] };
    await assert.rejects(startRecovery(workspace, { ...options, stolen: ['root'] }), {
      code: 'usage',
      message: /revoke NAME --compromised/,
    });
    const roles = async (stolen: readonly string[]) =>
      (await startRecovery(workspace, { ...options, stolen })).changes.map(({ role }) => role);
    await assert.rejects(roles([]), { code: 'usage', message: /nothing to recover from/ });
    const remove = ['os-demo-x86_64-1.1.0.img'];
    const { changes } = await startRecovery(workspace, { ...options, remove, stolen: [] });
    assert.deepEqual(
      changes.map(({ role }) => role),
      ['targets', 'snapshot', 'timestamp'],
    );
    assert.deepEqual(await roles(['snapshot']), ['snapshot', 'timestamp']);
  }).timeout(20_000);
});
