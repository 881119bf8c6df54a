import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTidegateError, type TidegateError } from '../../src/errors.ts';
import {
  createDurably,
  makeFolder,
  makeFolders,
  removeDurably,
  writeDurably,
} from '../../src/storage/durable-file.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { openPlainFile, readPlainFile } from '../../src/storage/plain-file.ts';
import { sweepTemporaries } from '../../src/storage/staged-file.ts';
import { everyCut, everyFailure, FileSystemReplay } from '../support/file-system-replay.ts';
import { MemoryFileSystem, powerCuts } from '../support/memory-file-system.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const OLD = 'old bytes';
const NEW = 'new and longer bytes';

async function disk(existing?: string): Promise<MemoryFileSystem> {
  const fs = new MemoryFileSystem();
  await makeFolders(fs, '/state/x/f', { within: '/', mode: 0o700 });
  if (existing !== undefined) await writeDurably(fs, '/state/x/f', text(existing));
  return fs;
}

async function content(fs: MemoryFileSystem, path = '/state/x/f'): Promise<string | undefined> {
  const file = await readPlainFile(fs, path, 1000);
  return file && Buffer.from(file.bytes).toString();
}

describe('durable files', () => {
  it('DSK-16: write, fsync of the file, rename, fsync of the folder, in that order', async () => {
    const fs = new FileSystemReplay(await disk(OLD));
    await writeDurably(fs, '/state/x/f', text(NEW), { mode: 0o640 });
    const wanted = ['open', 'handle.write', 'handle.sync', 'rename', 'link'];
    const steps = fs.calls.filter(({ call }) => wanted.includes(call));
    const at = (path: string): string => (path.includes('.tidegate-tmp-') ? 'temporary' : path);
    assert.deepEqual(
      steps.map(({ call, path }) => `${call} ${at(path)}`),
      [
        'open temporary',
        'handle.write temporary',
        'handle.sync temporary',
        'rename /state/x/f',
        'open /state/x',
        'handle.sync /state/x',
      ],
    );
  });

  it('DSK-01: leave the old or the new bytes, whatever call a crash or power cut hits', async () => {
    let seen = 0;
    const scene = {
      prepare: () => disk(OLD),
      work: (fs: FileSystemReplay | MemoryFileSystem) => writeDurably(fs, '/state/x/f', text(NEW)),
    };
    await everyCut(scene, async (fs, where) => {
      for (const after of [fs, ...powerCuts.map((cut) => fs.powerCut(cut))]) {
        seen += 1;
        assert.ok([OLD, NEW].includes((await content(after)) ?? 'nothing'), where);
        await writeDurably(after, '/state/x/f', text(NEW));
        for (const cut of powerCuts) assert.equal(await content(after.powerCut(cut)), NEW, where);
      }
    });
    assert.ok(seen > 50, `${seen} disks`);
  });

  it('DSK-01: a new file is whole or absent, and never overwrites', async () => {
    const scene = {
      prepare: () => disk(),
      work: (fs: FileSystemReplay | MemoryFileSystem) => createDurably(fs, '/state/x/f', text(NEW)),
    };
    await everyCut(scene, async (fs, where) => {
      for (const after of [fs, ...powerCuts.map((cut) => fs.powerCut(cut))]) {
        const found = await content(after);
        assert.ok(found === undefined || found === NEW, where);
        const again = await createDurably(after, '/state/x/f', text('other'));
        assert.equal(again, found === undefined ? 'created' : 'taken', where);
      }
    });
  });

  it('DSK-05, DSK-06: report every failing call by code, path and call, and keep the old bytes', async () => {
    const codes = {
      ENOSPC: 'disk-full',
      EDQUOT: 'disk-full',
      EIO: 'disk-error',
      EACCES: 'disk-error',
    } as const;
    for (const [system, code] of Object.entries({ ...codes, EROFS: 'disk-error', EMFILE: 'disk-error' })) {
      const scene = {
        prepare: () => disk(OLD),
        work: (fs: FileSystemReplay | MemoryFileSystem) => writeDurably(fs, '/state/x/f', text(NEW)),
      };
      await everyFailure(scene, system, async (fs, error, where) => {
        assert.equal(fs.openHandles, 0, where);
        // The last call is the clean-up of the temporary file, which has its new name by then.
        if (error === undefined) return assert.ok(where.includes('unlink'), where);
        assert.ok(isTidegateError(error), where);
        assert.equal(error.code, code, where);
        assert.equal(error.details.system, system);
        assert.ok(error.message.includes(String(error.details.path)));
        assert.ok([OLD, NEW].includes((await content(fs)) ?? 'nothing'), where);
        await writeDurably(fs, '/state/x/f', text(NEW));
        assert.equal(await content(fs), NEW);
      });
    }
  });

  it('DSK-19: set the mode whatever the umask', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-mode-'));
    const umask = process.umask(0o077);
    try {
      const file = join(folder, 'x', 'f');
      await makeFolders(nodeFileSystem, file, { within: folder, mode: 0o755 });
      await writeDurably(nodeFileSystem, file, text(NEW), { mode: 0o644 });
      await createDurably(nodeFileSystem, join(folder, 'x', 'g'), text(NEW));
      const mode = async (path: string): Promise<number> => (await nodeFileSystem.status(path)).mode;
      assert.deepEqual([await mode(join(folder, 'x')), await mode(file)], [0o755, 0o644]);
      assert.equal(await mode(join(folder, 'x', 'g')), 0o600);
    } finally {
      process.umask(umask);
      await rm(folder, { recursive: true });
    }
  });

  it('removes durably, and says when there was nothing', async () => {
    const fs = await disk(OLD);
    assert.equal(await removeDurably(fs, '/state/x/f'), 'removed');
    assert.equal(await removeDurably(fs, '/state/x/f'), 'absent');
    assert.equal(await removeDurably(fs, '/state/y/z/f', { within: '/state' }), 'absent');
    for (const cut of powerCuts) assert.equal(await content(fs.powerCut(cut)), undefined);
    const scene = {
      prepare: () => disk(OLD),
      work: (disk: FileSystemReplay | MemoryFileSystem) => removeDurably(disk, '/state/x/f'),
    };
    await everyFailure(scene, 'EACCES', async (_, error) => {
      assert.ok(isTidegateError(error, 'disk-error'));
      assert.match(error.message, /EACCES \(this user may not: look at owner and mode/);
    });
  });

  it('refuses create-only writes where there are no hard links, and leaves nothing', async () => {
    const fs = await disk();
    fs.hardLinks = false;
    await assert.rejects(createDurably(fs, '/state/x/f', text(NEW)), { code: 'store-unsupported' });
    assert.deepEqual(await fs.entries('/state/x'), []);
  });

  it('writes into a folder that was named by a link, as the system would', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-linked-'));
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    const path = join(folder, 'link', 'f');
    assert.equal(await createDurably(nodeFileSystem, path, text(OLD)), 'created');
    await writeDurably(nodeFileSystem, path, text(NEW));
    assert.equal(await readFile(join(folder, 'real', 'f'), 'utf8'), NEW);
    assert.equal(await removeDurably(nodeFileSystem, path), 'removed');
    assert.equal(await makeFolder(nodeFileSystem, join(folder, 'link', 'below'), 0o700), 'made');
    await assert.rejects(writeDurably(nodeFileSystem, path, text(NEW), { within: folder }), {
      code: 'not-a-plain-file',
    });
    await rm(folder, { recursive: true });
  });

  it('DSK-14: sweeps temporary files of dead processes only', async () => {
    const fs = await disk();
    const scene = new FileSystemReplay(fs, { cut: 4 });
    await writeDurably(scene, '/state/x/f', text(NEW)).catch(() => undefined);
    const [left] = await fs.entries('/state/x');
    assert.match(left?.name ?? '', /^\.tidegate-tmp-/);
    const dead = (left?.name ?? '').replace(/\.\d+\.\d+-/, '.4194999.1-');
    await fs.rename(`/state/x/${left?.name}`, `/state/x/${dead}`);
    const foreign = dead.replace(/tmp-\w{8}\.\w{8}/, 'tmp-00000000.00000000');
    for (const name of [foreign, 'other']) await writeDurably(fs, `/state/x/${name}`, text('x'));
    await sweepTemporaries(fs, '/state/x');
    assert.deepEqual((await fs.entries('/state/x')).map(({ name }) => name).sort(), [foreign, 'other']);
  });
});

describe('plain files', () => {
  it('DSK-11: follow no link, in the last place or on the way, and name it', async () => {
    const fs = await disk(OLD);
    await makeFolders(fs, '/victim/x', { within: '/', mode: 0o755 });
    await writeDurably(fs, '/victim/f', text('victim'));
    fs.symlink('/victim/f', '/state/link');
    fs.symlink('/victim', '/state/folder');
    const named = (link: string) => (error: TidegateError) => {
      assert.equal(error.code, 'not-a-plain-file');
      assert.ok(error.message.includes(link), error.message);
      assert.equal(error.details.path, link);
      assert.equal(error.details.found, 'link');
      return true;
    };
    const within = '/state';
    for (const [path, link] of [
      ['/state/link', '/state/link'],
      ['/state/folder/f', '/state/folder'],
    ] as const) {
      await assert.rejects(readPlainFile(fs, path, 100, { within }), named(link));
      await assert.rejects(openPlainFile(fs, path, { within, update: true }), named(link));
      await assert.rejects(writeDurably(fs, path, text('x'), { within }), named(link));
      await assert.rejects(createDurably(fs, path, text('x'), { within }), named(link));
      if (path !== link) await assert.rejects(removeDurably(fs, path, { within }), named(link));
    }
    await assert.rejects(
      makeFolders(fs, '/state/folder/a/f', { within, mode: 0o755 }),
      named('/state/folder'),
    );
    assert.equal(await content(fs, '/victim/f'), 'victim');
    assert.deepEqual(
      (await fs.entries('/victim')).map(({ name }) => name),
      ['f'],
    );
    assert.equal(fs.openHandles, 0);
  });

  it('DSK-02: are no folders', async () => {
    const fs = await disk();
    await assert.rejects(readPlainFile(fs, '/state/x', 100), { code: 'not-a-plain-file' });
    await assert.rejects(writeDurably(fs, '/state/x', text('x')), { code: 'not-a-plain-file' });
    await assert.rejects(openPlainFile(fs, '/state/x', { update: true }), { code: 'not-a-plain-file' });
    await writeDurably(fs, '/state/x/f', text('x'));
    await assert.rejects(readPlainFile(fs, '/state/x/f/g', 100, { within: '/state' }), {
      code: 'not-a-plain-file',
    });
    await assert.rejects(readPlainFile(fs, '/state/x/f/g', 100), { code: 'not-a-plain-file' });
    await assert.rejects(readPlainFile(fs, '/elsewhere/f', 100, { within: '/state' }), { code: 'internal' });
    assert.equal(fs.openHandles, 0);
  });

  it('DSK-06: an unreadable file is an error, never an absent one', async () => {
    for (const code of ['EACCES', 'EIO', 'EMFILE', 'ENAMETOOLONG']) {
      const scene = {
        prepare: () => disk(OLD),
        work: (fs: FileSystemReplay | MemoryFileSystem) =>
          readPlainFile(fs, '/state/x/f', 100, { within: '/state' }),
      };
      const calls = await everyFailure(scene, code, async (fs, error, where) => {
        assert.ok(isTidegateError(error, 'disk-error'), where);
        assert.equal(fs.openHandles, 0, where);
      });
      assert.equal(calls, 5);
    }
  });

  it('are read up to the limit, whatever their size was when opened', async () => {
    const fs = await disk('123456789');
    assert.equal((await readPlainFile(fs, '/state/x/f', 9))?.bytes.byteLength, 9);
    await assert.rejects(readPlainFile(fs, '/state/x/f', 8), { code: 'length-limit' });
    assert.equal(await readPlainFile(fs, '/state/x/g', 8), undefined);
    const growing = new MemoryFileSystem();
    await writeDurably(growing, '/f', text('x'));
    const open = growing.open.bind(growing);
    growing.open = async (path, flags) => {
      const handle = await open(path, flags);
      return { ...handle, read: async (buffer) => buffer.fill(0).byteLength };
    };
    await assert.rejects(readPlainFile(growing, '/f', 5000), { code: 'length-limit' });
  });
});
