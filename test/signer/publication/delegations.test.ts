import assert from 'node:assert/strict';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../../src/metadata/json.ts';
import { jsonOf, withMembers } from '../../../src/metadata/json-writer.ts';
import { parseTargetPath } from '../../../src/metadata/target-path.ts';
import { proposeTargets } from '../../../src/signer/ceremony/propose-targets.ts';
import { writeRequest } from '../../../src/signer/ceremony/request-folder.ts';
import { takeRequests } from '../../../src/signer/ceremony/take-requests.ts';
import { plannedDelegations } from '../../../src/signer/publication/delegation-plan.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { planAt, planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { searchSteps } from '../../../src/signer/publication/search-order.ts';
import { requireStillFound } from '../../../src/signer/publication/still-found.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { addTarget, removeTarget } from '../../../src/signer/release/add-target.ts';
import { listTargets } from '../../../src/signer/release/list-targets.ts';
import { steerRelease } from '../../../src/signer/release/steer-release.ts';
import { readTargetDrafts } from '../../../src/signer/release/target-draft.ts';
import { addDelegation, removeDelegation } from '../../../src/signer/workspace/edit-delegations.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { everyStorageCut } from '../../support/storage-replay.ts';
import { copyOfStore } from '../../support/stored-files.ts';
import {
  addVersion,
  copyOf,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';
import { editToml, foreignKey, signedBy, textOf } from '../../support/workspace-ceremony.ts';

const later = start + day;

/** A key whose private half lies in the workspace: that of another workspace of the tests. */
async function keyAtHand(fs: MemoryFileSystem, name: string): Promise<void> {
  const donor = await workspaceDisk({ template: 'single', name: `example/${name}` });
  for (const ending of ['pub', 'key.json'])
    await putFile(
      fs,
      `${directory}/keys/${name}.${ending}`,
      await textOf(donor, `${directory}/keys/targets.${ending}`),
    );
}

const firmware = { name: 'firmware', keys: ['dora'], threshold: 1, paths: ['fw-*'], terminating: false };

/** 1.0.0 is published; firmware is delegated in tidegate.toml, its key at hand. */
async function delegating(store = new MemoryStore()) {
  const fs = await workspaceDisk();
  const workspace = await open(fs, store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await keyAtHand(fs, 'dora');
  await addDelegation(workspace, firmware);
  return { fs, store, workspace: await open(fs, store) };
}

async function liveOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  if (place === undefined) throw new Error('no repository');
  return await readLive(workspace, place);
}

/** The member names of a list's objects. */
function jsonTexts(value: JsonValue | undefined): readonly string[] {
  return (isJsonArray(value) ? value : []).flatMap((item) => (isJsonObject(item) ? [...item.keys()] : []));
}

async function file(fs: MemoryFileSystem, name: string, text = `bytes of ${name}`): Promise<string> {
  return await putFile(fs, `/images/${name}`, text);
}

describe('signer/publication: delegated roles', () => {
  it('get their first metadata, and the snapshot lists them', async () => {
    const { workspace } = await delegating();
    const { plan } = await planAndPublish(workspace, later);
    assert.deepEqual(
      plan.signatures.map(({ role, from, to, keyNames }) => [role, from, to, keyNames]),
      [
        ['firmware', undefined, 1, ['dora']],
        ['targets', 1, 2, ['targets']],
        ['snapshot', 1, 2, ['snapshot']],
        ['timestamp', 1, 2, ['timestamp']],
      ],
    );
    assert.deepEqual(plan.changes, [
      { kind: 'delegation', repository: 'metadata', role: 'firmware', change: 'added' },
    ]);
    const { published } = await liveOf(workspace);
    assert.deepEqual([...(published?.delegated.keys() ?? [])], ['firmware']);
    assert.equal(published?.snapshot.meta.get('firmware.json')?.version, 1);
    assert.equal((await planPublication(workspace, { now: later })).repositories.length, 0);
  });

  it('list targets with what is attached to them; only they, snapshot and timestamp are signed', async () => {
    const { fs, workspace, store } = await delegating();
    await planAndPublish(workspace, later);
    const custom = jsonOf({ board: 'a', revisions: [1, 2] });
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware', custom });
    const { plan } = await planAndPublish(workspace, later + hour);
    assert.deepEqual(
      plan.signatures.map(({ role, to }) => [role, to]),
      [
        ['firmware', 2],
        ['snapshot', 3],
        ['timestamp', 3],
      ],
    );
    const listed = (await listTargets(workspace)).find(({ target }) => target === 'fw-7.bin');
    assert.deepEqual([listed?.role, listed?.state, listed?.custom], ['firmware', 'published', custom]);
    assert.deepEqual(await readTargetDrafts(workspace), []);
    assert.ok(await store.stat(`targets/${listed?.sha256}.fw-7.bin`));
  });

  it('list the images of a release, found by hosts through the search', async () => {
    const { fs, workspace } = await delegating();
    const image = await file(fs, 'fw-os-demo-x86_64-2.0.0.img');
    await addRelease(workspace, { images: { image }, role: 'firmware' });
    const { plan } = await planAndPublish(workspace, later);
    assert.deepEqual(
      plan.changes.map(({ kind }) => kind),
      ['delegation', 'release', 'target', 'target'],
    );
    const live = await liveOf(workspace);
    assert.ok(live.published?.delegated.get('firmware')?.document.targets.has('fw-os-demo-x86_64-2.0.0.img'));
    assert.equal(live.manifest.updates.length, 2);
  });

  it('DEL-18: list no name outside their paths, nor one that another role ends the search for', async () => {
    const { fs, workspace } = await delegating();
    const outside = { path: await file(fs, 'os-1.img'), role: 'firmware' };
    await assert.rejects(addTarget(workspace, outside), {
      code: 'config-invalid',
      message: /role firmware does not cover os-1\.img; its paths are fw-\*/,
    });
    const image = await file(fs, 'os-demo-x86_64-2.0.0.img');
    await assert.rejects(addRelease(workspace, { images: { image }, role: 'firmware' }), {
      code: 'config-invalid',
    });
    await assert.rejects(addTarget(workspace, { ...outside, role: 'nobody' }), {
      message: /is not delegated/,
    });
    await addDelegation(workspace, { ...firmware, name: 'first', terminating: true, before: 'firmware' });
    const shadowed = await open(fs, workspace.store);
    await assert.rejects(addTarget(shadowed, { path: await file(fs, 'fw-7.bin'), role: 'firmware' }), {
      code: 'config-invalid',
      message: /firmware is never asked for fw-7\.bin: role first ends the search/,
    });
  });

  it('a name belongs to its first bytes in whichever role it is listed', async () => {
    const { fs, workspace } = await delegating();
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    await planAndPublish(workspace, later);
    const other = await file(fs, 'other', 'other bytes');
    await assert.rejects(addTarget(workspace, { path: other, name: 'fw-7.bin' }), { code: 'name-taken' });
    await assert.rejects(addTarget(workspace, { path: other, name: 'fw-7.bin', role: 'firmware' }), {
      code: 'name-taken',
    });
  });

  it('checklist row 2: what is replaced keeps unknown members of delegations, roles and targets', async () => {
    const { fs, workspace } = await delegating();
    await addTarget(workspace, {
      path: await file(fs, 'fw-7.bin'),
      role: 'firmware',
      custom: jsonOf({ a: 1 }),
    });
    await planAndPublish(workspace, later);
    const live = await liveOf(workspace);
    const delegations = live.published?.targets.json.get('delegations');
    if (live.published === undefined || !isJsonObject(delegations)) throw new Error('no delegations');
    const roles = delegations.get('roles');
    const odd = withMembers(delegations, {
      'x-note': 'kept',
      roles: (isJsonArray(roles) ? roles : []).map((role) =>
        withMembers(role as JsonObject, { 'x-role': 1 }),
      ),
    });
    const document = {
      ...live.published.targets,
      json: withMembers(live.published.targets.json, { delegations: odd }),
    };
    const settings = [{ ...firmware, threshold: 1, paths: ['fw-*', 'driver-*'] }];
    const planned = plannedDelegations(
      { ...live.published, targets: document },
      settings,
      workspace.keys.values(),
    );
    assert.equal(planned.changed, true);
    assert.equal(planned.json?.get('x-note'), 'kept');
    const kept = planned.json?.get('roles');
    assert.match(JSON.stringify(jsonTexts(kept)), /x-role/);
    const unchanged = plannedDelegations(
      { ...live.published, targets: document },
      [firmware],
      workspace.keys.values(),
    );
    assert.equal(unchanged.changed, false);
  });

  it('a target of the same bytes gets other attachments and keeps the rest', async () => {
    const { fs, workspace } = await delegating();
    const path = await file(fs, 'fw-7.bin');
    await addTarget(workspace, { path, role: 'firmware', custom: jsonOf({ a: 1 }) });
    await planAndPublish(workspace, later);
    await addTarget(workspace, { path, role: 'firmware', custom: jsonOf({ a: 2 }) });
    const { plan } = await planAndPublish(workspace, later + hour);
    assert.deepEqual(
      plan.signatures.map(({ role }) => role),
      ['firmware', 'snapshot', 'timestamp'],
    );
    const [listed] = (await listTargets(workspace)).filter(({ target }) => target === 'fw-7.bin');
    assert.deepEqual(listed?.custom, jsonOf({ a: 2 }));
  });

  it('a target goes when it is taken back, and what hosts need stays', async () => {
    const { fs, workspace } = await delegating();
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    assert.equal(await removeTarget(workspace, { name: 'fw-7.bin' }), 'draft');
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    await planAndPublish(workspace, later);
    assert.equal(await removeTarget(workspace, { name: 'fw-7.bin' }), 'published');
    assert.deepEqual(
      (await listTargets(workspace)).filter(({ state }) => state === 'goes').map(({ target }) => target),
      ['fw-7.bin'],
    );
    const { plan } = await planAndPublish(workspace, later + hour);
    assert.deepEqual(plan.changes, [
      { kind: 'removal', repository: 'metadata', role: 'firmware', target: 'fw-7.bin' },
    ]);
    assert.deepEqual(await readTargetDrafts(workspace), []);
    await assert.rejects(removeTarget(workspace, { name: 'fw-7.bin' }), { code: 'target-not-found' });
    await assert.rejects(removeTarget(workspace, { name: 'manifest.json' }), { code: 'name-taken' });
    const image = 'os-demo-x86_64-1.0.0.img';
    await assert.rejects(removeTarget(workspace, { name: image }), {
      code: 'release-invalid',
      message: /1\.0\.0/,
    });
  });

  it('a role that is no longer delegated stays in the snapshot, and comes back above its versions', async () => {
    const { fs, workspace, store } = await delegating();
    await planAndPublish(workspace, later);
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    await planAndPublish(workspace, later + hour);
    await removeDelegation(workspace, 'firmware');
    const without = await open(fs, store);
    assert.deepEqual(without.settings.delegations, []);
    const { plan } = await planAndPublish(without, later + 2 * hour);
    assert.deepEqual(
      plan.signatures.map(({ role }) => role),
      ['targets', 'snapshot', 'timestamp'],
    );
    const { published } = await liveOf(without);
    assert.equal(published?.delegated.size, 0);
    assert.equal(published?.snapshot.meta.get('firmware.json')?.version, 2);
    await addDelegation(without, firmware);
    const again = await open(fs, store);
    const back = await planAndPublish(again, later + 3 * hour);
    assert.deepEqual(back.plan.signatures.map(({ role, to }) => [role, to])[0], ['firmware', 3]);
    assert.equal((await liveOf(again)).published?.delegated.get('firmware')?.document.targets.size, 0);
  });

  it('other keys for a role sign it anew, whatever it lists', async () => {
    const { fs, workspace, store } = await delegating();
    await planAndPublish(workspace, later);
    await keyAtHand(fs, 'erin');
    await editToml(fs, 'keys = ["dora"]', 'keys = ["erin"]');
    const changed = await open(fs, store);
    const { plan } = await planAndPublish(changed, later + hour);
    assert.deepEqual(plan.signatures.map(({ role, to, keyNames }) => [role, to, keyNames[0]]).slice(0, 2), [
      ['firmware', 2, 'erin'],
      ['targets', 3, 'targets'],
    ]);
  });

  it('are signed elsewhere by their own people, and published as they were signed', async () => {
    const store = new MemoryStore();
    const fs = await workspaceDisk();
    const first = await open(fs, store);
    await planAndPublish(first, start);
    const [dora, erin] = [await foreignKey(fs, 'dora'), await foreignKey(fs, 'erin')];
    await addDelegation(first, { ...firmware, keys: ['dora', 'erin'], threshold: 2 });
    const workspace = await open(fs, store);
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    const [proposed] = await proposeTargets(workspace, { now: later, role: 'firmware' });
    assert.ok(proposed);
    assert.equal(proposed.path, `${directory}/requests/firmware-1.request.json`);
    assert.deepEqual(proposed.request.unsigned, ['targets'], 'its delegation is not signed yet');
    await writeRequest(workspace, await signedBy(proposed.request, [dora, erin]), { path: proposed.path });
    const { signed } = await takeRequests(workspace, [], { now: later + hour });
    const plan = await planPublication(workspace, { now: later + hour, signed });
    await publish(workspace, plan, { now: later + hour, unlock });
    assert.deepEqual(
      plan.signatures.map(({ role, signed: ready }) => [role, ready]),
      [
        ['firmware', true],
        ['targets', false],
        ['snapshot', false],
        ['timestamp', false],
      ],
    );
    const [renewed] = await proposeTargets(workspace, { now: later + 2 * hour, role: 'firmware' });
    assert.deepEqual([renewed?.request.version, renewed?.request.unsigned], [2, []]);
    await assert.rejects(proposeTargets(workspace, { now: later + 3 * hour, role: 'nobody' }), {
      code: 'config-invalid',
    });
  });

  it('PUB-01: after a crash at any call, publishing again ends it', async () => {
    const { fs, workspace, store: good } = await delegating();
    await addTarget(workspace, { path: await file(fs, 'fw-7.bin'), role: 'firmware' });
    await addTarget(workspace, { path: await file(fs, 'eula.txt') });
    let disk = copyOf(fs);
    const calls = await everyStorageCut(
      async () => {
        disk = copyOf(fs);
        return await copyOfStore(good);
      },
      async (store) => await planAndPublish(await open(disk, store), later),
      async (store, where) => {
        const mended = await open(disk, store);
        await planAndPublish(mended, later + 1000);
        const live = await liveOf(mended);
        assert.deepEqual(
          [live.published?.delegated.get('firmware')?.document.version, live.published?.targets.version],
          [1, 2],
          where,
        );
        assert.deepEqual(await readTargetDrafts(mended), [], where);
      },
    );
    assert.ok(calls > 25);
  }).timeout(60_000);

  it('a burned number of a delegated role is passed over', async () => {
    const { workspace, store } = await delegating();
    await store.create('metadata/1.firmware.json', Buffer.from('burned'));
    const { result } = await planAndPublish(workspace, later);
    assert.equal(result.repositories[0]?.versions.firmware, 2);
    assert.equal((await liveOf(workspace)).published?.snapshot.meta.get('firmware.json')?.version, 2);
  });

  it('are renewed by a refresh when half of their life is over', async () => {
    const { workspace } = await delegating();
    await planAndPublish(workspace, later);
    const half = later + 14 * 7 * day;
    const [due] = await refreshRepositories(workspace, { now: half, unlock });
    assert.deepEqual(due?.roles, ['firmware', 'targets', 'snapshot', 'timestamp']);
    assert.deepEqual((await refreshRepositories(workspace, { now: half, unlock }))[0]?.outcome, 'current');
  });

  it('a refresh leaves delegations and targets that wait alone', async () => {
    const { fs, workspace } = await delegating();
    await addTarget(workspace, { path: await file(fs, 'eula.txt') });
    await refreshRepositories(workspace, { now: later, unlock });
    const { published } = await liveOf(workspace);
    assert.deepEqual([published?.targets.version, published?.delegated.size], [1, 0]);
  });
});

describe('signer/publication/search-order', () => {
  it('DEL-01, DEL-03: shows the order in which hosts ask, up to a role that ends it', async () => {
    const { fs, workspace, store } = await delegating();
    await addDelegation(workspace, { ...firmware, name: 'everything', paths: ['*'], terminating: true });
    await addDelegation(await open(fs, store), { ...firmware, name: 'last' });
    const after = await open(fs, store);
    const [place] = repositoriesOf(after.settings);
    if (place === undefined) throw new Error('no repository');
    const live = await readLive(after, place);
    const { parsed } = plannedDelegations(live.published, after.settings.delegations, after.keys.values());
    const roles = (name: string) => searchSteps(parsed, live, parseTargetPath(name)).map(({ role }) => role);
    assert.deepEqual(roles('fw-7.bin'), ['targets', 'firmware', 'everything']);
    assert.deepEqual(roles('os.img'), ['targets', 'everything']);
    assert.equal(searchSteps(parsed, live, parseTargetPath('manifest.json'))[0]?.lists, true);
    const plan = await planAt(after, live, {
      drafts: [],
      delegations: after.settings.delegations,
      renew: new Set(),
      now: later,
    });
    assert.deepEqual(plan?.roles.map(({ role }) => role).slice(0, 3), ['firmware', 'everything', 'last']);
  });

  it('nothing takes a role away, or past it, whose images a release in the list needs', async () => {
    const { fs, store, workspace } = await delegating();
    await planAndPublish(workspace, later);
    const image = await file(fs, 'fw-demo-x86_64-1.1.0.img');
    await addRelease(workspace, { images: { image }, version: '1.1.0', role: 'firmware' });
    await planAndPublish(workspace, later + hour);
    const now = later + day;
    const planning = async (settings: Workspace['settings']) =>
      await planPublication({ ...workspace, settings }, { now });
    const { settings } = workspace;
    const before = { ...firmware, name: 'before', paths: ['*'], terminating: true };
    for (const delegations of [[], [{ ...firmware, paths: ['gw-*'] }], [before, firmware]]) {
      await assert.rejects(planning({ ...settings, delegations }), {
        code: 'release-invalid',
        message: /image of release demo x86_64 1\.1\.0.* find it in role firmware.* nowhere/,
      });
    }
    for (const delegations of [[firmware], [{ ...before, terminating: false }, firmware]])
      await planning({ ...settings, delegations });
    await removeDelegation(workspace, 'firmware');
    const without = await open(fs, store);
    const id = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };
    await steerRelease(without, { kind: 'withdraw', ...id }, { now });
    await planAndPublish(without, now);
  });

  it('a role that lists a needed name with other bytes does not come before the one in which hosts find it', async () => {
    const { fs, store, workspace } = await delegating();
    await planAndPublish(workspace, later);
    const live = await liveOf(workspace);
    const images = { image: await file(fs, 'fw-1.img') };
    await addRelease(workspace, {
      images,
      version: '1.1.0',
      variant: 'demo',
      arch: 'x86_64',
      role: 'firmware',
    });
    await planAndPublish(workspace, later + hour);
    const after = await liveOf(await open(fs, store));
    const contents = new Map([
      ['targets', after.published?.targets.targets ?? new Map()],
      ['firmware', after.published?.delegated.get('firmware')?.document.targets ?? new Map()],
    ]);
    const { manifest } = after;
    const delegations = after.published?.targets.delegations;
    requireStillFound({ live: after, delegations, contents, manifest });
    const forged = jsonOf({ length: 1, hashes: { sha256: '0'.repeat(64) } });
    const shadowed = new Map([
      ...contents,
      ['targets', new Map([...(contents.get('targets') ?? []), ['fw-1.img', forged]])],
    ]);
    assert.throws(() => requireStillFound({ live: after, delegations, contents: shadowed, manifest }), {
      code: 'release-invalid',
      message: /in role targets, with other bytes/,
    });
    const none = { live, delegations: undefined, contents: new Map(), manifest };
    requireStillFound({ ...none, manifest: { ...manifest, updates: manifest.updates.slice(1) } });
  });
});
