/** The directory store on disks that die, fill up, fold names and hold traps. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isTidegateError } from '../../src/errors.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { makeFolders, writeDurably } from '../../src/storage/durable-file.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { everyCut, everyFailure, FileSystemReplay } from '../support/file-system-replay.ts';
import { MemoryFileSystem, powerCuts } from '../support/memory-file-system.ts';
import { contentOf, swappableSuite } from '../support/store-suite.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

swappableSuite('DirectoryStore on the disk in memory', async () => {
  const fs = new MemoryFileSystem();
  const store = new DirectoryStore('/srv/repository', { fs });
  const close = async (): Promise<void> => assert.equal(fs.openHandles, 0);
  return { store, writer: store, close };
});

async function content(fs: FileSystem, name: string): Promise<string | undefined> {
  const file = await new DirectoryStore('/srv', { fs }).read(name, 1000);
  return file && Buffer.from(file.bytes).toString();
}

async function names(fs: FileSystem): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of new DirectoryStore('/srv', { fs }).list()) found.push(name);
  return found;
}

describe('DirectoryStore and its disk', () => {
  const prepare = async (): Promise<MemoryFileSystem> => {
    const fs = new MemoryFileSystem();
    const store = new DirectoryStore('/srv', { fs });
    await store.swap('metadata/timestamp.json', text('old'), undefined);
    return fs;
  };
  const create = (fs: FileSystem): Promise<string> =>
    new DirectoryStore('/srv', { fs }).create('targets/new/image', text('image'));
  const swap = async (fs: FileSystem): Promise<string> => {
    const store = new DirectoryStore('/srv', { fs });
    const { etag } = (await store.stat('metadata/timestamp.json')) ?? {};
    return await store.swap('metadata/timestamp.json', text('new'), etag);
  };

  it('PUB-01: create cut at any call leaves the file whole or absent, and can be run again', async () => {
    const calls = await everyCut({ prepare, work: create }, async (disk, where) => {
      for (const after of [disk, ...powerCuts.map((cut) => disk.powerCut(cut))]) {
        assert.ok([undefined, 'image'].includes(await content(after, 'targets/new/image')), where);
        assert.equal(await content(after, 'metadata/timestamp.json'), 'old', where);
        await create(after);
        for (const cut of powerCuts) {
          assert.equal(await content(after.powerCut(cut), 'targets/new/image'), 'image', where);
        }
        assert.deepEqual(await names(after), ['metadata/timestamp.json', 'targets/new/image'], where);
      }
    });
    assert.ok(calls > 20);
  });

  it('PUB-01: swap cut at any call leaves the old bytes or the new, and can be run again at once', async () => {
    await everyCut({ prepare, work: swap }, async (disk, where) => {
      for (const after of [disk, ...powerCuts.map((cut) => disk.powerCut(cut))]) {
        const found = await content(after, 'metadata/timestamp.json');
        assert.ok(found === 'old' || found === 'new', where);
        assert.equal(await swap(after), 'swapped', where);
        for (const cut of powerCuts) {
          assert.equal(await content(after.powerCut(cut), 'metadata/timestamp.json'), 'new', where);
        }
      }
    });
  });

  it('DSK-05, DSK-06: a failing call is an error with code and path, or was only tidying up', async () => {
    for (const [system, code] of [
      ['ENOSPC', 'disk-full'],
      ['EIO', 'disk-error'],
      ['EACCES', 'disk-error'],
    ] as const) {
      for (const work of [create, swap]) {
        await everyFailure({ prepare, work }, system, async (disk, error, where) => {
          assert.equal(disk.openHandles, 0, where);
          if (error === undefined) assert.match(where, /unlink/);
          else {
            assert.ok(isTidegateError(error, code), `${where}: ${String(error)}`);
            assert.ok(typeof error.details.path === 'string', where);
          }
          assert.ok(['old', 'new'].includes((await content(disk, 'metadata/timestamp.json')) ?? ''), where);
          assert.ok([undefined, 'image'].includes(await content(disk, 'targets/new/image')), where);
          await work(disk);
        });
      }
    }
  });

  it('DSK-07: refuses an image larger than the free space before it asks for the first byte', async () => {
    const fs = await prepare();
    fs.free = 2_000_000;
    const bytes = randomBytes(10);
    const content = contentOf(bytes, {
      length: 2_000_001,
      open: () => assert.fail('asked for bytes'),
    });
    await assert.rejects(new DirectoryStore('/srv', { fs }).create('big', content), {
      code: 'disk-full',
      details: { path: '/srv/big', expected: 2_000_001, found: 2_000_000 },
    });
  });

  it('DSK-05: leaves nothing behind when the disk fills up in the middle', async () => {
    const fs = await prepare();
    fs.free = 4_000_000;
    const bytes = randomBytes(3_000_000);
    const content = contentOf(bytes, {
      open: async function* () {
        for (let at = 0; at < bytes.byteLength; at += 100_000) {
          if (at === 1_500_000) fs.free = 0;
          yield bytes.subarray(at, at + 100_000);
        }
      },
    });
    const store = new DirectoryStore('/srv', { fs });
    await assert.rejects(store.create('targets/big', content), { code: 'disk-full' });
    assert.deepEqual(await fs.entries('/srv/targets'), []);
    fs.free = 4_000_000;
    assert.equal(await store.create('targets/big', contentOf(bytes)), 'created');
  });

  it('refuses file systems that fold case or Unicode forms', async () => {
    for (const fold of [(name: string) => name.toLowerCase(), (name: string) => name.normalize('NFC')]) {
      const fs = new MemoryFileSystem();
      fs.fold = fold;
      const store = new DirectoryStore('/srv', { fs });
      await assert.rejects(store.create('a', text('a')), { code: 'store-unsupported' });
      assert.deepEqual(await fs.entries('/srv'), []);
    }
  });

  it('DSK-14: sweeps everything that a writer killed at any call has left, when its process is gone', async () => {
    for (let cut = 0; ; cut += 1) {
      const fs = new MemoryFileSystem();
      await makeFolders(fs, '/srv/x', { within: '/', mode: 0o755 });
      const scene = new FileSystemReplay(fs, { cut });
      const outcome = await new DirectoryStore('/srv', { fs: scene })
        .create('a', text('a'))
        .catch(() => 'cut');
      for (const { name } of await fs.entries('/srv')) {
        const dead = name.replace(/\.\d+\.\d+-/, '.4194999.1-');
        if (dead !== name) await fs.rename(`/srv/${name}`, `/srv/${dead}`);
      }
      await new DirectoryStore('/srv', { fs }).create('a', text('a'));
      assert.deepEqual(
        (await fs.entries('/srv')).map(({ name }) => name),
        ['a'],
        `cut at call ${cut}`,
      );
      if (outcome !== 'cut') break;
    }
  });

  it('DSK-11: follows no link below its root, names it, and leaves its goal alone', async () => {
    const fs = await prepare();
    await makeFolders(fs, '/victim/x', { within: '/', mode: 0o755 });
    await writeDurably(fs, '/victim/f', text('victim'));
    fs.symlink('/victim/f', '/srv/link');
    fs.symlink('/victim', '/srv/folder');
    fs.symlink('/nowhere', '/srv/dangling');
    const store = new DirectoryStore('/srv', { fs });
    for (const name of ['link', 'folder/f', 'dangling', 'folder/new', 'folder']) {
      const refusal = { code: 'not-a-plain-file', details: { found: 'link' } };
      const refused = async (work: Promise<unknown>): Promise<void> =>
        await assert.rejects(work, (error: unknown) => {
          assert.ok(isTidegateError(error, 'not-a-plain-file'), `${name}: ${String(error)}`);
          assert.equal(error.details.found, refusal.details.found);
          assert.equal(error.details.path, `/srv/${name.split('/')[0]}`);
          return true;
        });
      await refused(store.read(name, 100));
      await refused(store.open(name));
      await refused(store.stat(name));
      await refused(store.create(name, text('x')));
      await refused(store.swap(name, text('x'), undefined));
      await refused(store.remove(name, 'x'));
    }
    assert.deepEqual(await names(fs), ['metadata/timestamp.json']);
    assert.deepEqual(
      (await fs.entries('/victim')).map(({ name }) => name),
      ['f'],
    );
    assert.equal(fs.openHandles, 0);
  });

  it('says present for good: what another program left unsynced is synced first', async () => {
    const fs = await prepare();
    const handle = await fs.open('/srv/copied', 0o101);
    await handle.write([text('copied')], 0);
    await handle.close();
    assert.equal(await new DirectoryStore('/srv', { fs }).create('copied', text('copied')), 'present');
    for (const cut of powerCuts) assert.equal(await content(fs.powerCut(cut), 'copied'), 'copied');
  });

  it('takes a link for its root, and a file for none', async () => {
    const fs = await prepare();
    fs.symlink('/srv', '/alias');
    const aliased = await new DirectoryStore('/alias', { fs }).read('metadata/timestamp.json', 10);
    assert.equal(String(Buffer.from(aliased?.bytes ?? [])), 'old');
    await writeDurably(fs, '/file', text('x'));
    await assert.rejects(new DirectoryStore('/file', { fs }).stat('a'), { code: 'not-a-plain-file' });
    await assert.rejects(new DirectoryStore('/file/below', { fs }).stat('a'), { code: 'not-a-plain-file' });
  });

  it('takes a name for taken when a folder bears it, or a file stands where its folder would', async () => {
    const store = new DirectoryStore('/srv', { fs: await prepare() });
    await assert.rejects(store.create('metadata', text('x')), { code: 'name-taken' });
    await assert.rejects(store.create('metadata/timestamp.json/x', text('x')), { code: 'name-taken' });
  });

  it('refuses a file over the limit of a read before it reads of it', async () => {
    const disk = await prepare();
    await new DirectoryStore('/srv', { fs: disk }).create('large', contentOf(randomBytes(3_000_000)));
    const fs = new FileSystemReplay(disk);
    await assert.rejects(new DirectoryStore('/srv', { fs }).read('large', 2_999_999), {
      code: 'length-limit',
    });
    assert.deepEqual(
      fs.calls.filter(({ call }) => call === 'handle.read'),
      [],
    );
    assert.equal(disk.openHandles, 0);
  });

  it('a swap of a free name loses to whoever creates it meanwhile', async () => {
    for (const [theirs, outcome] of [
      ['theirs', 'lost'],
      ['ours', 'swapped'],
    ] as const) {
      const disk = await prepare();
      const link: FileSystem['link'] = async (existing, path) => {
        await writeDurably(disk, path, text(theirs));
        return await disk.link(existing, path);
      };
      const fs: FileSystem = new Proxy<FileSystem>(disk, {
        get: (target, name) => {
          if (name === 'link') return link;
          const member: unknown = Reflect.get(target, name);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
      assert.equal(
        await new DirectoryStore('/srv', { fs }).swap('contested', text('ours'), undefined),
        outcome,
      );
      assert.equal(await content(disk, 'contested'), theirs);
    }
  });

  it('tells a large file that shrinks while it is read', async () => {
    const fs = await prepare();
    const store = new DirectoryStore('/srv', { fs });
    await store.create('large', contentOf(randomBytes(5_000_000)));
    const file = await store.open('large');
    const handle = await fs.open('/srv/large', 2);
    await assert.rejects(
      async () => {
        for await (const _ of file?.body ?? []) await handle.truncate(2_000_000);
      },
      { code: 'store-conflict' },
    );
    await handle.close();
    assert.equal(fs.openHandles, 0);
  });

  it('changes the etag of a large file with its content, also when written in place', async () => {
    const fs = await prepare();
    const store = new DirectoryStore('/srv', { fs });
    await store.create('large', contentOf(randomBytes(2_000_000)));
    const before = await store.stat('large');
    const handle = await fs.open('/srv/large', 2);
    await handle.write([new Uint8Array(1)], 1000);
    await handle.close();
    assert.notEqual((await store.stat('large'))?.etag, before?.etag);
    await assert.rejects(store.open('large', { etag: before?.etag ?? '' }), { code: 'store-conflict' });
  });
});
