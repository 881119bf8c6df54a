import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RepositoryClient } from '../../src/client/updater.ts';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, imageBytes } from '../support/fixture-repository.ts';

describe('locations', () => {
  let scene: ClientScene;
  let published: string;
  beforeEach(() => {
    scene = new ClientScene();
    published = join(scene.folder, 'published');
    scene.repository.dump(published);
  });
  afterEach(() => scene.close());

  for (const how of ['path', 'file URL'] as const) {
    it(`reads a repository from a folder, given as ${how}`, async () => {
      const at = (name: string) =>
        how === 'path' ? join(published, name) : pathToFileURL(join(published, name)).href;
      const client = scene.client({ metadata: at(''), targets: at('targets') });
      const out = join(scene.folder, 'out.img');
      const { location } = await client.download(fixtureImages.boot, out);
      assert.equal(location, at('targets'));
      assert.deepEqual(new Uint8Array(readFileSync(out)), imageBytes(fixtureImages.boot, 9000));
      const { urls } = await client.resolve(fixtureImages.boot);
      assert.match(urls[0] ?? '', /targets\/[0-9a-f]{64}\.boot-1\.2\.0\.img$/);
    });
  }

  it('a folder that is missing is a location that cannot be reached, and is found once it is there', async () => {
    const moved = join(scene.folder, 'moved');
    renameSync(published, moved);
    const client = scene.client({ metadata: published });
    await assert.rejects(client.refresh(), { code: 'not-found' });
    cpSync(moved, published, { recursive: true });
    assert.equal((await client.refresh()).versions.targets, 5);
  });

  it('a folder in the place of a file is trouble of the location, and the next one is asked', async () => {
    mkdirSync(join(scene.folder, 'odd', 'timestamp.json', 'x'), { recursive: true });
    const { versions, faults } = await scene.refresh({
      metadata: [join(scene.folder, 'odd'), join(published)],
    });
    assert.equal(versions.timestamp, 5);
    assert.equal(faults[0]?.location, join(scene.folder, 'odd'));
  });

  it('addresses that cannot be used are refused at once, without their secrets', () => {
    const options = {
      trustedRoot: new Uint8Array(),
      metadata: 'https://user:secret@example.org/',
      targets: 'https://example.org/',
      stateDirectory: scene.state,
    };
    assert.throws(
      () => new RepositoryClient(options),
      (error: Error & { code: string }) =>
        error.code === 'config-invalid' && !error.message.includes('secret'),
    );
    for (const name of ['metadata', 'targets'] as const)
      assert.throws(() => new RepositoryClient({ ...options, metadata: 'x', targets: 'x', [name]: [] }), {
        code: 'usage',
        message: new RegExp(name),
      });
  });

  it('DSK-19: modes of the state are fixed by code, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await scene.refresh();
    } finally {
      process.umask(before);
    }
    const mode = (name: string) => statSync(join(scene.state, name)).mode & 0o777;
    assert.deepEqual(['.', 'roots'].map(mode), [0o700, 0o700]);
    assert.deepEqual(
      ['root.json', 'floors.1', 'targets.json', 'roots/2.root'].map(mode),
      [0o600, 0o600, 0o600, 0o600],
    );
  });

  it('a manifest that is too long is refused before it is read', async () => {
    scene.repository.targets.targets['manifest.json'] = {
      length: 2 ** 40,
      hashes: { sha256: '0'.repeat(64) },
    };
    scene.repository.publish();
    scene.repository.requests.length = 0;
    await assert.rejects(scene.client().manifest(), { code: 'length-limit' });
    assert.ok(!scene.repository.requests.some((name) => name.startsWith('targets/')));
  });
});
