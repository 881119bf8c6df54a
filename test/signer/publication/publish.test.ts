import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalBytes } from '../../../src/metadata/canonical.ts';
import { digestOf } from '../../../src/metadata/crypto.ts';
import { isJsonObject, parseJson } from '../../../src/metadata/json.ts';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { KeyRing } from '../../../src/signer/keys/key-ring.ts';
import { signDocument } from '../../../src/signer/keys/signing.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { readDrafts, removeDraft } from '../../../src/signer/release/draft.ts';
import { statusOf } from '../../../src/signer/status.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { Content, SwappableStore } from '../../../src/storage/store.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { dyingAtCommit, StorageReplay } from '../../support/storage-replay.ts';
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

const later = start + day;

async function namesOf(store: SwappableStore): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of store.list()) if (!name.startsWith('.publish/')) names.push(name);
  return names;
}

async function liveOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  if (place === undefined) throw new Error('no repository');
  return await readLive(workspace, place);
}

describe('signer/publication/plan', () => {
  it('SPEC-90: writes nothing, and says versions, expiries, signers, uploads and waves', async () => {
    const disk = await workspaceDisk();
    const store = new StorageReplay(new MemoryStore());
    const workspace = await open(disk, store);
    await addVersion(workspace, '1.0.0', { startTime: later });
    const plan = await planPublication(workspace, { now: start });
    assert.deepEqual(store.writes, []);
    assert.deepEqual(
      plan.signatures.map(({ role, from, to, threshold, keyNames, atHand }) => [
        role,
        from,
        to,
        threshold,
        keyNames,
        atHand,
      ]),
      [
        ['targets', undefined, 1, 1, ['targets'], ['targets']],
        ['snapshot', undefined, 1, 1, ['snapshot'], ['snapshot']],
        ['timestamp', undefined, 1, 1, ['timestamp'], ['timestamp']],
      ],
    );
    assert.deepEqual(
      plan.uploads.map(({ name, present }) => [name.slice(73), present]),
      [
        ['os-demo-x86_64-1.0.0.img', false],
        ['manifest.json', false],
      ],
    );
    assert.deepEqual(
      plan.changes.map(({ kind }) => kind),
      ['root', 'release', 'target', 'target'],
    );
    assert.match(plan.json, /"waves":\{"0":"2026-11-25T13:00:00Z",/);
  });

  it('its id is the hash of its canonical form, the same for the same state', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    assert.equal(plan.id, digestOf('sha256', plan.json));
    const json = parseJson(Buffer.from(plan.json), { maxDepth: 20, maxValues: 9999, maxDigits: 16 }, 'plan');
    assert.equal(Buffer.from(canonicalBytes(json)).toString(), plan.json);
    assert.equal((await planPublication(workspace, { now: start })).id, plan.id);
    assert.notEqual((await planPublication(workspace, { now: start + 1000 })).id, plan.id);
  });

  it('is empty when nothing changes', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, start);
    const plan = await planPublication(workspace, { now: later });
    assert.deepEqual([plan.repositories, plan.changes, plan.signatures, plan.uploads], [[], [], [], []]);
  });

  it('covers every variant and architecture, over shared targets', async () => {
    const variants = { k8s: ['x86_64', 'aarch64'], metal: ['x86_64'] };
    const workspace = await open(await workspaceDisk({ template: 'bottlerocket', variants }));
    for (const variant of ['k8s', 'metal']) {
      const images: Record<string, string> = {};
      for (const kind of ['boot', 'root', 'hash']) {
        const name = kind === 'boot' ? 'boot-shared-1.0.0' : `${kind}-${variant}-1.0.0`;
        images[kind] = await putFile(workspace.fileSystem, `/images/${name}`, `bytes of ${name}`);
      }
      await addRelease(workspace, { variant, arch: 'x86_64', version: '1.0.0', images });
    }
    const { plan } = await planAndPublish(workspace, start);
    assert.deepEqual(
      plan.repositories.map(({ live }) => live.place.name),
      ['k8s/x86_64', 'k8s/aarch64', 'metal/x86_64'],
    );
    const shared = plan.uploads.filter(({ name }) => name.endsWith('boot-shared-1.0.0'));
    assert.equal(shared.length, 1);
    const names = await namesOf(workspace.store);
    assert.equal(names.filter((name) => name.endsWith('timestamp.json')).length, 3);
    assert.equal(names.filter((name) => name.startsWith('targets/')).length, 5 + 3);
    await addVersionOf(workspace, 'metal');
    const second = await planPublication(workspace, { now: later });
    assert.deepEqual(
      second.repositories.map(({ live }) => live.place.name),
      ['metal/x86_64'],
    );
  });

  async function addVersionOf(workspace: Workspace, variant: string): Promise<void> {
    const images: Record<string, string> = {};
    for (const kind of ['boot', 'root', 'hash']) {
      images[kind] = await putFile(workspace.fileSystem, `/images/${kind}-${variant}-1.1.0`, `${kind} 1.1.0`);
    }
    await addRelease(workspace, { variant, arch: 'x86_64', version: '1.1.0', images });
  }

  it('warns of a root that nears its end, and of waves that opened before', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0', { startTime: start });
    const { warnings } = await planPublication(workspace, { now: start + 320 * day });
    assert.match(warnings.join('\n'), /root 1 expires at 2027-11-23T12:00:00Z/);
    assert.match(warnings.join('\n'), /first wave of demo x86_64 1\.0\.0 opened/);
  });

  it('SPEC-95, PUB-04: a workspace that lost its state, or is behind, goes on from what is published', async () => {
    const store = new MemoryStore();
    const stale = await open(await workspaceDisk(), store);
    await addVersion(stale, '1.0.0');
    await planAndPublish(stale, start);
    const other = await open(await workspaceDisk(), store);
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
      await addVersion(other, version);
      await planAndPublish(other, later);
    }
    await addVersion(stale, '1.4.0');
    const { result } = await planAndPublish(stale, later + hour);
    assert.deepEqual(result.repositories[0]?.versions, { targets: 5, snapshot: 5, timestamp: 5 });
    assert.equal((await liveOf(stale)).manifest.updates.length, 5);
  });

  it('PUB-05: a store that was put back to an older state is refused, with both versions, and so is an empty one', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await planAndPublish(workspace, start);
    const old = await store.read('metadata/timestamp.json', 99_999);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, later);
    const now = await store.stat('metadata/timestamp.json');
    await store.swap('metadata/timestamp.json', old?.bytes ?? new Uint8Array(), now?.etag);
    const planning = () => planPublication(workspace, { now: later + hour });
    await assert.rejects(planning(), { code: 'rollback', message: /version 1 < 2/ });
    await assert.rejects(refreshRepositories(workspace, { now: later, unlock }), { code: 'rollback' });
    await assert.rejects(statusOf(workspace, { now: later }), { code: 'rollback' });
    await store.remove(
      'metadata/timestamp.json',
      old ? ((await store.stat('metadata/timestamp.json'))?.etag ?? '') : '',
    );
    await assert.rejects(planning(), { code: 'rollback', message: /version 2 was published/ });
  });

  it('PUB-05: so is one whose journal knows better, by a workspace that never saw the later state', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await planAndPublish(workspace, start);
    const stale = copyOf(workspace.fileSystem as MemoryFileSystem);
    const old = await store.read('metadata/timestamp.json', 99_999);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, later);
    const newer = await store.read('metadata/timestamp.json', 99_999);
    const putBack = async () => {
      const now = await store.stat('metadata/timestamp.json');
      await store.swap('metadata/timestamp.json', old?.bytes ?? new Uint8Array(), now?.etag);
    };
    await putBack();
    const other = await open(stale, store);
    const before = await namesOf(store);
    const refused = { code: 'rollback', message: /shows timestamp 1, and its journal says that 2 was/ };
    await assert.rejects(refreshRepositories(other, { now: later, unlock, force: true }), refused);
    await addVersion(other, '1.1.0');
    await assert.rejects(planAndPublish(other, later), refused);
    assert.deepEqual(
      (await namesOf(store)).filter((name) => !before.includes(name) && !name.startsWith('targets/')),
      [],
      'no number is burned',
    );
    // Who loses a race is told that, however the winner's note and the two looks at the timestamp lie.
    const racing = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call !== 'read' || name !== '.publish/metadata/journal/2.json') return;
        const now = await store.stat('metadata/timestamp.json');
        await store.swap('metadata/timestamp.json', newer?.bytes ?? new Uint8Array(), now?.etag);
      },
    });
    await assert.rejects(planAndPublish({ ...other, store: racing }, later), { code: 'base-moved' });
  });

  it('SGN-23: a clock before the last signature is refused; no expiry lies in the past or beyond the policy', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, later);
    await addVersion(workspace, '1.0.0');
    await assert.rejects(planPublication(workspace, { now: 0 }), { code: 'clock-behind' });
    await assert.rejects(planPublication(workspace, { now: later - 6 * 60_000 }), { code: 'clock-behind' });
    const { signatures } = await planPublication(workspace, { now: later - 4 * 60_000 + 999 });
    for (const { role, expires } of signatures) {
      assert.ok(
        expires > later && expires <= later - 4 * 60_000 + 999 + workspace.expiration[role as 'targets'],
      );
      assert.equal(expires % 1000, 0);
    }
  });

  it('a store of another repository is refused', async () => {
    const store = new MemoryStore();
    await planAndPublish(await open(await workspaceDisk(), store), start);
    const other = await open(await workspaceDisk({ template: 'single', name: 'other' }), store);
    await assert.rejects(planPublication(other, { now: start }), {
      code: 'workspace-invalid',
      message: /another repository/,
    });
  });
});

describe('signer/publication/publish', () => {
  it('PUB-02: of two publishers from one base exactly one wins, the other is told, no number is used twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const store = new MemoryStore();
        const first = await open(await workspaceDisk(), store);
        await planAndPublish(first, start);
        const contents = new Map<string, string>();
        const runs = ['1.1.0', '1.2.0'].map(async (version) => {
          const before = async () => await scheduler.schedule(Promise.resolve());
          const workspace = await open(
            await workspaceDisk(),
            new StorageReplay(store, {
              before: async ({ call }) => (call === 'create' || call === 'swap' ? await before() : undefined),
            }),
          );
          await addVersion(workspace, version);
          return await planAndPublish(workspace, later);
        });
        const done = Promise.allSettled(runs);
        await scheduler.waitFor(done);
        const outcomes = (await done).map((result) =>
          result.status === 'fulfilled' ? 'won' : result.reason.code,
        );
        assert.deepEqual(
          outcomes.toSorted(),
          outcomes.includes('base-moved') ? ['base-moved', 'won'] : ['won', 'won'],
        );
        const live = await liveOf(await open(await workspaceDisk(), store));
        assert.equal(live.published?.timestamp.version, outcomes.includes('base-moved') ? 2 : 3);
        assert.equal(live.manifest.updates.length, outcomes.includes('base-moved') ? 1 : 2);
        for (const name of await namesOf(store)) contents.set(name, '');
        assert.ok(contents.size > 5);
      }),
      { numRuns: 20 },
    );
  });

  it('PUB-02: the loser plans again and publishes its own, over numbers that were burned', async () => {
    const store = new MemoryStore();
    const [a, b] = [await open(await workspaceDisk(), store), await open(await workspaceDisk(), store)];
    await planAndPublish(a, start);
    await addVersion(a, '1.1.0');
    await addVersion(b, '1.2.0');
    const [planA, planB] = [
      await planPublication(a, { now: later }),
      await planPublication(b, { now: later }),
    ];
    const died = dyingAtCommit(store);
    await assert.rejects(publish({ ...b, store: died }, planB, { now: later, unlock }), /died/);
    const { repositories } = await publish(a, planA, { now: later, unlock });
    assert.deepEqual(repositories[0]?.versions, { targets: 3, snapshot: 3, timestamp: 2 });
    await assert.rejects(publish(b, planB, { now: later, unlock }), { code: 'base-moved' });
    const { result } = await planAndPublish(b, later + hour);
    assert.deepEqual(result.repositories[0]?.versions, { targets: 4, snapshot: 4, timestamp: 3 });
  });

  it('a plan that no longer says what would be done is refused', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    await addVersion(workspace, '1.1.0');
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), {
      code: 'workspace-invalid',
      message: /Plan again/,
    });
    await removeDraft(workspace, { variant: 'demo', arch: 'x86_64', version: '1.1.0' });
    await publish(workspace, plan, { now: start, unlock });
    assert.deepEqual(await readDrafts(workspace), []);
  });

  it('SPEC-25, SPEC-96, PUB-06: nothing that is published is ever overwritten', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    const before = new Map<string, string>();
    for await (const { name, etag } of store.list()) before.set(name, etag);
    for (const version of ['1.1.0', '1.2.0']) {
      await addVersion(workspace, version);
      await planAndPublish(workspace, later);
    }
    await refreshRepositories(workspace, { now: later + 10 * day, unlock });
    before.delete('metadata/timestamp.json');
    for (const [name, etag] of before) assert.equal((await store.stat(name))?.etag, etag, name);
  });

  it('PUB-06: a name of an image that other bytes have taken in the store stops the publication', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    await store.create(plan.uploads[0]?.name ?? '', Buffer.from('other bytes'));
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), { code: 'name-taken' });
    assert.equal(await store.stat('metadata/timestamp.json'), undefined);
  });

  it('an image that changed since it was added is refused, whatever its length', async () => {
    for (const bytes of ['image of 9.9.9', 'short', 'much longer than it was before']) {
      const store = new MemoryStore();
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      await putFile(workspace.fileSystem, '/images/os-demo-x86_64-1.0.0.img', bytes);
      await assert.rejects(planAndPublish(workspace, start), { message: /has changed since it was added/ });
      assert.deepEqual(await namesOf(store), []);
    }
  });

  it('PUB-12: a store that keeps other bytes than it was given is found out before hosts see them', async () => {
    for (const spoiled of ['targets.json', 'snapshot.json', 'root.json', 'manifest.json']) {
      const inner = new MemoryStore();
      const spoil = (name: string, content: Content): Content =>
        name.endsWith(spoiled) && content instanceof Uint8Array
          ? Buffer.concat([content, Buffer.from(' ')])
          : content;
      const store = new Proxy(inner, {
        get: (target, name: keyof SwappableStore) => {
          if (name === 'create')
            return async (path: string, content: Content) => await target.create(path, spoil(path, content));
          const member = target[name as keyof MemoryStore];
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      const publishing = planAndPublish(workspace, start);
      await assert.rejects(
        publishing,
        { code: /^(hash-mismatch|length-mismatch|length-limit|not-found)$/ },
        spoiled,
      );
      assert.equal(await inner.stat('metadata/timestamp.json'), undefined, spoiled);
    }
  });

  it('PUB-20: listed files that are missing or cut short are named before anything is written', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const { plan } = await planAndPublish(workspace, start);
    const image = plan.uploads[0]?.name ?? '';
    await store.remove(image, (await store.stat(image))?.etag ?? '');
    await addVersion(workspace, '1.1.0');
    const names = await namesOf(store);
    await assert.rejects(planAndPublish(workspace, later), { code: 'not-found', message: new RegExp(image) });
    assert.deepEqual(await namesOf(store), names);
    await store.create(image, Buffer.from('cut'));
    await assert.rejects(planAndPublish(workspace, later), { code: 'not-found', message: new RegExp(image) });
  });

  it('keys that are not at hand are named, and nothing is written', async () => {
    const store = new MemoryStore();
    const disk = await workspaceDisk();
    const workspace = await open(disk, store);
    await disk.unlink(`${directory}/keys/targets.key.json`);
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    assert.deepEqual(
      plan.signatures.map(({ atHand }) => atHand),
      [[], ['snapshot'], ['timestamp']],
    );
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), {
      code: 'signatures-missing',
      message: /targets 1: 0 of 1 keys .*missing: targets/,
    });
    assert.deepEqual(await namesOf(store), []);
  });

  it('is cancelled between files, and hosts see nothing of it', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    const abort = new AbortController();
    const options = { now: start, unlock, signal: abort.signal, progress: () => abort.abort() };
    await assert.rejects(publish(workspace, plan, options), { code: 'cancelled' });
    assert.equal(await store.stat('metadata/timestamp.json'), undefined);
    await planAndPublish(workspace, start + 1);
  });

  it('works with ECDSA keys, whose signatures differ each time', async () => {
    for (const keyType of ['ecdsa-p256'] as const) {
      const store = new MemoryStore();
      const disk = await workspaceDisk({ template: 'single', keyType });
      const workspace = await open(disk, store);
      await addVersion(workspace, '1.0.0');
      const cut = dyingAtCommit(store);
      await assert.rejects(planAndPublish({ ...workspace, store: cut }, start), /died/);
      const lost = copyOf(disk);
      await lost.unlink(`${directory}/state/metadata/journal.json`);
      const { result } = await planAndPublish(await open(lost, store), start);
      assert.deepEqual(result.repositories[0]?.versions, { targets: 2, snapshot: 2, timestamp: 1 });
    }
  });

  it('takes over members of documents that it does not know, and keeps what is listed', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0', { wavePolicy: 'none' });
    await planAndPublish(workspace, later);
    const { published, manifest } = await liveOf(workspace);
    const paths = [...(published?.targets.targets.keys() ?? [])];
    assert.deepEqual(paths, ['manifest.json', 'os-demo-x86_64-1.0.0.img', 'os-demo-x86_64-1.1.0.img']);
    assert.deepEqual(
      manifest.updates.map(({ version, maxVersion, waves }) => [version, maxVersion, waves.size]),
      [
        ['1.0.0', '1.1.0', 7],
        ['1.1.0', '1.1.0', 0],
      ],
    );
    assert.ok(isJsonObject(published?.timestamp.json));
  });

  it('roots that another workspace published become part of the chain, and are published where they lack', async () => {
    const store = new MemoryStore();
    const disk = await workspaceDisk();
    const workspace = await open(disk, store);
    await planAndPublish(workspace, start);
    const root = await nextRoot(workspace);
    await store.create('metadata/2.root.json', root);
    await addVersion(workspace, '1.0.0');
    const { result } = await planAndPublish(workspace, later);
    assert.equal(result.repositories[0]?.root, 2);
    assert.equal((await open(disk, store)).roots.length, 2);
    const elsewhere = await open(disk, new MemoryStore());
    await disk.unlink(`${directory}/state/metadata/seen.json`);
    const { plan } = await planAndPublish(elsewhere, later + hour);
    assert.deepEqual(plan.changes.filter(({ kind }) => kind === 'root').length, 2);
    assert.ok((await namesOf(elsewhere.store)).includes('metadata/2.root.json'));
  });

  async function nextRoot(workspace: Workspace): Promise<Uint8Array> {
    const { root } = await liveOf(workspace);
    const ring = new KeyRing(workspace.fileSystem, `${directory}/keys`, unlock);
    const document = withMembers(root.json, { version: 2, expires: '2027-12-01T00:00:00Z' });
    const what = 'root 2';
    return await signDocument({ document, role: root.roles.root, what }, ring, workspace.keys);
  }

  it('a damaged memory of the workspace is named, never passed over', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, start);
    for (const name of ['seen.json', 'journal.json']) {
      const path = `${directory}/state/metadata/${name}`;
      for (const text of ['', '[]', '{"format": 2}']) {
        const disk = copyOf(workspace.fileSystem as MemoryFileSystem);
        await putFile(disk, path, text);
        const damaged = await open(disk, workspace.store);
        await assert.rejects(planPublication(damaged, { now: later }), { code: 'state-damaged' }, name);
      }
    }
  });

  it('warns of roles that expired and that the plan leaves as they are', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, start);
    const { warnings } = await planPublication(workspace, { now: start + 10 * day });
    assert.deepEqual(warnings, ['metadata: timestamp 1 expired at 2026-12-01T12:00:00Z: refresh it']);
  });

  it('says after the commit what hosts will refuse in five days unless it is renewed', async () => {
    const workspace = await open(await workspaceDisk());
    const expires = Date.parse('2027-11-23T12:00:00Z');
    const warnings = async (now: number) =>
      (await planAndPublish(workspace, now)).result.repositories[0]?.warnings;
    assert.deepEqual(await warnings(start), []);
    await addVersion(workspace, '1.0.0');
    const [only, ...others] = (await warnings(expires - 4 * day)) ?? [];
    assert.match(
      only ?? '',
      /^metadata: root 1 expires at 2027-11-23T.*: hosts will refuse it at .* unless it is renewed$/,
    );
    assert.deepEqual(others, []);
  });

  it('a clock that is ahead on a store without one is asked about before anything is signed', async () => {
    const workspace = await open(await workspaceDisk(), new MemoryStore());
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0');
    const warningsAt = async (now: number) => (await planPublication(workspace, { now })).warnings.join('\n');
    assert.match(
      await warningsAt(start + 90 * day),
      /timestamp 1 expired at .*the clock is ahead: set it first/,
    );
    assert.doesNotMatch(await warningsAt(start + 6 * day), /clock/);
  });

  it('a manifest that hosts could not get is refused, whoever wrote it', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const { plan } = await planAndPublish(workspace, start);
    const manifest = plan.uploads[1]?.name ?? '';
    await store.remove(manifest, (await store.stat(manifest))?.etag ?? '');
    await assert.rejects(planPublication(workspace, { now: later }), {
      code: 'not-found',
      message: /manifest\.json/,
    });
  });
});
