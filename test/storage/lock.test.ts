import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { acquireLock } from '../../src/storage/lock.ts';
import { markedProcess, markState, processMark } from '../../src/storage/process-mark.ts';
import { everyCut } from '../support/file-system-replay.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';

const childProgram = (folder: string): string => `
  const { acquireLock } = await import(${JSON.stringify(new URL('../../src/storage/lock.ts', import.meta.url).href)});
  const { nodeFileSystem } = await import(${JSON.stringify(new URL('../../src/storage/file-system.ts', import.meta.url).href)});
  await acquireLock(nodeFileSystem, ${JSON.stringify(folder)});
  process.stdout.write('held');
  setInterval(() => {}, 1000);
`;

describe('locks', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'tidegate-lock-')), 'lock');
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    child = undefined;
    await rm(join(folder, '..'), { recursive: true });
  });

  it('DSK-09: one holder at a time, the second waits or is told who holds it', async () => {
    const lock = await acquireLock(nodeFileSystem, folder);
    await assert.rejects(acquireLock(nodeFileSystem, folder), {
      code: 'locked',
      details: { path: folder, process: process.pid },
    });
    const waiting = acquireLock(nodeFileSystem, folder, { wait: 5000 });
    await lock.release();
    await (await waiting).release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('DSK-09: never two holders among many', async () => {
    const fs = new MemoryFileSystem();
    let inside = 0;
    let rounds = 0;
    const work = async (): Promise<void> => {
      const lock = await acquireLock(fs, '/lock', { wait: 20_000 });
      inside += 1;
      assert.equal(inside, 1);
      for (let turn = 0; turn < 5; turn += 1) await setImmediate();
      inside -= 1;
      rounds += 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, work));
    assert.equal(rounds, 8);
  });

  it('NET-23: waiting is cancelled', async () => {
    const lock = await acquireLock(nodeFileSystem, folder);
    const controller = new AbortController();
    const waiting = acquireLock(nodeFileSystem, folder, { wait: 60_000, signal: controller.signal });
    queueMicrotask(() => controller.abort());
    await assert.rejects(waiting, { code: 'cancelled' });
    await lock.release();
  });

  it('a process killed while it holds the lock holds it no more', async () => {
    child = spawn(process.execPath, ['--input-type=module-typescript', '-e', childProgram(folder)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(child.stdout);
    await once(child.stdout, 'data');
    await assert.rejects(acquireLock(nodeFileSystem, folder), {
      code: 'locked',
      details: { path: folder, process: child.pid },
    });
    child.kill('SIGKILL');
    await once(child, 'close');
    const lock = await acquireLock(nodeFileSystem, folder);
    assert.equal((await readdir(folder)).length, 1);
    await lock.release();
  });

  it('the claim of another machine counts until it is old by the clock of the disk', async () => {
    await (await acquireLock(nodeFileSystem, folder)).release();
    const name = `.tidegate-claim-00000000.00000000.1.1.1-${'ab'.repeat(8)}`;
    await (await nodeFileSystem.open(join(folder, name), 0o101, 0o644)).close();
    await assert.rejects(acquireLock(nodeFileSystem, folder), { code: 'locked' });
    const old = Date.now() / 1000 - 61;
    await utimes(join(folder, name), old, old);
    await (await acquireLock(nodeFileSystem, folder)).release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('SLT-12: a claim stays young while it is held, however long, for those who cannot look into its process', async () => {
    const lock = await acquireLock(nodeFileSystem, folder, { foreignAfter: 40 });
    const [name = ''] = await readdir(folder);
    const old = Date.now() / 1000 - 61;
    await utimes(join(folder, name), old, old);
    // The test's own limit of time ends this when nobody writes to the claim.
    while ((await stat(join(folder, name))).mtimeMs < old * 1000 + 30_000) await setImmediate();
    await lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  it('dying at any call leaves a lock that can be taken', async () => {
    const work = async (fs: MemoryFileSystem | Parameters<typeof acquireLock>[0]): Promise<void> =>
      await (await acquireLock(fs, '/lock')).release();
    await everyCut({ prepare: async () => new MemoryFileSystem(), work }, async (disk, where) => {
      await work(disk);
      assert.deepEqual(await disk.entries('/lock'), [], where);
      assert.equal(disk.openHandles, 0, where);
    });
  });
});

describe('marks of processes', () => {
  const [host, boot, space, pid, start] = processMark().split('.');
  const mark = (...parts: (string | number | undefined)[]): string => parts.join('.');

  it('tell the own process, others that run, and those that are gone', () => {
    assert.equal(markState(processMark()), 'own');
    assert.equal(markedProcess(processMark()), process.pid);
    assert.equal(markState(mark(host, boot, space, pid, Number(start) + 1)), 'dead');
    assert.equal(markState(mark(host, boot, space, 4_194_999, start)), 'dead');
    assert.equal(markState(mark(host, boot, space, process.ppid, '0')), 'alive');
    assert.equal(markState(mark(host, boot, space, 4_194_999, '0')), 'dead');
    assert.equal(markState(mark(host, 'ffffffff', space, pid, start)), 'dead');
    assert.equal(markState(mark('00000000', 'ffffffff', space, pid, start)), 'foreign');
    assert.equal(markState(mark(host, boot, '1', pid, start)), 'foreign');
    assert.equal(markState('no mark'), 'dead');
    assert.equal(markedProcess('no mark'), undefined);
  });
});
