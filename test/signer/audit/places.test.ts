import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPlaces } from '../../../src/signer/audit/places.ts';
import { openPublicStore, StoreFolder } from '../../../src/signer/audit/store-folder.ts';
import { startPlainServer } from '../../support/plain-server.ts';
import { RepositorySimulator } from '../../support/repository-simulator.ts';

describe('places of repositories', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-places-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function put(...names: readonly string[]): void {
    for (const name of names) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), '{}');
    }
  }

  const namesAt = async (request: object) =>
    (await findPlaces({ location: folder, ...request })).map(({ name }) => name);

  it('are the folder itself, its metadata, or a folder for each variant and architecture', async () => {
    put(
      'demo/x86_64/timestamp.json',
      'demo/aarch64/timestamp.json',
      'demo/none/1.root.json',
      'targets/a/timestamp.json',
    );
    assert.deepEqual(await namesAt({}), ['demo/aarch64', 'demo/x86_64']);
    assert.deepEqual(await namesAt({ repositories: ['demo/none'] }), ['demo/none']);
    put('metadata/timestamp.json');
    assert.deepEqual(await namesAt({}), ['metadata']);
    put('timestamp.json');
    assert.deepEqual(await namesAt({}), [folder]);
  });

  it('are two where metadata and targets lie apart', async () => {
    put('m/timestamp.json', 't/file');
    const [place, ...others] = await findPlaces({ metadata: join(folder, 'm'), targets: join(folder, 't') });
    assert.deepEqual(
      [place?.metadata.location, place?.targets.location, others],
      [join(folder, 'm'), join(folder, 't'), []],
    );
    assert.equal(await place?.targets.targetLength('file', {}), 2);
  });

  it('are none where nothing is, and where nothing was asked for', async () => {
    await assert.rejects(namesAt({}), { code: 'not-found', message: /neither there nor in metadata/ });
    await assert.rejects(findPlaces({ location: join(folder, 'x') }), { code: 'not-found' });
    await assert.rejects(findPlaces({}), { code: 'usage' });
    await assert.rejects(findPlaces({ location: 'ftp://host' }), { code: 'store-unsupported' });
  });

  it('are read over HTTP under names that need encoding, where 403 is absence', async () => {
    const { images, ...repository } = new RepositorySimulator();
    const server = await startPlainServer(images);
    try {
      const store = await openPublicStore(server.origin);
      const targets = new StoreFolder(store, '');
      repository.targetFiles.set('dir/a b%#.img', new Uint8Array([1, 2, 3]));
      assert.equal(await targets.targetLength('dir/a b%#.img', {}), 3);
      const file = await targets.openTarget('dir/a b%#.img', {});
      for await (const chunk of file?.body ?? []) assert.deepEqual([...chunk], [1, 2, 3]);
      assert.equal(await targets.targetLength('dir/none', {}), undefined);
      store.close?.();
    } finally {
      await server.close();
    }
  });
});
