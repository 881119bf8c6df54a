/** What an adoption is for: hosts that trusted the old repository go on with the new one, whatever it was like. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RepositoryClient } from '../../../src/client/updater.ts';
import { acceptRoots } from '../../../src/signer/ceremony/accept-roots.ts';
import { proposeRoot } from '../../../src/signer/ceremony/propose-root.ts';
import { signRequest } from '../../../src/signer/ceremony/sign-request.ts';
import { signingKeyOf } from '../../../src/signer/keys/signing-key.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { overridesFileName } from '../../../src/signer/workspace/overrides.ts';
import { openWorkspace, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { DirectoryStore } from '../../../src/storage/directory.ts';
import {
  type AdoptionScene,
  adoptionScene,
  type Fixture,
  privateKeyOf,
  putPrivateKey,
  readWithTufJs,
  rootOf,
  today,
} from '../../support/adoption.ts';
import { startPlainServer } from '../../support/plain-server.ts';

const unlock = async (): Promise<undefined> => {
  throw new Error('a development key has no passphrase');
};
const day = 24 * 3_600_000;

/** Name, seed and kind of the private halves that each repository is published with. */
const keysOf: Readonly<Record<Fixture, readonly (readonly [string, string, ('ed25519' | 'p256')?])[]>> = {
  tuftool: [
    ['targets', 'targets'],
    ['snapshot', 'snapshot'],
    ['timestamp', 'timestamp'],
  ],
  pubsys: [['root', 'pubsys']],
  chain: [
    ['targets', 'targets'],
    ['snapshot', 'snapshot'],
    ['timestamp', 'timestamp'],
    ['apps', 'apps'],
    ['apps-inner', 'apps-inner'],
    ['bin-low', 'bins'],
  ],
  plain: [
    ['root', 'root-1'],
    ['targets', 'targets'],
    ['snapshot', 'snapshot'],
  ],
  'tuf-on-ci': [
    ['alice', 'alice', 'p256'],
    ['bob', 'bob', 'p256'],
    ['online', 'online', 'p256'],
  ],
  labelled: [
    ['targets', 'targets'],
    ['snapshot', 'snapshot'],
    ['timestamp', 'timestamp'],
    ['apps', 'apps'],
  ],
  deep: [],
  rstuf: [['online', 'rstuf-online']],
};

/** Who signs the next root: seeds, as people hold them on other machines. */
const rootSeeds: Readonly<Record<Fixture, readonly string[]>> = {
  tuftool: ['root-1', 'root-2'],
  pubsys: ['pubsys'],
  chain: ['root-2', 'root-3'],
  plain: ['root-1'],
  labelled: ['root-1', 'root-2'],
  deep: ['root-1', 'root-2'],
  'tuf-on-ci': ['alice', 'bob'],
  rstuf: ['Jimi Hendrix', 'Janis Joplin'],
};

describe('signer/adopt: hosts of the old repository go on', () => {
  let scene: AdoptionScene;

  beforeEach(() => {
    scene = adoptionScene();
  });
  afterEach(() => scene.end());

  const store = () => join(scene.folder, 'public');

  async function adopted(fixture: Fixture): Promise<Workspace> {
    await scene.adopt(fixture);
    for (const [name, seed, kind] of keysOf[fixture]) putPrivateKey(scene.workspace, name, seed, kind);
    return await openWorkspace(scene.workspace);
  }

  async function publishIn(workspace: Workspace, now: number) {
    const plan = await planPublication(workspace, { now });
    return await publish(workspace, plan, { now, unlock });
  }

  /** The next root, signed with private keys that do not know how the repository spells them. */
  async function nextRoot(workspace: Workspace, fixture: Fixture, now: number): Promise<Workspace> {
    const proposed = await proposeRoot(workspace, { now });
    let { request } = proposed;
    for (const seed of rootSeeds[fixture]) {
      const kind = fixture === 'tuf-on-ci' ? 'p256' : 'ed25519';
      request = await signRequest(request, signingKeyOf(privateKeyOf(seed, kind), seed));
    }
    const collected = [{ request, given: true, paths: [proposed.path] }];
    return (await acceptRoots(workspace, collected, { now })).workspace;
  }

  /** A host of ours: through both verifiers, with a memory of its own. */
  function hostOf(root: Uint8Array, now: () => number, metadata = 'metadata'): RepositoryClient {
    return new RepositoryClient({
      trustedRoot: root,
      metadata: new DirectoryStore(join(store(), metadata)),
      targets: new DirectoryStore(join(store(), 'targets')),
      stateDirectory: join(scene.folder, 'host'),
      clock: now,
    });
  }

  it('a host of ours takes the first publication, and the root that names the repository', async () => {
    const workspace = await adopted('chain');
    let now = today;
    const host = hostOf(rootOf(scene, 'chain', 1), () => now);
    const before = await host.refresh();
    assert.deepEqual([before.versions.root, before.versions.timestamp], [3, 23]);
    await publishIn(workspace, now);
    now += day;
    const first = await host.refresh();
    assert.deepEqual([first.versions.root, first.versions.timestamp], [3, 24]);
    await publishIn(await nextRoot(workspace, 'chain', now), now);
    const named = await host.refresh();
    assert.deepEqual([named.versions.root, named.versions.timestamp], [4, 25]);
  });

  it('delegated roles are signed anew with the root that names the repository', async () => {
    const workspace = await adopted('chain');
    await publishIn(await nextRoot(workspace, 'chain', today), today);
    for (const name of ['3.apps.json', '2.apps-inner.json', '2.bin-low.json']) {
      const { signed } = JSON.parse(readFileSync(join(store(), 'metadata', name), 'utf8'));
      assert.equal(signed['x-tidegate-repository'], 'example/adopted');
    }
    const names = ['app-one.img', 'app-inner-1.img'];
    const read = await readWithTufJs(store(), { root: rootOf(scene, 'chain'), names });
    assert.deepEqual(read, { contents: ['app one\n', 'inner app\n'], root: 4 });
  });

  it('a root that names the repository waits for the keys of its delegated roles', async () => {
    await scene.adopt('chain');
    for (const name of ['targets', 'snapshot', 'timestamp']) putPrivateKey(scene.workspace, name);
    const workspace = await nextRoot(await openWorkspace(scene.workspace), 'chain', today);
    await assert.rejects(publishIn(workspace, today), { code: 'signatures-missing', message: /apps/ });
  });

  it('SGN-14, SGN-15: what is weak is on record as it was adopted, and publishes', async () => {
    const workspace = await adopted('pubsys');
    const lines = readFileSync(join(scene.workspace, overridesFileName), 'utf8').trim().split('\n');
    const names = lines.map((line): string => JSON.parse(line).name);
    assert.deepEqual([...new Set(names)], ['root-threshold', 'shared-keys']);
    assert.match(lines[0] ?? '', /"reason":"as it was adopted from /);
    const { repositories } = await publishIn(workspace, today);
    assert.equal((repositories[0]?.versions.timestamp ?? 0) > 1_790_000_000, true);
    const names1 = ['bottlerocket-aws-dev-x86_64-1.0.0-00000001-boot.ext4.lz4'];
    const read = await readWithTufJs(store(), {
      root: rootOf(scene, 'pubsys'),
      metadata: 'aws-dev/x86_64',
      names: names1,
    });
    assert.deepEqual(read.contents, ['bottlerocket boot\n']);
  });

  it('several variants under one root become one workspace, each with its own versions', async () => {
    const source = scene.of('pubsys');
    cpSync(join(source, 'aws-dev/x86_64'), join(source, 'aws-dev/aarch64'), { recursive: true });
    const fleets = ['x86_64', 'aarch64'].map((arch) => ({ variant: 'aws-dev', arch }));
    await scene.adopt('pubsys', { fleets });
    putPrivateKey(scene.workspace, 'root', 'pubsys');
    const { repositories } = await publishIn(await openWorkspace(scene.workspace), today);
    const names = repositories.map(({ repository }) => repository);
    assert.deepEqual(names, ['aws-dev/x86_64', 'aws-dev/aarch64']);
    const host = hostOf(rootOf(scene, 'pubsys'), () => today, 'aws-dev/aarch64');
    assert.equal((await host.refresh()).versions.timestamp, repositories[1]?.versions.timestamp);
  });

  it('releases of pubsys stay in the list, with their waves', async () => {
    const workspace = await adopted('pubsys');
    await publishIn(workspace, today);
    const host = hostOf(rootOf(scene, 'pubsys'), () => today, 'aws-dev/x86_64');
    await host.refresh();
    const { updates } = (await host.manifest()) ?? { updates: [] };
    assert.deepEqual(
      updates.map(({ version, waves }) => [version, [...waves.keys()]]),
      [['1.0.0', [512, 2048]]],
    );
  });

  it('a repository with labels and without consistent snapshots cannot publish before its new root, and then does', async () => {
    const workspace = await adopted('plain');
    await assert.rejects(publishIn(workspace, today), { code: 'signatures-missing' });
    const next = await nextRoot(workspace, 'plain', today);
    const { repositories } = await publishIn(next, today);
    assert.equal(repositories[0]?.root, 2);
    const read = await readWithTufJs(store(), { root: rootOf(scene, 'plain'), names: ['os-1.0.0.img'] });
    assert.deepEqual(read, { contents: ['image of 1.0.0\n'], root: 2 });
    const present = new Uint8Array(readFileSync(join(store(), 'metadata', '2.root.json')));
    assert.equal((await hostOf(present, () => today).refresh()).versions.root, 2);
  });

  it('SPEC-2: keys that carry their owner sign under the id that the repository gave them', async () => {
    const workspace = await adopted('tuf-on-ci');
    await publishIn(workspace, today);
    await publishIn(await nextRoot(workspace, 'tuf-on-ci', today + day), today + day);
    const { signed } = JSON.parse(readFileSync(join(store(), 'metadata', '2.root.json'), 'utf8'));
    const owners = Object.values<Record<string, unknown>>(signed.keys).map(
      (key) => key['x-tuf-on-ci-keyowner'],
    );
    assert.deepEqual(owners.filter((owner) => owner !== undefined).sort(), ['@alice', '@bob', '@carol']);
    assert.equal(signed.roles.timestamp['x-tuf-on-ci-expiry-period'], 4);
    const read = await readWithTufJs(store(), { root: rootOf(scene, 'tuf-on-ci'), names: ['os-1.0.0.img'] });
    assert.deepEqual(read, { contents: ['image of 1.0.0\n'], root: 2 });
  });

  it('a delegation that lists a label lists the hash of the same key, and its role is signed anew', async () => {
    const workspace = await adopted('labelled');
    const { repositories } = await publishIn(workspace, today);
    assert.equal(repositories[0]?.root, 1);
    const { signed } = JSON.parse(readFileSync(join(store(), 'metadata', '2.targets.json'), 'utf8'));
    const [id = ''] = Object.keys(signed.delegations.keys);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.deepEqual(signed.delegations.roles[0].keyids, [id]);
    const host = hostOf(rootOf(scene, 'labelled'), () => today);
    assert.equal((await host.resolve('app-one.img')).role, 'apps');
    const read = await readWithTufJs(store(), { root: rootOf(scene, 'labelled'), names: ['app-one.img'] });
    assert.deepEqual(read.contents, ['app one\n']);
  });

  it('labels deeper down are refused: the files that carry them are not ours to sign', async () => {
    await assert.rejects(scene.adopt('deep'), {
      code: 'document-invalid',
      message: /middle, delegations.*key-of-bert/,
    });
    assert.equal(existsSync(scene.workspace), false);
  });

  it('targets in hash bins of RSTUF are found as before', async () => {
    await publishIn(await adopted('rstuf'), today);
    const names = ['os-1.0.0.img', 'os-1.1.0.img'];
    const read = await readWithTufJs(store(), { root: rootOf(scene, 'rstuf'), names });
    assert.deepEqual(read.contents, ['image os-1.0.0.img\n', 'image os-1.1.0.img\n']);
  });

  it('adopts over HTTP', async () => {
    const server = await startPlainServer(new DirectoryStore(scene.of('chain')));
    try {
      const { copied } = await scene.adopt('chain', { location: server.origin });
      assert.equal(copied > 0, true);
    } finally {
      await server.close();
    }
    assert.equal((await openWorkspace(scene.workspace)).roots.length, 3);
  });
});
