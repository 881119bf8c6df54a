/** Processes and disks that die at any moment: the next run succeeds alone, and floors never fall. */
import assert from 'node:assert/strict';
import { parseRecord } from '../../src/client/floors-file.ts';
import { RepositoryClient } from '../../src/client/updater.ts';
import { isTidegateError } from '../../src/errors.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { readPlainFile } from '../../src/storage/plain-file.ts';
import { everyCut, everyFailure, FileSystemReplay } from '../support/file-system-replay.ts';
import { fixtureImages, fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import { MemoryFileSystem, powerCuts } from '../support/memory-file-system.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';

const state = '/state';
const image = '/image.img';

function clientOf(repository: RepositorySimulator, fileSystem: FileSystem): RepositoryClient {
  return new RepositoryClient({
    trustedRoot: repository.written('root', 1),
    metadata: repository.metadata,
    targets: repository.images,
    stateDirectory: state,
    clock: () => repository.now,
    secondVerifier: 'off',
    lockWait: 0,
    fileSystem,
  });
}

/** The timestamp floor on a disk; 0 on a new one. */
async function timestampFloor(fs: FileSystem): Promise<number> {
  let floor = 0;
  for (const copy of [1, 2]) {
    const bytes = (await readPlainFile(fs, `${state}/floors.${copy}`, 1e6).catch(() => undefined))?.bytes;
    if (bytes === undefined) continue;
    const record = parseRecord(bytes);
    assert.ok(record !== undefined, 'a copy of the floors is half written');
    floor = Math.max(floor, record.floors.timestamp);
  }
  return floor;
}

/** A disk on which a host has refreshed once, and a repository that has moved all four roles since. */
async function movedOn(): Promise<{
  repository: RepositorySimulator;
  disk: () => Promise<MemoryFileSystem>;
}> {
  const repository = fixtureRepository();
  const before = new MemoryFileSystem();
  await clientOf(repository, before).refresh();
  repository.publishRoot();
  repository.publish();
  return { repository, disk: async () => before.powerCut({ unsyncedBytes: 'lost', unsyncedNames: 'lost' }) };
}

/** True for a disk unlike those seen so far: most cuts leave what the one before left. */
function unseenDisks(): (fs: FileSystem) => Promise<boolean> {
  const seen = new Set<string>();
  return async (fs) => {
    const content = JSON.stringify(await contentOf(fs, '/'));
    if (seen.has(content)) return false;
    seen.add(content);
    return true;
  };
}

async function contentOf(fs: FileSystem, folder: string): Promise<readonly unknown[]> {
  const entries = (await fs.entries(folder)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const contents: unknown[] = [];
  for (const { name, kind } of entries) {
    const path = `${folder === '/' ? '' : folder}/${name}`;
    const bytes = kind === 'file' ? (await readPlainFile(fs, path, 1e6))?.bytes : undefined;
    const content =
      kind === 'folder' ? await contentOf(fs, path) : Buffer.from(bytes ?? []).toString('base64');
    contents.push([name.replace(/[0-9a-f]{16}$/, ''), kind, content]);
  }
  return contents;
}

/** The repository as it was at an earlier version of its timestamp. */
function replayed(version: number): RepositorySimulator {
  const old = fixtureRepository();
  old.timestamp.version = version;
  old.write('timestamp');
  return old;
}

const moved = { root: 3, timestamp: 6, snapshot: 6, targets: 6 };

describe('a host that dies', () => {
  it('DSK-01: a refresh cut before and after every call, process killed or power lost', async function () {
    this.timeout(60_000);
    const { repository, disk } = await movedOn();
    const isUnseen = unseenDisks();
    const oldRepositories = [4, 5].map((version) => replayed(version));
    const calls = await everyCut(
      { prepare: disk, work: (fs) => clientOf(repository, fs).refresh() },
      async (after, where) => {
        for (const found of [after, ...powerCuts.map((cut) => after.powerCut(cut))]) {
          if (!(await isUnseen(found))) continue;
          const floor = await timestampFloor(found);
          assert.ok(floor >= 5, `${where}: the floor fell to ${floor}`);
          const old = oldRepositories[floor === 5 ? 0 : 1];
          assert.ok(old !== undefined);
          await assert.rejects(clientOf(old, found).refresh(), { code: 'rollback' }, where);
          assert.deepEqual((await clientOf(repository, found).refresh()).versions, moved, where);
        }
      },
    );
    assert.ok(calls > 40);
  });

  it('DSK-22: a first run cut at every call is followed by a clean one', async function () {
    this.timeout(60_000);
    const repository = fixtureRepository();
    const isUnseen = unseenDisks();
    await everyCut(
      { prepare: async () => new MemoryFileSystem(), work: (fs) => clientOf(repository, fs).refresh() },
      async (after, where) => {
        for (const found of [after, after.powerCut({ unsyncedBytes: 'lost', unsyncedNames: 'kept' })])
          if (await isUnseen(found))
            assert.equal((await clientOf(repository, found).refresh()).versions.targets, 5, where);
      },
    );
  });

  const others = ['ENOSPC', 'EROFS', 'EACCES', 'EMFILE', 'EDQUOT', 'ENAMETOOLONG'];
  it(`DSK-05, DSK-06: EIO, ${others.join(', ')} at every call: a named disk error, or repaired; work goes on after it`, async function () {
    this.timeout(60_000);
    const { repository, disk } = await movedOn();
    const counted = new FileSystemReplay(await disk());
    await clientOf(repository, counted).refresh();
    const isUnseen = unseenDisks();
    for (const [index, { call, path }] of counted.calls.entries()) {
      // Every call meets the one that hides files, and the others in turn.
      for (const code of ['EIO', others[index % others.length] ?? 'ENOSPC']) {
        const where = `${code} at call ${index}: ${call} ${path}`;
        const after = await disk();
        const fs = new FileSystemReplay(after, { failure: { index, code } });
        const error: unknown = await clientOf(repository, fs)
          .refresh()
          .then(
            () => undefined,
            (reason: unknown) => reason,
          );
        if (error !== undefined) {
          assert.ok(isTidegateError(error, 'disk-error', 'disk-full'), `${where}: ${String(error)}`);
          assert.match(error.message, /\/state/, where);
        }
        assert.ok((await timestampFloor(after)) >= 5, where);
        if (await isUnseen(after))
          assert.deepEqual((await clientOf(repository, after).refresh()).versions, moved, where);
      }
    }
  });

  it('DSK-06: no failing call lets an old repository in', async function () {
    this.timeout(60_000);
    const { disk } = await movedOn();
    const old = replayed(4);
    let accepted = false;
    const attack = async (fs: FileSystem): Promise<void> => {
      accepted = await clientOf(old, fs)
        .refresh()
        .then(
          () => true,
          () => false,
        );
    };
    await everyFailure({ prepare: disk, work: attack }, 'EIO', async (_, error, where) => {
      assert.equal(error, undefined);
      assert.ok(!accepted, `${where}: an old repository was accepted`);
    });
  });

  it('SPEC-78, DSK-01: a download cut at every call leaves nothing or the right file', async function () {
    this.timeout(60_000);
    const repository = fixtureRepository();
    const expected = imageBytes(fixtureImages.boot, 9000);
    const refreshed = new MemoryFileSystem();
    await clientOf(repository, refreshed).refresh();
    const isUnseen = unseenDisks();
    await everyCut(
      {
        prepare: async () => refreshed.powerCut({ unsyncedBytes: 'lost', unsyncedNames: 'lost' }),
        work: (fs) => clientOf(repository, fs).download(fixtureImages.boot, image),
      },
      async (after, where) => {
        for (const found of [after, ...powerCuts.map((cut) => after.powerCut(cut))]) {
          if (!(await isUnseen(found))) continue;
          const file = await readPlainFile(found, image, 100_000);
          if (file !== undefined) assert.deepEqual(new Uint8Array(file.bytes), expected, where);
          await clientOf(repository, found).download(fixtureImages.boot, image);
          const again = await readPlainFile(found, image, 100_000);
          assert.deepEqual(new Uint8Array(again?.bytes ?? []), expected, where);
        }
      },
    );
  });

  it('DSK-16: writes, syncs, renames and syncs the folder; root, timestamp, snapshot, targets in this order', async () => {
    const { repository, disk } = await movedOn();
    const fs = new FileSystemReplay(await disk());
    await clientOf(repository, fs).refresh();
    const renames = fs.calls
      .filter(({ call }) => call === 'rename')
      .map(({ path }) => path.slice(state.length + 1));
    assert.deepEqual(renames, [
      'roots/3.root',
      'root.json',
      ...['floors.1', 'floors.2'],
      ...['floors.1', 'floors.2', 'timestamp.json'],
      ...['floors.1', 'floors.2', 'snapshot.json'],
      'targets.json',
    ]);
    for (const [index, { call, path }] of fs.calls.entries()) {
      if (call !== 'rename') continue;
      const before = fs.calls.slice(0, index).findLast((one) => one.call.startsWith('handle.sync'));
      assert.match(before?.path ?? '', /\.tidegate-tmp-/);
      const after = fs.calls.slice(index).find((one) => one.call === 'handle.sync');
      assert.equal(after?.path, path.slice(0, path.lastIndexOf('/')));
    }
  });

  it('DSK-05: a disk that is full when the image comes is an error, and the next try with space succeeds', async () => {
    const repository = fixtureRepository();
    const disk = new MemoryFileSystem();
    const client = clientOf(repository, disk);
    await client.refresh();
    disk.free = 8000;
    repository.requests.length = 0;
    const error = await client.download(fixtureImages.boot, image).catch((reason: unknown) => reason);
    assert.ok(isTidegateError(error, 'disk-full'));
    assert.match(error.message, /needs 9000 bytes and \d+ are free/);
    assert.deepEqual(repository.requests, [], 'DSK-07: refused before the first byte');
    disk.free = 1e9;
    await client.download(fixtureImages.boot, image);
    assert.equal(disk.openHandles, 0);
  });
});
