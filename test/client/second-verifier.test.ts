import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Datastore } from '../../src/client/datastore.ts';
import { SecondVerifier } from '../../src/client/second-verifier.ts';
import { foreignPattern } from '../../src/client/second-verifier-limits.ts';
import { isTidegateError } from '../../src/errors.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { type FileSystem, nodeFileSystem } from '../../src/storage/file-system.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import {
  finishRoot,
  type TrustedSet,
  trustRoot,
  updateRoot,
  updateSnapshot,
  updateTimestamp,
} from '../../src/trust/trusted-set.ts';
import { ClientScene, deadMark } from '../support/client-scene.ts';
import { fixtureImages } from '../support/fixture-repository.ts';
import { keyKinds, signingKeys } from '../support/signing-keys.ts';
import { hashesOf } from '../support/simulated-documents.ts';

/** What the first verifier believes of a simulated repository. */
function trusted({ repository, now }: ClientScene): TrustedSet {
  const policy = {
    now,
    limits: defaultLimits,
    requireConsistentSnapshot: true,
    allowDelegations: true,
    requireHashedKeyIds: false,
  };
  let set = trustRoot(repository.written('root', 1), policy, noFloors);
  set = finishRoot(updateRoot(set, repository.written('root', 2)));
  set = updateTimestamp(set, repository.written('timestamp'));
  set = updateSnapshot(set, repository.written('snapshot'));
  return updateTargets(set, repository.written('targets'), topLevelTargets);
}

describe('the second verifier', () => {
  let scene: ClientScene;
  const folders = () => readdirSync(scene.state).filter((name) => name.startsWith('second-verifier-'));
  beforeEach(() => {
    scene = new ClientScene(undefined, { secondVerifier: 'on' });
  });
  afterEach(() => scene.close());

  it('comes to the same roles over a chain of roots, and is asked about every target', async () => {
    while (scene.repository.root.version < 9) scene.repository.publishRoot();
    const client = scene.client();
    assert.deepEqual((await client.refresh()).secondVerifier, { verdict: 'agreed' });
    for (const path of Object.values(fixtureImages)) await client.resolve(path);
    await assert.rejects(client.resolve('absent.img'), { code: 'target-not-found' });
  });

  it('works in a private folder, which is gone afterwards', async () => {
    const client = scene.client();
    await client.refresh();
    const [folder] = folders();
    assert.ok(folder !== undefined);
    assert.equal(statSync(join(scene.state, folder)).mode & 0o777, 0o700);
    await client.close();
    assert.deepEqual(folders(), []);
  });

  it('DSK-14: clears away the folders of processes that died', async () => {
    mkdirSync(join(scene.state, `second-verifier-${deadMark()}-0123456789abcdef`), { recursive: true });
    const client = scene.client();
    await client.refresh();
    assert.equal(folders().length, 1);
  });

  const breakages: [string, (folder: string) => void][] = [
    ['is gone', (folder) => rmdirSync(folder)],
    ...['timestamp', 'snapshot', 'targets'].map((role): [string, (folder: string) => void] => [
      `takes no ${role}`,
      (folder) => symlinkSync(join(folder, 'missing', 'file'), join(folder, `${role}.json`)),
    ]),
  ];
  for (const [how, spoil] of breakages) {
    it(`DSK-05: a private folder that ${how} is trouble of the disk and not an alarm`, async () => {
      const fileSystem: FileSystem = {
        ...nodeFileSystem,
        makeFolder: async (path, mode) => {
          await nodeFileSystem.makeFolder(path, mode);
          if (path.includes('second-verifier-')) spoil(path);
        },
        // The folder's mode is set after it was made, in the first case when it is gone already.
        open: (path, flags, mode) =>
          nodeFileSystem.open(path.includes('second-verifier-') ? scene.state : path, flags, mode),
      };
      const error = await scene
        .client({ fileSystem })
        .refresh()
        .catch((reason: unknown) => reason);
      assert.ok(isTidegateError(error, 'disk-error'), String(error));
      assert.match(error.message, /second-verifier-.*ENOENT/);
      assert.deepEqual(folders(), []);
      assert.deepEqual((await scene.client().refresh()).secondVerifier, { verdict: 'agreed' });
    });
  }

  it('sees the time of the refresh, not that of the machine', async () => {
    // The fixture lives in 2030; by the machine's clock everything would be valid, by this one it has expired.
    scene.now = Date.UTC(2040, 0, 1);
    await assert.rejects(scene.refresh(), { code: 'expired' });
    const set = trusted(Object.assign(scene, { now: scene.repository.now }));
    const later = { ...set, policy: { ...set.policy, now: Date.UTC(2030, 0, 20) } };
    const datastore = new Datastore(nodeFileSystem, scene.state);
    const accepted = {
      trustedRoot: scene.repository.written('root', 1),
      roots: new Map([[2, set.root.bytes]]),
    };
    await (await SecondVerifier.agree({ ...accepted, set }, datastore)).close();
    await assert.rejects(SecondVerifier.agree({ ...accepted, set: later }, datastore), {
      code: 'verifiers-disagree',
      message: /timestamp\.json is expired/,
    });
    assert.deepEqual(folders(), []);
  });

  it('refuses what the first was made to believe: altered bytes of any role, another root, a missing root', async () => {
    await scene.refresh({ secondVerifier: 'off' });
    const set = trusted(scene);
    const datastore = new Datastore(nodeFileSystem, scene.state);
    const trustedRoot = scene.repository.written('root', 1);
    const roots = new Map([[2, set.root.bytes]]);
    const altered = (bytes: Uint8Array): Uint8Array =>
      new TextEncoder().encode(
        new TextDecoder().decode(bytes).replace('"spec_version":"1.0.0"', '"spec_version":"1.0.1"'),
      );
    assert.ok(set.timestamp !== undefined && set.snapshot !== undefined);
    const targets = set.targets.get('targets') ?? assert.fail();
    const wrong: [string, TrustedSet, Map<number, Uint8Array>][] = [
      ['timestamp', { ...set, timestamp: { ...set.timestamp, bytes: altered(set.timestamp.bytes) } }, roots],
      ['snapshot', { ...set, snapshot: { ...set.snapshot, bytes: altered(set.snapshot.bytes) } }, roots],
      [
        'targets',
        { ...set, targets: new Map([['targets', { ...targets, bytes: altered(targets.bytes) }]]) },
        roots,
      ],
      ['root', set, new Map([[2, altered(set.root.bytes)]])],
      ['no root', set, new Map()],
      ['no timestamp', { ...set, timestamp: undefined }, roots],
    ];
    for (const [what, believed, chain] of wrong) {
      const work = SecondVerifier.agree({ trustedRoot, roots: chain, set: believed }, datastore);
      await assert.rejects(work, { code: 'verifiers-disagree' }, what);
    }
    await assert.rejects(SecondVerifier.agree({ trustedRoot: altered(trustedRoot), roots, set }, datastore), {
      code: 'verifiers-disagree',
    });
  });

  it('disagrees when the first finds another target, or one more, or one less', async () => {
    await scene.refresh({ secondVerifier: 'off' });
    const set = trusted(scene);
    const datastore = new Datastore(nodeFileSystem, scene.state);
    const accepted = {
      trustedRoot: scene.repository.written('root', 1),
      roots: new Map([[2, set.root.bytes]]),
      set,
    };
    const verifier = await SecondVerifier.agree(accepted, datastore);
    const path = parseTargetPath(fixtureImages.boot);
    const target = { path, length: 9000, hashes: hashesOf(new Uint8Array()), custom: undefined };
    await assert.rejects(verifier.agreeOnTarget(path, target, set), { code: 'verifiers-disagree' });
    await assert.rejects(verifier.agreeOnTarget(path, undefined, set), { code: 'verifiers-disagree' });
    await assert.rejects(verifier.agreeOnTarget(parseTargetPath('absent'), target, set), {
      code: 'verifiers-disagree',
    });
    await verifier.close();
  });

  it('follows delegations, terminating ones and hash bins', async () => {
    const { repository } = scene;
    repository.delegate('targets', 'first', { paths: ['a/*'], terminating: true });
    repository.delegate('targets', 'second', { paths: ['a/*', 'b/*'] });
    repository.addTarget('a/only-second.img', new Uint8Array(3), 'second');
    repository.addTarget('b/second.img', new Uint8Array(4), 'second');
    repository.publish('first', 'second', 'targets');
    const client = scene.client();
    assert.equal((await client.resolve('b/second.img')).role, 'second');
    await assert.rejects(client.resolve('a/only-second.img'), { code: 'target-not-found' });

    const bins = repository.delegateSuccinct('second', 4, 'bin');
    for (const bin of bins) repository.addTarget('b/binned.img', new Uint8Array(5), bin);
    repository.publish(...bins, 'second');
    await client.refresh();
    assert.match((await client.resolve('b/binned.img')).role, /^bin-[0-9a-f]$/);
  });

  it('reads every kind of key that a host may meet', async () => {
    for (const kind of keyKinds) {
      if (kind === 'ecdsa p256 hex') continue;
      const other = new ClientScene(undefined, { secondVerifier: 'on' });
      for (const role of ['timestamp', 'snapshot', 'targets'] as const)
        other.repository.setKeys(role, signingKeys(`kind-${role}`, 1, kind));
      other.repository.publishRoot();
      other.repository.publish();
      assert.deepEqual((await other.refresh()).secondVerifier, { verdict: 'agreed' }, kind);
      await other.close();
    }
  });

  it('auto leaves out roles of more than 2,000 entries and says so; nothing else', async () => {
    const { repository } = scene;
    for (let index = 0; index < 2001; index += 1) repository.addTarget(`spare-${index}`, new Uint8Array(1));
    repository.publish();
    const { secondVerifier } = await scene.refresh({ secondVerifier: 'auto' });
    assert.deepEqual(secondVerifier, {
      verdict: 'left-out',
      reason: 'role targets lists 2005 entries, more than 2000',
    });
    assert.deepEqual((await scene.refresh({ secondVerifier: 'off' })).secondVerifier.verdict, 'left-out');
    for (let index = 0; index < 10; index += 1) delete repository.targets.targets[`spare-${index}`];
    repository.publish();
    assert.deepEqual((await scene.refresh({ secondVerifier: 'auto' })).secondVerifier, { verdict: 'agreed' });
  }).timeout(30_000);

  for (const name of ['constructor', '__proto__', 'toString']) {
    it(`a delegated role called ${name} is a disagreement, not a silent difference`, async () => {
      const { repository } = scene;
      repository.delegate('targets', name);
      repository.addTarget('found.img', new Uint8Array(3), name);
      repository.publish(name, 'targets');
      await assert.rejects(scene.client().resolve('found.img'), { code: 'verifiers-disagree' });
      assert.equal((await scene.client({ secondVerifier: 'off' }).resolve('found.img')).role, name);
    });
  }

  it('a pattern that it would read otherwise is refused before it is asked', async () => {
    scene.repository.delegate('targets', 'extra', { paths: ['img-{a,b}'] });
    scene.repository.publish('extra', 'targets');
    await assert.rejects(scene.refresh(), { code: 'verifiers-disagree', message: /img-\{a,b\}/ });
  });
});

describe('foreignPattern', () => {
  const delegations = (pattern: string) => ({
    keys: new Map(),
    succinct: undefined,
    roles: [
      {
        name: 'r',
        terminating: false,
        keyIds: [],
        threshold: 1,
        paths: [pattern],
        pathHashPrefixes: [],
      },
    ],
  });
  for (const pattern of ['!a', 'a/!b', '#a', '{a,b}', '+(a|b)', '[ab]', 'a\\*', '*a*b*c*d', 'x/*1*2*3*4/y'])
    it(`${pattern} is foreign`, () => assert.equal(foreignPattern(delegations(pattern)), pattern));
  for (const pattern of ['*', 'a/*', 'a-?.img', 'v1.0+build-*', 'a!b', '.hidden/*', '*a*b*c', '*-*/*-*/*-*'])
    it(`${pattern} is common to both`, () => assert.equal(foreignPattern(delegations(pattern)), undefined));
});
