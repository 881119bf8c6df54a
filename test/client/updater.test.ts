import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, imageBytes } from '../support/fixture-repository.ts';

describe('RepositoryClient', () => {
  let scene: ClientScene;
  beforeEach(() => {
    scene = new ClientScene();
  });
  afterEach(() => scene.close());

  it('SPEC-54: asks for exactly the next root, timestamp, snapshot and targets', async () => {
    const result = await scene.refresh();
    assert.deepEqual(scene.repository.requests, [
      '2.root.json',
      '3.root.json',
      'timestamp.json',
      '5.snapshot.json',
      '5.targets.json',
    ]);
    assert.deepEqual(result.versions, { root: 2, timestamp: 5, snapshot: 5, targets: 5 });
    assert.deepEqual(result.changed, ['root', 'timestamp', 'snapshot', 'targets']);
    assert.equal(result.time, scene.now);
  });

  it('TUF-39: stores what it received, byte for byte', async () => {
    await scene.refresh();
    for (const [role, version] of [
      ['root', 2],
      ['timestamp', 5],
      ['snapshot', 5],
      ['targets', 5],
    ] as const)
      assert.deepEqual(new Uint8Array(scene.stored(`${role}.json`)), scene.repository.written(role, version));
  });

  it('TUF-41: up to date, asks only for the next root and the timestamp, and rewrites nothing', async () => {
    await scene.refresh();
    const before = Object.keys(scene.files()).map((name) => [
      name,
      statSync(join(scene.state, name)).mtimeMs,
    ]);
    const result = await scene.refresh();
    assert.deepEqual(scene.repository.requests, ['3.root.json', 'timestamp.json']);
    const after = Object.keys(scene.files()).map((name) => [name, statSync(join(scene.state, name)).mtimeMs]);
    assert.deepEqual(after, before);
    assert.deepEqual(result.notes, []);
  });

  it('agrees with the second verifier, on roles and on targets', async () => {
    const client = scene.client({ secondVerifier: 'on' });
    assert.deepEqual((await client.refresh()).secondVerifier, { verdict: 'agreed' });
    const target = await client.resolve('boot-1.2.0.img');
    assert.equal(target.length, 9000);
    await assert.rejects(client.resolve('absent.img'), { code: 'target-not-found' });
  });

  it('downloads, reads the manifest and chooses', async () => {
    const client = scene.client();
    const destination = join(mkdtempSync(join(scene.folder, 'out-')), 'boot.img');
    const first = await client.download(fixtureImages.boot, destination);
    assert.equal(first.from, 'network');
    assert.deepEqual(new Uint8Array(readFileSync(destination)), imageBytes(fixtureImages.boot, 9000));
    scene.repository.requests.length = 0;
    assert.equal((await client.download(fixtureImages.boot, destination)).from, 'present');
    assert.deepEqual(scene.repository.requests, []);
    const host = { variant: 'demo', arch: 'x86_64', version: '1.1.0', seed: 7 };
    const choice = await client.choose(host);
    assert.equal(choice.kind, 'update');
    assert.equal((await client.updates(host)).length, 1);
  });

  it('fetches a manifest once for as long as the same one is signed, and a new one at once', async () => {
    const client = scene.client();
    const host = { variant: 'demo', arch: 'x86_64', version: '1.1.0', seed: 7 };
    const fetched = (): number =>
      scene.repository.requests.filter((name) => name.includes('manifest')).length;
    await client.choose(host);
    await client.updates(host);
    await client.refresh();
    assert.equal((await client.manifest()).updates.length, 1);
    assert.equal(fetched(), 1);
    const empty = new TextEncoder().encode('{"updates":[],"migrations":{}}');
    scene.repository.addTarget('manifest.json', empty);
    scene.repository.publish('targets');
    await client.refresh();
    assert.equal((await client.manifest()).updates.length, 0);
    assert.equal(fetched(), 2);
  });
});
