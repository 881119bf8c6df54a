import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { acceptRoots } from '../../../src/signer/ceremony/accept-roots.ts';
import { makeSigningRequest } from '../../../src/signer/ceremony/new-request.ts';
import { proposeRoot } from '../../../src/signer/ceremony/propose-root.ts';
import { collectRequests, requestPath, writeRequest } from '../../../src/signer/ceremony/request-folder.ts';
import type { SigningRequest } from '../../../src/signer/ceremony/signing-request.ts';
import { takeRequests } from '../../../src/signer/ceremony/take-requests.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { chainOf } from '../../../src/signer/workspace/roots.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { statusIfAny } from '../../../src/storage/plain-file.ts';

import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { powerCuts } from '../../support/memory-file-system.ts';
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
import {
  editToml,
  foreignKey,
  nextRoot,
  ownKey,
  signedBy,
  textOf,
} from '../../support/workspace-ceremony.ts';

const later = start + day;

function given(request: SigningRequest) {
  return [{ request, given: true, paths: [] }];
}

/** alice takes the place of root-3. */
async function withAlice() {
  const fs = await workspaceDisk();
  const alice = await foreignKey(fs, 'alice');
  await editToml(fs, '"root-3"', '"alice"');
  return { fs, alice };
}

function rootOf(workspace: Workspace) {
  return chainOf(workspace.roots, 'roots').root.document;
}

describe('signer/ceremony/propose-root', () => {
  it('asks both sides, and names what changes', async () => {
    const { fs } = await withAlice();
    const { request, path, differences, warnings } = await proposeRoot(await open(fs), { now: later });
    assert.equal(path, `${directory}/requests/root-2.request.json`);
    assert.deepEqual([request.version, request.sides.length, warnings], [2, 2, []]);
    assert.match(
      differences.join(),
      /2 of alice, root-1, root-2; root 1, which decides, says 2 of root-1, root-2, root-3/,
    );
    assert.equal((await collectRequests(await open(fs))).length, 1);
  });

  it('checklist row 2: keeps members of the root before that it does not know, and drops keys that no role uses', async () => {
    const { fs, alice } = await withAlice();
    const first = await open(fs);
    const { request } = await proposeRoot(first, { now: later, dryRun: true });
    const roles = request.document.get('roles') as ReadonlyMap<string, ReadonlyMap<string, never>>;
    const odd = withMembers(request.document, {
      'x-note': 'kept',
      roles: withMembers(roles, { root: withMembers(roles.get('root') ?? new Map(), { 'x-role': 7 }) }),
    });
    const second = makeSigningRequest({ ...request, document: odd });
    const signed = await signedBy(second, [
      alice,
      await ownKey(first, 'root-1'),
      await ownKey(first, 'root-2'),
    ]);
    const { workspace } = await acceptRoots(first, given(signed), { now: later });
    await editToml(fs, '"alice"', '"root-3"');
    const third = await proposeRoot({ ...(await open(fs)), roots: workspace.roots }, { now: later });
    assert.equal(third.request.document.get('x-note'), 'kept');
    const kept = third.request.document.get('roles') as ReadonlyMap<string, ReadonlyMap<string, unknown>>;
    assert.equal(kept.get('root')?.get('x-role'), 7);
    const keys = third.request.document.get('keys') as ReadonlyMap<string, unknown>;
    assert.equal(keys.size, 6);
    assert.ok(!keys.has(alice.id));
  });

  it('does not throw away signatures that people gave', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { request, path } = await proposeRoot(workspace, { now: later });
    await writeRequest(workspace, await signedBy(request, [alice]), { path });
    const again = await proposeRoot(workspace, { now: later });
    assert.equal(again.request.signatures.length, 1);
    await assert.rejects(proposeRoot(workspace, { now: later + 1000 }), {
      code: 'name-taken',
      message: /--replace/,
    });
    const replaced = await proposeRoot(workspace, { now: later + 1000, replace: true });
    assert.equal(replaced.request.signatures.length, 0);
  });

  it('SGN-21: works three months after the root expired, and says what that means', async () => {
    const store = new MemoryStore();
    const fs = await workspaceDisk();
    await planAndPublish(await open(fs, store), start);
    const now = start + (364 + 90) * day;
    const offline = await open(fs, new StorageReplay(store, { cut: 0 }));
    const { warnings } = await proposeRoot(offline, { now });
    assert.match(
      warnings.join(),
      /root 1 expired at 2027-11-23.*hosts refuse updates until the new root is published/,
    );
    const workspace = await open(fs, store);
    const next = await nextRoot(
      workspace,
      [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')],
      now,
    );
    await planAndPublish(next, now);
    assert.ok(await store.stat('metadata/2.root.json'));
  });
});

describe('signer/ceremony/accept-roots', () => {
  it('SGN-23: proposes nothing by a clock that is before the last signature', async () => {
    const fs = await workspaceDisk();
    const store = new MemoryStore();
    await planAndPublish(await open(fs, store), start);
    const workspace = await open(fs, store);
    for (const now of [0, start - hour]) {
      await assert.rejects(proposeRoot(workspace, { now }), { code: 'clock-behind' });
    }
    const { path } = await proposeRoot(workspace, { now: start - 60_000, dryRun: true });
    assert.equal(await statusIfAny(fs, path), undefined);
  });

  it('SGN-18: signatures of new keys alone, or of old ones alone, are named as what they lack', async () => {
    const fs = await workspaceDisk();
    const carol = await foreignKey(fs, 'carol');
    const dave = await foreignKey(fs, 'dave');
    await editToml(fs, '["root-1", "root-2", "root-3"]', '["carol", "dave"]');
    const workspace = await open(fs);
    const { request } = await proposeRoot(workspace, { now: later });
    const old = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-3')];
    await assert.rejects(
      acceptRoots(workspace, given(await signedBy(request, [carol, dave])), { now: later }),
      {
        code: 'signatures-missing',
        message: /0 of 2 by root 1's keys, 2 of 2 by root 2's keys; it lacks 2 more by root 1's keys/,
      },
    );
    await assert.rejects(acceptRoots(workspace, given(await signedBy(request, old)), { now: later }), {
      code: 'signatures-missing',
      message: /it lacks 2 more by root 2's keys \(carol, dave\)/,
    });
    const whole = await acceptRoots(workspace, given(await signedBy(request, [...old, carol, dave])), {
      now: later,
    });
    assert.deepEqual(whole.installed, [2]);
    assert.deepEqual((await open(fs)).roots[1], Buffer.from(whole.workspace.roots[1] ?? []));
  });

  it('SGN-33: with fewer root keys than the threshold nothing publishes a root', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { request, path } = await proposeRoot(workspace, { now: later });
    await writeRequest(workspace, await signedBy(request, [alice, await ownKey(workspace, 'root-1')]), {
      path,
    });
    const taken = await takeRequests(workspace, [], { now: later });
    assert.deepEqual(taken.installed, []);
    assert.match(
      taken.notes.join(),
      /root 2 waits for signatures: 1 of 2 by root 1's keys, 2 of 2 by root 2's/,
    );
    await assert.rejects(takeRequests(workspace, [path], { now: later }), { code: 'signatures-missing' });
    assert.equal((await open(fs)).roots.length, 1);
  });

  it('SGN-22: a request made from root 1 is refused once another root 2 is in force, here or in the store', async () => {
    const { fs, alice } = await withAlice();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    const own = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
    const { request } = await proposeRoot(workspace, { now: later, dryRun: true });
    const late = await signedBy(request, [...own, alice]);
    const other = await open(copyOf(fs), store);
    await planAndPublish(await nextRoot(other, [...own, alice], later + hour), later + hour);
    await assert.rejects(acceptRoots(workspace, given(late), { now: later + hour }), {
      code: 'base-moved',
      message: /metadata\/2\.root\.json .* another root 2/,
    });
    const behind = await open(other.fileSystem, store);
    await assert.rejects(acceptRoots(behind, given(late), { now: later + hour }), {
      code: 'base-moved',
      message: /made from root 1, and another root 2 is in force/,
    });
    assert.equal((await open(fs, store)).roots.length, 1);
  });

  it('SGN-22: the same root, published with signatures of others, is taken from the store', async () => {
    const { fs, alice } = await withAlice();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    const [one, two] = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
    const { request } = await proposeRoot(workspace, { now: later, dryRun: true });
    const elsewhere = await open(copyOf(fs), store);
    const accepted = await acceptRoots(elsewhere, given(await signedBy(request, [one, two])), { now: later });
    await planAndPublish(accepted.workspace, later);
    const here = await acceptRoots(workspace, given(await signedBy(request, [one, two, alice])), {
      now: later,
    });
    assert.deepEqual(here.workspace.roots, accepted.workspace.roots);
    assert.equal((await planPublication(await open(fs, store), { now: later })).repositories.length, 0);
  });

  it('SGN-14: takes in no root that says something else than tidegate.toml', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { request } = await proposeRoot(workspace, { now: later, dryRun: true });
    const signed = await signedBy(request, [
      alice,
      await ownKey(workspace, 'root-1'),
      await ownKey(workspace, 'root-2'),
    ]);
    await editToml(fs, '"alice"', '"root-3"');
    await assert.rejects(acceptRoots(await open(fs), given(signed), { now: later }), {
      code: 'workspace-invalid',
      message: /propose it again/,
    });
    await assert.rejects(acceptRoots(workspace, given(signed), { now: later + 400 * day }), {
      code: 'expired',
    });
    await assert.rejects(acceptRoots(workspace, given(signed), { now: start - 10 * day }), {
      code: 'config-invalid',
      message: /the policy allows/,
    });
    assert.equal((await open(fs)).roots.length, 1);
  });

  it('SGN-16: takes in no root in which a key object was edited and its id was not', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { request } = await proposeRoot(workspace, { now: later, dryRun: true });
    const keys = new Map(request.document.get('keys') as ReadonlyMap<string, ReadonlyMap<string, never>>);
    keys.set(alice.id, withMembers(keys.get(alice.id) ?? new Map(), { comment: 'mine' }) as never);
    const edited = makeSigningRequest({ ...request, document: withMembers(request.document, { keys }) });
    const signed = await signedBy(edited, [
      alice,
      await ownKey(workspace, 'root-1'),
      await ownKey(workspace, 'root-2'),
    ]);
    await assert.rejects(acceptRoots(workspace, given(signed), { now: later }), {
      code: 'document-invalid',
      message: /is not the hash of its key/,
    });
  });

  it('SGN-19: roots come in one after another, whatever the order of the files', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const keys = [alice, await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
    const second = await nextRoot(workspace, keys, later);
    const { request, path } = await proposeRoot(second, { now: later + hour });
    const third = await signedBy(request, keys);
    await assert.rejects(acceptRoots(await open(await workspaceDisk()), given(third), { now: later }), {
      code: 'base-moved',
    });
    const accepted = await acceptRoots(await open(fs), given(third), { now: later + hour });
    assert.equal(rootOf(accepted.workspace).version, 3);
    assert.equal(path, requestPath(second, request));
  });

  it('a power cut at any write leaves the old chain or the new one', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { request } = await proposeRoot(workspace, { now: later, dryRun: true });
    const signed = await signedBy(request, [
      alice,
      await ownKey(workspace, 'root-1'),
      await ownKey(workspace, 'root-2'),
    ]);
    const recorder = new FileSystemReplay(copyOf(fs));
    const opened = await open(recorder);
    const before = recorder.calls.length;
    await acceptRoots(opened, given(signed), { now: later });
    for (let cut = before; cut < recorder.calls.length; cut += 1) {
      const disk = copyOf(fs);
      await open(new FileSystemReplay(disk, { cut }))
        .then((dying) => acceptRoots(dying, given(signed), { now: later }))
        .catch(() => undefined);
      const lost = powerCuts[cut % powerCuts.length];
      const mended = lost === undefined ? disk : disk.powerCut(lost);
      const again = await acceptRoots(await open(mended), given(signed), { now: later });
      assert.equal(rootOf(again.workspace).version, 2, `cut ${cut}`);
    }
  });
});

describe('signer/ceremony: publishing a new root', () => {
  /** Published under root 1; root 2 has other keys for everything that is published. */
  async function rotated(store: MemoryStore) {
    const fs = await workspaceDisk();
    const workspace = await open(fs, store);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    for (const role of ['targets', 'snapshot', 'timestamp']) await renewKey(fs, role);
    const next = await open(fs, store);
    return {
      fs,
      next: await nextRoot(next, [await ownKey(next, 'root-1'), await ownKey(next, 'root-2')], later),
    };
  }

  /** The key of another name in the workspace takes over: root-3's files under a name of their own. */
  async function renewKey(fs: Awaited<ReturnType<typeof workspaceDisk>>, role: string): Promise<void> {
    const donor = await workspaceDisk({ template: 'single', name: 'example/donor' });
    for (const ending of ['pub', 'key.json']) {
      const text = await textOf(donor, `${directory}/keys/${role}.${ending}`);
      await putFile(fs, `${directory}/keys/${role}-2.${ending}`, text);
    }
    await editToml(fs, `keys = ["${role}"]`, `keys = ["${role}-2"]`);
  }

  it('every role that the new keys do not vouch for is signed anew, above what was seen', async () => {
    const store = new MemoryStore();
    const { next } = await rotated(store);
    const plan = await planPublication(next, { now: later });
    assert.deepEqual(
      plan.signatures.map(({ role, from, to, keyNames }) => [role, from, to, keyNames]),
      [
        ['targets', 1, 2, ['targets-2']],
        ['snapshot', 1, 2, ['snapshot-2']],
        ['timestamp', 1, 2, ['timestamp-2']],
      ],
    );
    assert.deepEqual(
      plan.changes.map(({ kind }) => kind),
      ['root'],
    );
    const recorder = new StorageReplay(store);
    await publish({ ...next, store: recorder }, plan, { now: later, unlock });
    const names = recorder.writes.map(({ name }) => name);
    assert.ok(names.indexOf('metadata/2.root.json') < names.indexOf('metadata/timestamp.json'));
    assert.equal((await planPublication({ ...next, store }, { now: later })).repositories.length, 0);
  });

  it('PUB-01: after a crash at any call the publication of a root is finished by running it again', async () => {
    const good = new MemoryStore();
    const { fs } = await rotated(good);
    let disk = copyOf(fs);
    const calls = await everyStorageCut(
      async () => {
        disk = copyOf(fs);
        return await copyOfStore(good);
      },
      async (store) => await planAndPublish(await open(disk, store), later),
      async (store, where) => {
        await planAndPublish(await open(disk, store), later + 1000);
        const timestamp = await store.read('metadata/timestamp.json', 100_000);
        const { signed } = parseEnvelope(timestamp?.bytes ?? new Uint8Array(), documentLimits, 'timestamp');
        assert.equal(signed.get('version'), 2, where);
        assert.equal(
          (await planPublication(await open(disk, store), { now: later + 2000 })).repositories.length,
          0,
          where,
        );
      },
    );
    assert.ok(calls > 20);
  }).timeout(60_000);

  it('the request goes once its root is published', async () => {
    const { fs, alice } = await withAlice();
    const store = new MemoryStore();
    const workspace = await open(fs, store);
    const { request, path } = await proposeRoot(workspace, { now: later });
    const signed = await signedBy(request, [
      alice,
      await ownKey(workspace, 'root-1'),
      await ownKey(workspace, 'root-2'),
    ]);
    await writeRequest(workspace, signed, { path });
    const taken = await takeRequests(workspace, [], { now: later });
    assert.deepEqual(taken.installed, [2]);
    assert.ok(await statusIfAny(fs, path));
    await planAndPublish(taken.workspace, later);
    assert.equal(await statusIfAny(fs, path), undefined);
  });

  it('a request that is no longer one does not stop a publication', async () => {
    const { fs, alice } = await withAlice();
    const workspace = await open(fs);
    const { path } = await proposeRoot(workspace, { now: later });
    await putFile(fs, path, 'rubbish');
    await planAndPublish(workspace, later);
    assert.ok(await statusIfAny(fs, path));
    await assert.rejects(takeRequests(workspace, [], { now: later }), { code: 'request-invalid' });
    assert.ok(alice);
  });
});
