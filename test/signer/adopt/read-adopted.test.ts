/** Reading repositories that tuftool, pubsys and python-tuf made, and those in the style of tuf-on-ci and RSTUF. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAdopted } from '../../../src/signer/adopt/read-adopted.ts';
import {
  type AdoptionScene,
  adoptionScene,
  type Fixture,
  metadataFolder,
  rootOf,
  sourceOf,
} from '../../support/adoption.ts';

describe('signer/adopt/read-adopted', () => {
  let scene: AdoptionScene;

  beforeEach(() => {
    scene = adoptionScene();
  });
  afterEach(() => scene.end());

  const read = async (fixture: Fixture, root = rootOf(scene, fixture)) =>
    await readAdopted(await sourceOf(scene, fixture), root);

  const rolesOf = async (fixture: Fixture, root?: Uint8Array) => {
    const { set, roots } = await read(fixture, root);
    return {
      roots: roots.map(({ document }) => document.version),
      timestamp: set.timestamp?.document.version,
      snapshot: set.snapshot?.document.version,
      targets: Object.fromEntries(
        Array.from(set.targets, ([role, { document }]) => [role, document.version]),
      ),
    };
  };

  it('reads what tuftool made', async () => {
    const expected = { roots: [1, 2], timestamp: 9, snapshot: 7, targets: { targets: 4 } };
    assert.deepEqual(await rolesOf('tuftool'), expected);
  });

  it('reads what python-tuf made, with every delegated role, from any root of its chain', async () => {
    const targets = { targets: 5, apps: 2, 'bin-low': 1, 'apps-inner': 1 };
    const expected = { roots: [1, 2, 3], timestamp: 23, snapshot: 11, targets };
    for (const version of [1, 2, 3]) {
      assert.deepEqual(await rolesOf('chain', rootOf(scene, 'chain', version)), expected);
    }
  });

  it('reads a repository without consistent snapshots whose key ids are labels, under the names of consistent ones', async () => {
    const { files, set } = await read('plain');
    assert.deepEqual([...files.keys()], ['4.snapshot.json', '3.targets.json', 'timestamp.json']);
    assert.deepEqual(set.root.document.roles.targets.keyIds, ['targets-key']);
  });

  it('reads owners and periods of tuf-on-ci, and passes over the empty signature of who has not signed', async () => {
    const { targets } = await rolesOf('tuf-on-ci');
    assert.deepEqual(targets, { targets: 2 });
  });

  it('reads every succinct hash bin', async () => {
    const { targets } = await rolesOf('rstuf');
    assert.deepEqual(Object.keys(targets), ['targets', 'bins-0', 'bins-1', 'bins-2', 'bins-3']);
  });

  it('SGN-19: a root that is missing between two others is an error, whichever root is trusted', async () => {
    rmSync(join(metadataFolder(scene, 'chain'), '2.root.json'));
    for (const version of [1, 3]) {
      await assert.rejects(read('chain', rootOf(scene, 'chain', version)), {
        code: 'not-found',
        message: /root 2 is missing/,
      });
    }
  });

  it('begins where the chain begins when the first roots are lost', async () => {
    const root = rootOf(scene, 'chain', 3);
    for (const version of [1, 2]) rmSync(join(metadataFolder(scene, 'chain'), `${version}.root.json`));
    assert.deepEqual((await rolesOf('chain', root)).roots, [3]);
  });

  it('the given root need not be among those that are served', async () => {
    const root = rootOf(scene, 'chain', 1);
    rmSync(join(metadataFolder(scene, 'chain'), '1.root.json'));
    assert.deepEqual((await rolesOf('chain', root)).roots, [1, 2, 3]);
  });

  it('a root of another repository is refused', async () => {
    await assert.rejects(read('chain', rootOf(scene, 'tuftool')), {
      code: 'identity-mismatch',
      message: /not the given root 1/,
    });
  });

  it('a root before the given one that does not lead to it is refused', async () => {
    writeFileSync(join(metadataFolder(scene, 'chain'), '2.root.json'), rootOf(scene, 'tuftool', 2));
    await assert.rejects(read('chain', rootOf(scene, 'chain', 3)), { code: 'threshold-not-met' });
  });

  it('a role that its keys have not signed is refused', async () => {
    const path = join(metadataFolder(scene, 'chain'), 'timestamp.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version": 23', '"version": 24'));
    await assert.rejects(read('chain'), { code: 'threshold-not-met', message: /timestamp\.json/ });
  });

  it('PUB-20: a role that the snapshot lists and that is not there is named', async () => {
    const folder = metadataFolder(scene, 'chain');
    renameSync(join(folder, '1.apps-inner.json'), join(folder, 'elsewhere.json'));
    await assert.rejects(read('chain'), { code: 'not-found', message: /1\.apps-inner\.json/ });
  });

  it('a folder without a repository says where it looked', async () => {
    rmSync(join(metadataFolder(scene, 'chain'), 'timestamp.json'));
    await assert.rejects(sourceOf(scene, 'chain'), {
      code: 'not-found',
      message: /timestamp\.json is in none of/,
    });
  });
});
