/**
 * A host that loses its power or its process at every single call to the file system. Whatever is left on the disk: the
 * boot model always starts a complete system, nothing half written boots, and the same commands lead to the end.
 */
import assert from 'node:assert/strict';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { agentOn, boot, provisionedDisk, shelveRelease, slotsDirectory } from '../support/agent-scene.ts';
import { everyCut, everyFailure } from '../support/file-system-replay.ts';
import { ImageShelf } from '../support/image-shelf.ts';
import { type MemoryFileSystem, powerCuts } from '../support/memory-file-system.ts';
import { checkMarkedSlots } from '../support/slots.ts';

/** Small, so that hundreds of runs take seconds. */
const rootLength = 5_000;
/** Two writes. */
const longRootLength = 1_050_000;

function shelfWithUpdate(length = rootLength): ImageShelf {
  const shelf = new ImageShelf();
  shelf.chunkSize = 525_000;
  shelveRelease(shelf, '1.1.0', length);
  return shelf;
}

const allKept = { unsyncedBytes: 'kept', unsyncedNames: 'kept' } as const;

/** Gives a copy of one disk each time, everything on it synced. */
function copiesOf(disk: Promise<MemoryFileSystem>): () => Promise<MemoryFileSystem> {
  return async () => (await disk).powerCut(allKept);
}

/** A disk after the given commands. */
async function diskAfter(
  shelf: ImageShelf,
  ...steps: readonly ('check' | 'prepare' | 'activate' | 'boot' | 'fail' | 'confirm' | 'revert')[]
): Promise<MemoryFileSystem> {
  const disk = await provisionedDisk();
  const agent = agentOn(disk, shelf);
  for (const step of steps) {
    if (step === 'boot') await boot(disk);
    else if (step === 'fail') await boot(disk, ({ version }) => version !== '1.1.0');
    else await agent[step]();
  }
  return disk;
}

/**
 * All that a cut at one moment may leave, the process killed without a loss of power included. A cut before a call, or
 * after one that only looks, leaves what the cut before it left: that is not looked at twice.
 */
function remains(disk: MemoryFileSystem, where: string): readonly MemoryFileSystem[] {
  const isNew =
    /^cut (before call 0:|after call \d+: (?!status|realPath|entries|freeSpace|handle\.(read|status)))/;
  return isNew.test(where) ? powerCuts.map((cut) => disk.powerCut(cut)) : [];
}

/** Goes on from wherever it is to the new version, as an operator or timer would. */
async function goOn(disk: FileSystem, shelf: ImageShelf): Promise<string> {
  const agent = agentOn(disk, shelf);
  for (let step = 0; step < 8; step += 1) {
    const { update_state, confirmed, active_partition } = await agent.status();
    if (!confirmed) await agent.confirm();
    else if (update_state === 'Ready') await boot(disk);
    else if (active_partition.image.version === '1.1.0') return 'done';
    else if (update_state === 'Staged') await agent.activate();
    else if (update_state === 'Available') await agent.prepare();
    else await agent.check();
  }
  return JSON.stringify(await agent.status());
}

/** The boot loader would start the running slot first; a half-written one must not be marked behind it either. */
async function wholeOrCleared(fileSystem: FileSystem, where: string): Promise<void> {
  await assert.doesNotReject(checkMarkedSlots({ directory: slotsDirectory, fileSystem }), where);
}

describe('power cuts', function () {
  this.timeout(60_000);

  it('SLT-07: cut at every call of prepare: always a complete system, and running it again completes', async () => {
    const shelf = shelfWithUpdate(longRootLength);
    let completed = 0;
    const calls = await everyCut(
      {
        prepare: copiesOf(diskAfter(shelf, 'check')),
        work: (fs) => agentOn(fs, shelf).prepare(),
      },
      async (disk, where) => {
        for (const left of remains(disk, where)) {
          await wholeOrCleared(left, where);
          const { slot, release } = await boot(left);
          assert.deepEqual([slot, release.version], ['a', '1.0.0'], where);
        }
        const [, , , last] = remains(disk, where);
        if (last === undefined) return;
        assert.equal(await goOn(last, shelf), 'done', where);
        completed += 1;
      },
    );
    assert.ok(calls > 100 && completed > 50, `${calls} calls, ${completed} completed`);
  });

  it('SLT-07: cut at every call of a second prepare, with a staged system in the slot', async () => {
    const shelf = shelfWithUpdate();
    await everyCut(
      {
        prepare: copiesOf(diskAfter(shelf, 'check', 'prepare')),
        work: (fs) => agentOn(fs, shelf).prepare(),
      },
      async (disk, where) => {
        for (const left of remains(disk, where)) {
          await wholeOrCleared(left, where);
          const { update_state, staging_partition } = await agentOn(left, shelf).status();
          // Staged means complete: it is activated, boots, and the boot model reads every byte of it.
          if (update_state === 'Staged') {
            assert.equal(staging_partition?.image.version, '1.1.0');
            await agentOn(left, shelf).activate();
            assert.equal((await boot(left)).slot, 'b', where);
          } else assert.equal((await boot(left)).slot, 'a', where);
        }
      },
    );
  });

  it('SLT-07: a prepare over a confirmed old system: the running one boots wherever it was cut', async () => {
    const shelf = shelfWithUpdate();
    const later = shelfWithUpdate();
    shelveRelease(later, '1.2.0', rootLength);
    const before = diskAfter(shelf, 'check', 'prepare', 'activate', 'boot', 'confirm');
    await agentOn(await before, later).check();
    await everyCut(
      {
        prepare: copiesOf(before),
        work: (fs) => agentOn(fs, later).prepare(),
      },
      async (disk, where) => {
        for (const left of remains(disk, where)) {
          await wholeOrCleared(left, where);
          const { slot, release } = await boot(left);
          assert.deepEqual([slot, release.version], ['b', '1.1.0'], where);
        }
      },
    );
  });

  for (const [command, ...before] of [
    ['activate', 'check', 'prepare'],
    ['deactivate', 'check', 'prepare', 'activate'],
    ['confirm', 'check', 'prepare', 'activate', 'boot'],
    ['revert', 'check', 'prepare', 'activate', 'boot', 'confirm'],
  ] as const) {
    it(`SLT-17: cut at every call of ${command}: a complete system, and the state that it has`, async () => {
      const shelf = shelfWithUpdate();
      await everyCut(
        {
          prepare: copiesOf(diskAfter(shelf, ...before)),
          work: (fs) => agentOn(fs, shelf)[command](),
        },
        async (disk, where) => {
          for (const left of remains(disk, where)) {
            const { active_partition, running_slot } = await agentOn(left, shelf).status();
            const { slot } = await boot(left);
            assert.equal(slot === running_slot, active_partition.next_to_boot, where);
            await agentOn(left, shelf).confirm();
          }
        },
      );
    });
  }

  it('SLT-17: cut at every call after a fallback: the failed release is remembered in the end', async () => {
    const shelf = shelfWithUpdate();
    await everyCut(
      {
        prepare: copiesOf(diskAfter(shelf, 'check', 'prepare', 'activate', 'fail')),
        work: (fs) => agentOn(fs, shelf).check(),
      },
      async (disk, where) => {
        for (const left of remains(disk, where)) {
          assert.equal((await boot(left)).slot, 'a', where);
          const choice = await agentOn(left, shelf).check();
          assert.equal(choice.kind === 'none' ? choice.reason : choice.kind, 'failed', where);
        }
      },
    );
  });

  it('SLT-11: every call of prepare failing once: a coded error or none, nothing open, and it can be repeated', async () => {
    const shelf = shelfWithUpdate();
    await everyFailure(
      {
        prepare: copiesOf(diskAfter(shelf, 'check')),
        work: (fs) => agentOn(fs, shelf).prepare(),
      },
      'EIO',
      async (disk, error, where) => {
        if (error !== undefined)
          assert.match(String((error as { code?: unknown }).code), /^disk-error$/, where);
        assert.equal(disk.openHandles, 0, where);
        await wholeOrCleared(disk, where);
        const { update_state } = await agentOn(disk, shelf).status();
        if (update_state !== 'Staged') assert.equal((await boot(disk)).slot, 'a', where);
        assert.equal(await goOn(disk, shelf), 'done', where);
      },
    );
  });

  it('DSK-05: a full disk while writing: coded, unbootable, and it works once there is room', async () => {
    const shelf = shelfWithUpdate(longRootLength);
    const disk = await diskAfter(shelf, 'check');
    disk.free = 600_000;
    await assert.rejects(agentOn(disk, shelf).prepare(), { code: 'disk-full' });
    disk.free = Number.MAX_SAFE_INTEGER;
    assert.equal((await boot(disk)).slot, 'a');
    assert.equal(await goOn(disk, shelf), 'done');
  });
});
