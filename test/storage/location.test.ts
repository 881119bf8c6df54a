import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openHostStore } from '../../src/storage/host-location.ts';
import { openStore, openSwappableStore } from '../../src/storage/location.ts';

describe('locations of stores', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidegate-location-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('open folders by path and by file address, and servers by theirs', async () => {
    for (const location of [folder, pathToFileURL(folder).href]) {
      assert.equal((await openStore(location)).location, folder);
      assert.equal((await openSwappableStore(location)).location, folder);
    }
    const store = await openStore('https://updates.example.org/repository');
    assert.equal(store.location, 'https://updates.example.org/repository/');
    store.close?.();
  });

  it('make a folder for writing at the first write only, and want it there for reading', async () => {
    const path = join(folder, 'a', 'b');
    await assert.rejects(openStore(path), { code: 'not-found' });
    const store = await openSwappableStore(path);
    assert.equal(await store.stat('f'), undefined);
    for await (const { name } of store.list()) assert.fail(name);
    assert.equal(await store.remove('f', ''), 'absent');
    await assert.rejects(openStore(path), { code: 'not-found' });
    await store.create('f', new Uint8Array(1));
    assert.equal((await (await openStore(path)).stat('f'))?.length, 1);
  });

  it('open buckets by theirs, and ask nothing of them yet', async () => {
    const address = 's3://bucket/some/prefix?region=eu-central-1&endpoint=http://127.0.0.1:1';
    for (const open of [openStore, openSwappableStore]) {
      const store = await open(address);
      assert.equal(store.location, 's3://bucket/some/prefix/');
      store.close?.();
    }
    await assert.rejects(openStore('s3://bucket/?regoin=x'), { code: 'config-invalid' });
  });

  it('refuse what is not known', async () => {
    for (const location of ['ftp://host/', 'data://x']) {
      await assert.rejects(openStore(location), { code: 'store-unsupported' });
      await assert.rejects(openSwappableStore(location), { code: 'store-unsupported' });
    }
    await assert.rejects(openSwappableStore('https://host/'), { code: 'store-unsupported' });
    await assert.rejects(openHostStore('s3://bucket/prefix'), { code: 'store-unsupported' });
    await assert.rejects(openStore(''), { code: 'config-invalid' });
    await assert.rejects(openStore('file://host/share'), { code: 'config-invalid' });
    await assert.rejects(openStore('https://user:secret@host/'), { code: 'config-invalid' });
  });
});
