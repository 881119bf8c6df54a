import assert from 'node:assert/strict';
import { makeSigningRequest } from '../../../src/signer/ceremony/new-request.ts';
import { proposeTargets } from '../../../src/signer/ceremony/propose-targets.ts';
import { collectRequests, writeRequest } from '../../../src/signer/ceremony/request-folder.ts';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import type { SigningRequest } from '../../../src/signer/ceremony/signing-request.ts';
import { takeRequests } from '../../../src/signer/ceremony/take-requests.ts';
import type { SigningKey } from '../../../src/signer/keys/signing-key.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { plannedVersions, unsignedDocument } from '../../../src/signer/publication/sign-plan.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addTarget } from '../../../src/signer/release/add-target.ts';
import { readDrafts } from '../../../src/signer/release/draft.ts';
import { initWorkspace } from '../../../src/signer/workspace/init.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { keyOf } from '../../support/ceremony.ts';
import { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { everyStorageCut, StorageReplay } from '../../support/storage-replay.ts';
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
import { editToml, foreignKey, nextRoot, ownKey, signedBy } from '../../support/workspace-ceremony.ts';

const people = ['alice', 'bob', 'carol'];
const [alice, bob, carol] = people.map((name) => keyOf(name)) as [SigningKey, SigningKey, SigningKey];

/** Targets are signed by two of three people elsewhere; the keys of all else lie in the workspace. */
async function offlineTargets(): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  for (const folder of ['/home', '/images']) await fileSystem.makeFolder(folder, 0o755);
  const keys = [alice, bob, carol].map(({ id, json }, index) => ({ name: people[index] ?? '', id, json }));
  await initWorkspace(directory, {
    template: 'single',
    name: 'example/os',
    store: '/public',
    insecureDevelopmentKeys: true,
    given: { targets: { keys, threshold: 2 } },
    now: start,
    fileSystem,
  });
  return fileSystem;
}

async function propose(
  workspace: Workspace,
  now: number,
): Promise<{ request: SigningRequest; path: string }> {
  const [proposed] = await proposeTargets(workspace, { now });
  if (proposed === undefined) throw new Error('nothing was proposed');
  return proposed;
}

/** What `tidegate publish` does. */
async function publishAll(workspace: Workspace, now: number, files: readonly string[] = []) {
  const { workspace: next, signed } = await takeRequests(workspace, files, { now });
  const plan = await planPublication(next, { now, signed });
  return { plan, result: await publish(next, plan, { now, unlock }) };
}

async function bytesOf(store: SwappableStore, name: string): Promise<Uint8Array | undefined> {
  return (await store.read(name, 1_000_000))?.bytes;
}

describe('signer/ceremony/propose-targets', () => {
  it('targets 2 of 3 on other machines, snapshot and timestamp here: used exactly as they were signed', async () => {
    const fs = await offlineTargets();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.0.0');
    await assert.rejects(planAndPublish(workspace, start), {
      code: 'signatures-missing',
      message: /alice, bob, carol/,
    });
    const { request, path } = await propose(workspace, start);
    assert.equal(path, `${directory}/requests/targets-1.request.json`);
    assert.ok(request.attachments.has('manifest.json'));
    const file = (await readPlainFile(fs, path, 1_000_000))?.bytes ?? new Uint8Array();
    const copies = await Promise.all(
      [alice, carol].map(async (key) => await signedBy(parseSigningRequest(file, 'copy'), [key])),
    );
    for (const copy of copies) await writeRequest(workspace, copy, { path });
    const later = start + 3 * day;
    const { plan } = await publishAll(workspace, later);
    assert.deepEqual(
      plan.signatures.map(({ role, to, expires, signed }) => [role, to, expires - later, signed]),
      [
        ['targets', 1, (26 * 7 - 3) * day, true],
        ['snapshot', 1, 14 * day, false],
        ['timestamp', 1, 7 * day, false],
      ],
    );
    const published = await bytesOf(store, 'metadata/1.targets.json');
    assert.ok(Buffer.from(published ?? []).includes(`"keyid": "${alice.id}"`));
    assert.ok(Buffer.from(published ?? []).includes(`"keyid": "${carol.id}"`));
    assert.deepEqual([await readDrafts(workspace), await collectRequests(workspace)], [[], []]);
    assert.equal((await planPublication(workspace, { now: later })).repositories.length, 0);
  });

  it('a draft stays while signatures are missing, and nothing is written', async () => {
    const fs = await offlineTargets();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.0.0');
    const { request, path } = await propose(workspace, start);
    await writeRequest(workspace, await signedBy(request, [bob]), { path });
    const { notes, signed } = await takeRequests(workspace, [], { now: start });
    assert.match(notes.join(), /targets 1 waits for signatures: 1 of 2 by root 1's targets keys/);
    assert.equal(signed.size, 0);
    await assert.rejects(publishAll(workspace, start, [path]), {
      code: 'signatures-missing',
      message: /1 more by/,
    });
    assert.equal((await readDrafts(workspace)).length, 1);
    assert.equal((await store.list().next()).done, true);
  });

  /** 1.0.0 is published, and 1.1.0 waits and is signed at `start + hour`. */
  async function secondRelease() {
    const fs = await offlineTargets();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.0.0');
    const first = await propose(workspace, start);
    await writeRequest(workspace, await signedBy(first.request, [alice, bob]), first);
    await publishAll(workspace, start);
    await addVersion(workspace, '1.1.0');
    const { request, path } = await propose(workspace, start + hour);
    return { fs, store, workspace, path, request: await signedBy(request, [bob, carol]) };
  }

  it('a refresh in between does not spoil what people signed', async () => {
    const { workspace, store, request, path } = await secondRelease();
    await writeRequest(workspace, request, { path });
    for (const days of [1, 2, 3]) await refreshRepositories(workspace, { now: start + days * day, unlock });
    await publishAll(workspace, start + 4 * day);
    assert.ok(await store.stat('metadata/2.targets.json'));
    assert.ok(await store.stat('metadata/2.snapshot.json'));
  });

  it('SGN-22: a request made from another version than is published is refused as base-moved', async () => {
    const { fs, store, workspace, request, path } = await secondRelease();
    const other = await open(copyOf(fs), store);
    const renewed = await proposeTargets(other, { now: start + 2 * hour, replace: true });
    const [twin] = renewed;
    assert.ok(twin);
    await writeRequest(other, await signedBy(twin.request, [alice, bob]), { path: twin.path, replace: true });
    await publishAll(other, start + 2 * hour);
    await writeRequest(workspace, request, { path });
    await assert.rejects(publishAll(workspace, start + 3 * hour), {
      code: 'base-moved',
      message: /targets 2 was made from another/,
    });
    assert.equal(await store.stat('metadata/3.targets.json'), undefined);
  });

  it('what changed since it was planned is not published under signatures for something else', async () => {
    const { workspace, request, path, store } = await secondRelease();
    await writeRequest(workspace, request, { path });
    await addVersion(workspace, '1.2.0');
    await assert.rejects(publishAll(workspace, start + 2 * hour), {
      code: 'workspace-invalid',
      message: /changed since targets 2 was planned/,
    });
    assert.equal(await store.stat('metadata/2.targets.json'), undefined);
  });

  it('a number that a crashed publication burned is passed over before people sign', async () => {
    const { workspace, store } = await secondRelease();
    await store.create('metadata/2.targets.json', Buffer.from('burned'));
    const { request, path } = await propose(workspace, start + 2 * hour);
    assert.equal(request.version, 3);
    await writeRequest(workspace, await signedBy(request, [alice, carol]), { path, replace: true });
    for (const { request: old, paths } of await collectRequests(workspace)) {
      if (old.version === 2) for (const gone of paths) await workspace.fileSystem.unlink(gone);
    }
    const { result } = await publishAll(workspace, start + 3 * hour);
    assert.equal(result.repositories[0]?.versions.targets, 3);
  });

  it('PUB-01: after a crash at any call, publishing again comes to the same signed files', async () => {
    const good = await secondRelease();
    await writeRequest(good.workspace, good.request, { path: good.path });
    let disk = copyOf(good.fs);
    const expected = Buffer.from(good.request.payload).length;
    const calls = await everyStorageCut(
      async () => {
        disk = copyOf(good.fs);
        return await copyOfStore(good.store);
      },
      async (store) => await publishAll(await open(disk, store), start + 2 * hour),
      async (store, where) => {
        await publishAll(await open(disk, store), start + 3 * hour);
        assert.ok(expected > 0);
        assert.ok(await store.stat('metadata/2.targets.json'), where);
        assert.equal(await store.stat('metadata/3.targets.json'), undefined, where);
        const plan = await planPublication(await open(disk, store), { now: start + 4 * hour });
        assert.equal(plan.repositories.length, 0, where);
      },
    );
    assert.ok(calls > 20);
  }).timeout(60_000);

  it('several repositories: a request for each that changes, each used in its own place', async () => {
    const variants = { k8s: ['x86_64', 'aarch64'] };
    const fs = await workspaceDisk({ template: 'bottlerocket', variants });
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    const first = await proposeTargets(workspace, { now: start });
    assert.deepEqual(
      first.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)),
      ['k8s-x86_64-targets-1.request.json', 'k8s-aarch64-targets-1.request.json'],
    );
    const key = await ownKey(workspace, 'targets');
    for (const { request, path } of first)
      await writeRequest(workspace, await signedBy(request, [key]), { path });
    await fs.unlink(`${directory}/keys/targets.key.json`);
    await publishAll(workspace, start);
    const wanted = { path: '/images/eula.txt', repository: 'k8s/aarch64' };
    await fs.makeFolder('/images', 0o755).catch(() => undefined);
    await putFile(fs, wanted.path, 'a licence');
    await assert.rejects(addTarget(workspace, { path: wanted.path }), {
      code: 'config-invalid',
      message: /expected one of k8s\/x86_64, k8s\/aarch64/,
    });
    await addTarget(workspace, wanted);
    const second = await proposeTargets(workspace, { now: start + hour });
    assert.deepEqual(
      second.map(({ repository, request }) => [repository, request.version]),
      [['k8s/aarch64', 2]],
    );
    for (const { request, path } of second)
      await writeRequest(workspace, await signedBy(request, [key]), { path });
    await publishAll(workspace, start + hour);
    assert.ok(await store.stat('k8s/aarch64/2.targets.json'));
    assert.equal(await store.stat('k8s/x86_64/2.targets.json'), undefined);
  });

  it('PUB-01: copies that people brought are kept: publishing again needs them no more', async () => {
    const { fs, store, request, path } = await secondRelease();
    const copy = '/home/copy.request.json';
    await putFile(fs, copy, formatSigningRequest(request));
    const recorder = new StorageReplay(await copyOfStore(store));
    await publishAll(await open(copyOf(fs), recorder), start + 2 * hour, [copy]);
    const cut = recorder.calls.findIndex(({ call }) => call === 'swap');
    const dying = await open(fs, new StorageReplay(store, { cut }));
    await assert.rejects(publishAll(dying, start + 2 * hour, [copy]));
    await fs.unlink(copy);
    assert.equal((await collectRequests(await open(fs, store))).at(-1)?.request.signatures.length, 2, path);
    await publishAll(await open(fs, store), start + 3 * hour);
    assert.ok(await store.stat('metadata/2.targets.json'));
    assert.deepEqual(await collectRequests(await open(fs, store)), []);
  });

  it('a version far above what is published is not taken', async () => {
    const { workspace, store } = await secondRelease();
    const [plan] = (await planPublication(workspace, { now: start + hour })).repositories;
    assert.ok(plan);
    const versions = { ...plannedVersions(plan), targets: 5000 };
    const [proposed] = await proposeTargets(workspace, { now: start + hour, dryRun: true });
    assert.ok(proposed);
    const jump = makeSigningRequest({
      ...proposed.request,
      document: unsignedDocument(plan, 'targets', versions),
    });
    const path = `${directory}/requests/jump.request.json`;
    await writeRequest(workspace, await signedBy(jump, [alice, bob]), { path });
    await assert.rejects(publishAll(workspace, start + 2 * hour), { code: 'workspace-invalid' });
    assert.equal(await store.stat('metadata/5000.targets.json'), undefined);
  });

  it('a root with other targets keys asks those, and both are published together', async () => {
    const fs = await workspaceDisk();
    const store = new MemoryStore();
    const before = await open(fs, store);
    await addVersion(before, '1.0.0');
    await planAndPublish(before, start);
    const dora = await foreignKey(fs, 'dora');
    await editToml(fs, 'keys = ["targets"]', 'keys = ["dora"]');
    const opened = await open(fs, store);
    const workspace = await nextRoot(
      opened,
      [await ownKey(opened, 'root-1'), await ownKey(opened, 'root-2')],
      start + day,
    );
    const [refreshed] = await refreshRepositories(workspace, { now: start + day, unlock });
    assert.deepEqual([refreshed?.outcome, refreshed?.roles], ['refreshed', ['timestamp']]);
    assert.equal(await store.stat('metadata/2.root.json'), undefined, 'a refresh publishes no root');
    const { request, path } = await propose(workspace, start + day);
    assert.equal(request.sides[0]?.by, "root 2's targets keys");
    assert.equal(request.previousUnverified, false);
    await writeRequest(workspace, await signedBy(request, [dora]), { path });
    await publishAll(workspace, start + day);
    assert.ok(await store.stat('metadata/2.root.json'));
    assert.equal((await planPublication(await open(fs, store), { now: start + day })).repositories.length, 0);
  });
});
