/** From a repository of another tool to a workspace and its first publication. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { planAdoption } from '../../../src/signer/adopt/adopt.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { openWorkspace } from '../../../src/signer/workspace/workspace.ts';
import {
  type AdoptionScene,
  adoptionScene,
  filesIn,
  fixtures,
  metadataFolder,
  optionsFor,
  putPrivateKey,
  readWithTufJs,
  rootOf,
  today,
} from '../../support/adoption.ts';

const unlock = async (): Promise<undefined> => {
  throw new Error('a development key has no passphrase');
};

describe('signer/adopt', () => {
  let scene: AdoptionScene;

  beforeEach(() => {
    scene = adoptionScene();
  });
  afterEach(() => scene.end());

  const publicFolder = () => join(scene.folder, 'public');

  async function publishNow(now = today) {
    const workspace = await openWorkspace(scene.workspace);
    const plan = await planPublication(workspace, { now });
    return await publish(workspace, plan, { now, unlock });
  }

  /** Nothing but the fixture itself is in the scene's folder. */
  function assertNothingWritten(fixture: string): void {
    assert.deepEqual(
      readdirSync(scene.folder).filter((name) => name !== fixture),
      [],
    );
  }

  it('makes a workspace that says what the root says, and copies the repository as it is', async () => {
    const { plan, copied } = await scene.adopt('tuftool');
    assert.equal(copied, 29);
    const source = filesIn(scene.of('tuftool'));
    assert.deepEqual(filesIn(publicFolder()), source);
    const { settings, roots } = await openWorkspace(scene.workspace);
    assert.equal(roots.length, 2);
    assert.deepEqual(settings.roles.root, { keys: ['root-1', 'root-2'], threshold: 2 });
    assert.deepEqual(settings.roles.timestamp, { keys: ['timestamp'], threshold: 1 });
    assert.equal(settings.firstRoot, 1);
    assert.deepEqual(
      plan.findings.filter(({ level, step }) => level === 'must' && step !== 'publish'),
      [],
    );
  });

  it('the first publication is accepted by tuf-js that trusted the first root, and versions go on', async () => {
    await scene.adopt('chain');
    for (const name of ['targets', 'snapshot', 'timestamp']) putPrivateKey(scene.workspace, name);
    const { repositories } = await publishNow();
    const [first] = repositories;
    assert.deepEqual(first && { ...first.versions }, { targets: 6, snapshot: 12, timestamp: 24 });
    const names = ['os-1.0.0.img', 'docs/readme.txt', 'app-one.img', 'app-inner-1.img', 'manifest.json'];
    const read = await readWithTufJs(publicFolder(), { root: rootOf(scene, 'chain'), names });
    assert.deepEqual(read.contents.slice(0, 4), [
      'image of 1.0.0\n',
      'read me first\n',
      'app one\n',
      'inner app\n',
    ]);
    assert.equal(read.root, 3);
  });

  it('keeps what nobody knows at every level, and custom', async () => {
    await scene.adopt('chain');
    for (const name of ['targets', 'snapshot', 'timestamp']) putPrivateKey(scene.workspace, name);
    await publishNow();
    const signed = (name: string) =>
      JSON.parse(readFileSync(join(publicFolder(), 'metadata', name), 'utf8')).signed;
    const targets = signed('6.targets.json');
    assert.deepEqual(targets['x-release'], { train: 'blue' });
    assert.deepEqual(targets.targets['os-1.0.0.img'].custom, { board: 'a7', tags: ['stable'] });
    assert.deepEqual(
      targets.delegations,
      JSON.parse(readFileSync(join(metadataFolder(scene, 'chain'), '5.targets.json'), 'utf8')).signed
        .delegations,
    );
    assert.equal(signed('12.snapshot.json')['x-generation'], 7);
    assert.equal(targets['x-tidegate-repository'], 'example/adopted');
    assert.equal(targets.spec_version, '1.0.0');
  });

  it('adopts in place: nothing that is there is written over', async () => {
    const before = filesIn(scene.of('tuftool'));
    const { copied } = await scene.adopt('tuftool', { store: scene.of('tuftool') });
    assert.equal(copied, 0);
    assert.deepEqual(filesIn(scene.of('tuftool')), before);
    for (const name of ['targets', 'snapshot', 'timestamp']) putPrivateKey(scene.workspace, name);
    await publishNow();
    const after = filesIn(scene.of('tuftool'));
    for (const [name, content] of before) {
      if (name !== 'metadata/timestamp.json') assert.equal(after.get(name), content, name);
    }
    const read = await readWithTufJs(scene.of('tuftool'), {
      root: rootOf(scene, 'tuftool'),
      names: ['os-1.0.0.img'],
    });
    assert.deepEqual(read, { contents: ['image of 1.0.0\n'], root: 2 });
  });

  it('a workspace remembers what it has seen: a store put back is refused', async () => {
    await scene.adopt('tuftool');
    rmSync(join(publicFolder(), 'metadata', 'timestamp.json'));
    const workspace = await openWorkspace(scene.workspace);
    await assert.rejects(planPublication(workspace, { now: today }), { code: 'rollback' });
  });

  it('follows the links that tuftool leaves in the place of targets', async () => {
    const folder = join(scene.of('tuftool'), 'targets');
    const [image = ''] = readdirSync(folder).filter((name) => name.endsWith('.img'));
    const elsewhere = join(scene.folder, 'build');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'image'), readFileSync(join(folder, image)));
    rmSync(join(folder, image));
    symlinkSync(join(elsewhere, 'image'), join(folder, image));
    const { copied } = await scene.adopt('tuftool');
    assert.equal(copied, 29);
  });

  it('a link in the store itself is refused: a store holds files', async () => {
    const folder = join(scene.of('tuftool'), 'targets');
    const [image = ''] = readdirSync(folder).filter((name) => name.endsWith('.img'));
    const elsewhere = join(scene.folder, 'image');
    writeFileSync(elsewhere, readFileSync(join(folder, image)));
    rmSync(join(folder, image));
    symlinkSync(elsewhere, join(folder, image));
    await assert.rejects(scene.adopt('tuftool', { store: scene.of('tuftool') }), {
      code: 'not-a-plain-file',
    });
    assert.equal(existsSync(scene.workspace), false);
  });

  it('PUB-20: a target that is missing or cut short is named, and nothing is written', async () => {
    const folder = join(scene.of('tuftool'), 'targets');
    const [image = ''] = readdirSync(folder).filter((name) => name.endsWith('.img'));
    writeFileSync(join(folder, image), 'image');
    await assert.rejects(scene.adopt('tuftool'), {
      code: 'not-found',
      message: /1 listed targets.*os-1\.0\.0\.img/,
    });
    rmSync(join(folder, image));
    await assert.rejects(scene.adopt('tuftool'), { code: 'not-found' });
    assertNothingWritten('tuftool');
  });

  it('a target with other bytes is refused before anything is written', async () => {
    const folder = join(scene.of('chain'), 'targets');
    const [image = ''] = readdirSync(folder).filter((name) => name.endsWith('.os-1.0.0.img'));
    writeFileSync(join(folder, image), 'IMAGE of 1.0.0\n');
    await assert.rejects(scene.adopt('chain'), { code: 'hash-mismatch', message: /os-1\.0\.0\.img/ });
    assertNothingWritten('chain');
  });

  it('a folder that is not empty is refused', async () => {
    mkdirSync(scene.workspace);
    writeFileSync(join(scene.workspace, 'notes.txt'), 'mine');
    await assert.rejects(scene.adopt('tuftool'), { code: 'workspace-exists' });
    assert.deepEqual(readdirSync(scene.workspace), ['notes.txt']);
  });

  it('a store in which something else is published is refused, and no workspace is left', async () => {
    mkdirSync(join(publicFolder(), 'metadata'), { recursive: true });
    writeFileSync(join(publicFolder(), 'metadata', 'timestamp.json'), '{}');
    await assert.rejects(scene.adopt('tuftool'), { code: 'name-taken', message: /timestamp\.json/ });
    assert.equal(existsSync(scene.workspace), false);
    assert.deepEqual(readdirSync(scene.folder).sort(), ['public', 'tuftool']);
    assert.deepEqual([...filesIn(publicFolder()).keys()], ['metadata/timestamp.json']);
  });

  it('an address that nobody answers is an error of the network', async () => {
    const location = 'http://127.0.0.1:9/repository';
    await assert.rejects(scene.adopt('tuftool', { location }), { code: 'network-unreachable' });
    assertNothingWritten('tuftool');
  });

  it('a key that the repository does not have gets no place', async () => {
    const keyPlaces = new Map([['release', 'awskms:alias/release']]);
    await assert.rejects(scene.adopt('tuftool', { keyPlaces }), { code: 'usage', message: /timestamp/ });
  });

  it('a plan writes nothing, and says the same of each repository every time', async () => {
    for (const fixture of fixtures) {
      const options = optionsFor(scene, fixture);
      const before = filesIn(scene.folder);
      const plan = await planAdoption(scene.workspace, options);
      const again = await planAdoption(scene.workspace, options);
      assert.deepEqual(plan.findings, again.findings);
      assert.equal(plan.toml, again.toml);
      assert.deepEqual(filesIn(scene.folder), before);
    }
  });
});
