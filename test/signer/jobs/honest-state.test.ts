/** What a recovery returns to: this workspace's own copy, whatever lies in the store under the same name. */
import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { rolesToReplace } from '../../../src/signer/jobs/affected-roles.ts';
import { rehearse } from '../../../src/signer/jobs/drill/drill.ts';
import { type StandIn, signedByStandIns } from '../../../src/signer/jobs/drill/stand-ins.ts';
import { changedRoles, stateOfCopy, stateOfJournal } from '../../../src/signer/jobs/honest-state.ts';
import { proofRows } from '../../../src/signer/jobs/proof.ts';
import { startRecovery, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { withKeyPlace } from '../../../src/signer/workspace/role-edit.ts';
import { chainOf } from '../../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import type { MemoryStore } from '../../../src/storage/memory.ts';
import { goOn, startOptions } from '../../support/jobs.ts';
import {
  addVersion,
  day,
  open,
  planAndPublish,
  publishedWorkspace,
  putFile,
  start,
  unlock,
} from '../../support/workspace.ts';
import { nextRoot, ownKey, textOf } from '../../support/workspace-ceremony.ts';

const now = start + day;

function placeOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place !== undefined);
  return place;
}

async function bytesOf(store: MemoryStore, name: string): Promise<Uint8Array> {
  return (await store.read(`metadata/${name}`, 1_000_000))?.bytes ?? new Uint8Array();
}

async function put(store: MemoryStore, name: string, bytes: Uint8Array | undefined): Promise<void> {
  const path = `metadata/${name}`;
  await store.remove(path, (await store.stat(path))?.etag ?? '');
  if (bytes !== undefined) await store.create(path, bytes);
}

/** The snapshot with what a thief of its key adds, under the same number. */
async function forgedSnapshot(workspace: Workspace, bytes: Uint8Array): Promise<Uint8Array> {
  const key = await ownKey(workspace, 'snapshot');
  const standIns = new Map<string, StandIn>([[key.id, { name: 'snapshot', key }]]);
  const { signed } = parseEnvelope(bytes, documentLimits, 'snapshot');
  return await signedByStandIns(withMembers(signed, { comment: 'of a thief' }), [key.id], standIns);
}

describe('signer/jobs: the state to return to', () => {
  for (const fate of ['replaced by one with a good signature', 'taken away'])
    it(`SGN-34: is the honest one where its snapshot was ${fate}`, async () => {
      const { fs, store, workspace } = await publishedWorkspace();
      const place = placeOf(workspace);
      const honest = await bytesOf(store, '1.snapshot.json');
      const forged = fate === 'taken away' ? undefined : await forgedSnapshot(workspace, honest);
      await put(store, '1.snapshot.json', forged);
      const state = await stateOfJournal(workspace, place);
      assert.deepEqual(Buffer.from(state.snapshot), Buffer.from(honest));
      assert.deepEqual(await changedRoles(workspace, place, state), ['timestamp', 'snapshot']);
      const options = { ...startOptions(now), honest: [state], remove: [], stolen: [] };
      const job = await startRecovery(workspace, options);
      assert.equal((await goOn(workspace, job, now)).stage, 'done');
      assert.doesNotMatch(Buffer.from(await bytesOf(store, '2.snapshot.json')).toString(), /thief/);
      assert.deepEqual((await open(fs, store)).settings.roles.snapshot.keys, ['snapshot-2']);
    }).timeout(20_000);

  it('PUB-05: a store that only an old backup is left of: numbers that hosts saw are forgotten with the keys', async () => {
    const { fs, store } = await publishedWorkspace();
    const backup = new Map<string, Uint8Array>();
    for (const name of ['timestamp.json', '1.snapshot.json', '1.targets.json'])
      backup.set(name, await bytesOf(store, name));
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.1.0');
    await planAndPublish(workspace, start + 1000);
    for (const name of ['2.snapshot.json', '2.targets.json']) await put(store, name, undefined);
    await put(store, 'timestamp.json', backup.get('timestamp.json'));
    const bytes = backup.get('1.snapshot.json') ?? new Uint8Array();
    const state = await stateOfCopy(workspace, placeOf(workspace), { bytes, path: 'backup' });
    const job = await startRecovery(workspace, {
      ...startOptions(now),
      honest: [state],
      remove: [],
      stolen: [],
    });
    assert.equal((await goOn(workspace, job, now)).stage, 'done');
    const { settings } = await open(fs, store);
    const { snapshot, timestamp, targets } = settings.roles;
    assert.deepEqual(
      [snapshot, timestamp, targets].flatMap(({ keys }) => keys),
      ['snapshot-2', 'timestamp-2', 'targets'],
    );
    assert.equal((await readLive(await open(fs, store), placeOf(workspace))).published?.timestamp.version, 2);
  }).timeout(20_000);

  it('a file of it that was altered is named, and what to do', async () => {
    const { store, workspace } = await publishedWorkspace();
    const state = await stateOfJournal(workspace, placeOf(workspace));
    await put(store, '1.targets.json', new TextEncoder().encode('{}'));
    const options = { ...startOptions(now), honest: [state], remove: [], stolen: [] };
    await assert.rejects(startRecovery(workspace, options), {
      message: /1\.targets\.json.*put that file back from a backup, or give --keep-from FILE/,
    });
  }).timeout(20_000);

  it('numbers go on from a copy, and from those of this workspace only where they belong to it', async () => {
    const { fs, store } = await publishedWorkspace();
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.1.0');
    await planAndPublish(workspace, start + 1000);
    for (const time of [now, now + day])
      await refreshRepositories(await open(fs, store), { now: time, unlock, force: true });
    const place = placeOf(workspace);
    const copy = async (name: string) =>
      await stateOfCopy(await open(fs, store), place, { bytes: await bytesOf(store, name), path: name });
    assert.equal((await copy('2.snapshot.json')).timestamp, 4);
    assert.equal((await copy('1.snapshot.json')).timestamp, 1);
    await fs.unlink('/home/workspace/state/metadata/seen.json');
    assert.equal((await copy('2.snapshot.json')).timestamp, 2);
  }).timeout(20_000);

  it('root is never among the roles that go with others', () => {
    assert.deepEqual(rolesToReplace(['root', 'targets']), ['targets', 'snapshot', 'timestamp']);
  });

  it('SGN-34: a host that still finds what should be gone is no proof of a recovery', async () => {
    const { workspace } = await publishedWorkspace();
    const options = { now, poisoned: [], seen: { timestamp: 1, snapshot: 1, meta: new Map() } };
    const place = placeOf(workspace);
    const { document } = chainOf(workspace.roots, 'roots').root;
    const present = await nextRoot(
      workspace,
      [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')],
      now,
    );
    await planAndPublish(present, now);
    const rows = async (gone: readonly string[]) => await proofRows(present, place, { ...options, gone });
    assert.ok((await rows(['nothing.img'])).every(({ good }) => good));
    const found = await rows(['os-demo-x86_64-1.0.0.img']);
    assert.ok(found.length > 0 && document.version === 1);
    for (const { good, outcome } of found)
      assert.deepEqual([good, outcome], [false, 'finds os-demo-x86_64-1.0.0.img']);
  }).timeout(20_000);

  it('a rehearsal asks no key service for the keys that it stands in for', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const path = '/home/workspace/tidegate.toml';
    await putFile(
      fs,
      path,
      new TextEncoder().encode(withKeyPlace(await textOf(fs, path), 'timestamp', 'fd:99')),
    );
    const source = await open(fs, store);
    const begin = (copy: Workspace) => startRotation(copy, 'timestamp', startOptions(now));
    const lives = [await readLive(source, placeOf(workspace))];
    const report = await rehearse({ source, lives, stolen: [], begin, now });
    assert.ok(report.good, JSON.stringify(report.rows));
  }).timeout(20_000);
});
