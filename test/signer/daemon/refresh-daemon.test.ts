import assert from 'node:assert/strict';
import { TidegateError } from '../../../src/errors.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { removeDraft } from '../../../src/signer/release/draft.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { runDaemon, words } from '../../support/daemon-scene.ts';
import { parseExposition } from '../../support/exposition-parser.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

type Site = Awaited<ReturnType<typeof site>>;

async function site() {
  const { fs: disk, ...rest } = await publishedWorkspace();
  return { disk, ...rest };
}

async function liveOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place);
  return (await readLive(workspace, place)).published;
}

/** Every call fails while `broken` says so. */
function unreliable(store: SwappableStore, broken: () => boolean): SwappableStore {
  const before = async (): Promise<void> => {
    if (broken()) throw new TidegateError('network-unreachable', 'the store is away');
  };
  return new StorageReplay(store, { before });
}

/** Keeps several clocks together: who is ahead waits for the others. */
function sharedTime(count: number): (index: number, elapsed: number) => Promise<void> {
  const times = Array<number>(count).fill(0);
  let waiting: (() => void)[] = [];
  return async (index, elapsed) => {
    times[index] = elapsed;
    for (const wake of waiting.splice(0)) wake();
    while (elapsed !== Number.POSITIVE_INFINITY && Math.min(...times) < elapsed) {
      await new Promise<void>((wake) => {
        waiting = [...waiting, wake];
      });
    }
  };
}

const name = 'metadata/timestamp.json';
const read = async (store: MemoryStore) => (await store.read(name, 1e6))?.bytes ?? new Uint8Array();

/** As somebody does who can write to the store. */
async function replace(store: MemoryStore, bytes: Uint8Array): Promise<void> {
  const etag = (await store.stat(name))?.etag;
  assert.equal(await store.swap(name, bytes, etag), 'swapped');
}

describe('signer/daemon/refresh-daemon', () => {
  it('renews a weekly timestamp twice a day, looks hourly with jitter, and is quiet in between', async () => {
    const { workspace } = await site();
    let turn = 0;
    const random = (): number => (turn++ % 10) / 10;
    const run = await runDaemon({ open: async () => workspace, from: start, during: 2.5 * day, random });
    assert.deepEqual(words(run), ['started', ...Array(4).fill('refreshed'), 'stopped']);
    const renewed = run.events.filter(({ event }) => event === 'refreshed').map(({ at }) => at / hour);
    for (const [index, at] of renewed.entries()) {
      const before = renewed[index - 1] ?? 0;
      assert.ok(at - before >= 12 && at - before <= 13.2, `renewed after ${at - before} h`);
    }
    assert.ok(run.pauses.every((pause) => pause >= 0.9 * hour && pause < 1.1 * hour));
    assert.ok(new Set(run.pauses).size > 5);
    assert.equal((await liveOf(workspace))?.timestamp.version, 5);
  });

  it('renews at half of its life where it is told to, and raises no alarm by that', async () => {
    const { workspace } = await site();
    const run = await runDaemon({
      open: async () => workspace,
      from: start,
      during: 4.5 * day,
      timestampDueAfter: 0.5,
    });
    assert.deepEqual(words(run), ['started', 'refreshed', 'stopped']);
    const [first] = run.events.filter(({ event }) => event === 'refreshed');
    assert.ok(first && first.at >= 3.5 * day && first.at < 3.5 * day + 1.1 * hour);
  });

  it('SGN-25: two daemons on one store sign one step together each time', async () => {
    const { store, workspace } = await site();
    const other = await open(await workspaceDisk(), store);
    const gate = sharedTime(2);
    const runs = await Promise.all(
      [workspace, other].map(async (one, index) => {
        const random = () => (index === 0 ? 0.3 : 0.8);
        const meanwhile = (elapsed: number) => gate(index, elapsed);
        const scene = { from: start, during: 1.2 * day, random, meanwhile };
        const run = await runDaemon({ ...scene, open: async () => one });
        await gate(index, Number.POSITIVE_INFINITY);
        return run;
      }),
    );
    const signed = runs.flatMap(({ events }) => events.filter(({ event }) => event === 'refreshed'));
    assert.equal(signed.length, 2);
    assert.equal((await liveOf(workspace))?.timestamp.version, 3);
    for (const run of runs) {
      assert.deepEqual(new Set(words(run)).difference(new Set(['started', 'refreshed', 'stopped'])).size, 0);
    }
  });

  it('SGN-26: alarms at half, says when it has expired, and comes back by itself', async () => {
    const { store, workspace } = await site();
    let away = false;
    const unreachable = { ...workspace, store: unreliable(store, () => away) };
    const run = await runDaemon({
      open: async () => unreachable,
      from: start,
      during: 10 * day,
      meanwhile: (elapsed) => {
        away = elapsed > 1.5 * hour && elapsed < 9 * day;
      },
    });
    const told = run.events.filter(({ event }) => event !== 'failed');
    assert.deepEqual(words({ ...run, events: told }), [
      'started',
      'alarm renewal-overdue',
      'alarm expired',
      'cleared renewal-overdue',
      'refreshed',
      'cleared expired',
      'refreshed',
      'stopped',
    ]);
    const at = (event: string): number => (told.find((one) => one.event === event)?.at ?? 0) / day;
    assert.ok(at('alarm') >= 3.5 && at('alarm') < 3.55, 'at half');
    assert.ok(at('refreshed') >= 9 && at('refreshed') < 9.05);
    assert.ok(
      run.pauses.some((pause) => pause <= 60_000),
      'looks again soon',
    );
    assert.ok(
      run.pauses.every((pause) => pause <= 1.1 * hour),
      'and not ever later',
    );
  });

  it('SGN-26: alarms at once where it has never seen the repository', async () => {
    const { store, workspace } = await site();
    let away = true;
    const unreachable = { ...workspace, store: unreliable(store, () => away) };
    const run = await runDaemon({
      open: async () => unreachable,
      from: start,
      during: day,
      meanwhile: (elapsed) => {
        away = elapsed < 3 * hour;
      },
    });
    const told = words(run).filter((word) => !word.startsWith('failed'));
    const code = 'network-unreachable';
    assert.deepEqual(told, ['started', `alarm ${code}`, `cleared ${code}`, 'refreshed', 'stopped']);
  });

  it('SGN-26: alarms at once when the key is gone, and takes it back when it is there again', async () => {
    const { disk, workspace } = await site();
    const path = `${directory}/keys/timestamp.key.json`;
    const run = await runDaemon({
      open: async () => workspace,
      from: start,
      during: 2 * day,
      meanwhile: async (elapsed) => {
        if (elapsed > 5 * hour && elapsed < 6.5 * hour) await disk.rename(path, `${path}.away`);
        if (elapsed > 20 * hour && elapsed < 20.5 * hour) await disk.rename(`${path}.away`, path);
      },
    });
    const told = words(run).filter((word) => !word.startsWith('failed'));
    assert.deepEqual(told.slice(0, 4), [
      'started',
      'alarm signatures-missing',
      'refreshed',
      'cleared signatures-missing',
    ]);
  });

  it('SGN-24: refuses an older repository, a missing one and one that does not verify, and signs no regress', async () => {
    for (const [code, bend] of [
      ['rollback', async ({ store }: Site, old: Uint8Array) => await replace(store, old)],
      [
        'rollback',
        async ({ store }: Site) =>
          assert.equal(await store.remove(name, (await store.stat(name))?.etag ?? ''), 'removed'),
      ],
      [
        'threshold-not-met',
        async ({ store }: Site) =>
          await replace(
            store,
            Buffer.from(
              Buffer.from(await read(store))
                .toString()
                .replace(/2026/, '2027'),
            ),
          ),
      ],
    ] as const) {
      const it = await site();
      const { store, workspace } = it;
      const old = await read(store);
      let [good, bent] = [old, old];
      let phase = 0;
      const run = await runDaemon({
        open: async () => workspace,
        from: start,
        during: 2 * day,
        meanwhile: async (elapsed) => {
          if (elapsed > day && phase === 0) {
            phase = 1;
            good = await read(store);
            await bend(it, old);
            bent = await read(store);
          }
          if (elapsed > 1.8 * day && phase === 1) {
            phase = 2;
            assert.deepEqual(await read(store), bent, 'nothing was signed upon it');
            const etag = (await store.stat(name))?.etag;
            assert.equal(await store.swap(name, good, etag), 'swapped');
          }
        },
      });
      const told = words(run).filter((word) => !word.startsWith('failed'));
      assert.deepEqual(
        told.filter((word) => word.includes(' ')),
        [`alarm ${code}`, `cleared ${code}`],
      );
      assert.equal(told.at(-1), 'stopped', 'it stayed alive');
      assert.ok(told.lastIndexOf('refreshed') > told.indexOf(`alarm ${code}`), 'and goes on');
    }
  });

  it('SGN-23: signs nothing by a clock of 1970 or 2099, nor by one that the store contradicts', async () => {
    const { store, workspace } = await site();
    const before = await read(store);
    const run = async (now: number, told?: SwappableStore) =>
      words(
        await runDaemon({
          open: async () => (told === undefined ? workspace : { ...workspace, store: told }),
          from: now,
          during: 1,
        }),
      ).filter((word) => word.startsWith('alarm'));
    assert.deepEqual(await run(0), ['alarm clock-behind']);
    assert.deepEqual((await run(Date.UTC(2099, 0, 1)))[0], 'alarm expired');
    const truth = start + 13 * hour;
    const telling = Object.assign(new StorageReplay(store), { storeTime: async () => truth });
    assert.deepEqual(await run(truth + day, telling), ['alarm clock-skewed']);
    assert.deepEqual(await run(truth - 6 * 60_000, telling), ['alarm clock-skewed']);
    assert.deepEqual(await read(store), before);
    assert.deepEqual(await run(truth + 4 * 60_000, telling), []);
    assert.notDeepEqual(await read(store), before);
  });

  it('SGN-25: dies between signing and writing, and the next one makes one step of it', async () => {
    const recorder = new StorageReplay(new MemoryStore());
    const good = await open(await workspaceDisk(), recorder);
    await planAndPublish(good, start);
    const first = recorder.calls.length;
    await runDaemon({ open: async () => good, from: start + day, during: 1 });
    const calls = recorder.calls.slice(first);
    assert.ok(calls.some(({ call }) => call === 'swap'));
    for (const [index, { call }] of calls.entries()) {
      if (call !== 'swap' && call !== 'create') continue;
      for (const after of [false, true]) {
        const store = new MemoryStore();
        const workspace = await open(await workspaceDisk(), store);
        await planAndPublish(workspace, start);
        const dying = { ...workspace, store: new StorageReplay(store, { cut: index, after }) };
        const open1 = async () => dying;
        const died = words(await runDaemon({ open: open1, from: start + day, during: 1 }));
        assert.ok(died.includes('failed internal'), 'the store is dead to it');
        await runDaemon({ open: async () => workspace, from: start + day + 60_000, during: 1 });
        assert.equal((await liveOf(workspace))?.timestamp.version, 2, `${call} ${index}`);
      }
    }
  });

  it('SGN-38: renews while an image of the same process is on its way', async () => {
    const { store, workspace } = await site();
    await addVersion(workspace, '1.1.0');
    let renewed: readonly string[] = [];
    const before = async ({ call, name: file }: { readonly call: string; readonly name: string }) => {
      if (call !== 'create' || !file.endsWith('-1.1.0.img')) return;
      renewed = words(await runDaemon({ open: async () => workspace, from: start + day, during: 2 * day }));
    };
    await planAndPublish({ ...workspace, store: new StorageReplay(store, { before }) }, start + day);
    assert.deepEqual(renewed, ['started', 'refreshed', 'refreshed', 'refreshed', 'refreshed', 'stopped']);
    const published = await liveOf(workspace);
    assert.deepEqual([published?.targets.version, published?.timestamp.version], [2, 6]);
  });

  it('goes on with the other repositories when one of them is bad', async () => {
    const store = new MemoryStore();
    const disk = await workspaceDisk({ template: 'bottlerocket', variants: { demo: ['aarch64', 'x86_64'] } });
    const workspace = await open(disk, store);
    await planAndPublish(workspace, start);
    const first = 'demo/aarch64/timestamp.json';
    const etag = (await store.stat(first))?.etag;
    await store.swap(first, Buffer.from('{}'), etag);
    const run = await runDaemon({ open: async () => workspace, from: start + 13 * hour, during: 1 });
    assert.deepEqual(
      run.events.flatMap((event) =>
        event.event === 'refreshed' || event.event === 'alarm' ? [event.repository] : [],
      ),
      ['demo/x86_64', 'demo/aarch64'],
    );
  });

  it('takes up what changes in the workspace, and lives through a workspace that cannot be opened', async () => {
    const { workspace } = await site();
    let broken = false;
    const run = await runDaemon({
      open: async () => {
        if (broken) throw new TidegateError('config-invalid', 'tidegate.toml: line 3');
        return workspace;
      },
      from: start,
      during: day,
      meanwhile: (elapsed) => {
        broken = elapsed > 5 * hour && elapsed < 8 * hour;
      },
    });
    const told = words(run).filter((word) => !word.startsWith('failed'));
    assert.deepEqual(told, [
      'started',
      'alarm config-invalid',
      'cleared config-invalid',
      'refreshed',
      'stopped',
    ]);
    await assert.rejects(
      runDaemon({
        open: () => Promise.reject(new TidegateError('config-invalid', '')),
        from: start,
        during: 1,
      }),
      { code: 'config-invalid' },
    );
  });

  it('holds no trouble for over while the workspace cannot be opened', async () => {
    const { workspace, disk } = await site();
    await disk.unlink(`${directory}/keys/timestamp.key.json`);
    let broken = false;
    const run = await runDaemon({
      open: async () => {
        if (broken) throw new TidegateError('config-invalid', 'tidegate.toml: line 3');
        return workspace;
      },
      from: start,
      during: 20 * hour,
      meanwhile: (elapsed) => {
        broken = elapsed > 14 * hour && elapsed < 16 * hour;
      },
    });
    assert.deepEqual(
      words(run).filter((word) => /^(alarm|cleared)/.test(word)),
      ['alarm signatures-missing', 'alarm config-invalid', 'cleared config-invalid'],
    );
  });

  it('says once that a role waits for keys, and alarms when that becomes critical', async () => {
    const { disk, workspace } = await site();
    await disk.unlink(`${directory}/keys/targets.key.json`);
    const late = start + 150 * day;
    const run = await runDaemon({ open: async () => workspace, from: late, during: 3 * day });
    const told = words(run);
    assert.equal(told.filter((word) => word === 'waiting').length, 1);
    assert.deepEqual(
      run.events.flatMap((event) =>
        event.event === 'alarm' ? [[event.role, event.code, event.at > day]] : [],
      ),
      [['targets', 'renewal-overdue', true]],
    );
    await removeDraft(workspace, { variant: 'demo', arch: 'x86_64', version: '1.0.0' });
  });

  it('keeps metrics that a parser reads, and goes on when they cannot be kept', async () => {
    const { store, workspace } = await site();
    let away = false;
    const run = await runDaemon({
      open: async () => ({ ...workspace, store: unreliable(store, () => away) }),
      from: start,
      during: 1.5 * day,
      meanwhile: (elapsed) => {
        away = elapsed > 30 * hour;
      },
      keepMetrics: async () => Promise.reject(new TidegateError('disk-full', 'no space')),
    });
    const last = parseExposition(run.metrics.at(-1) ?? '');
    const value = (metric: string): number | undefined => last.get(metric)?.samples[0]?.value;
    assert.equal(value('tidegate_refresh_renewals_total'), 2);
    assert.ok((value('tidegate_refresh_look_timestamp_seconds') ?? 0) * 1000 > start + 34 * hour);
    assert.equal(value('tidegate_check_level'), 2, 'what cannot be read is critical');
    assert.ok(words(run).includes('failed disk-full'));
    assert.equal(words(run).at(-1), 'stopped');
  });

  it('raises an alarm when a region has been behind for an hour, and clears it when it follows', async () => {
    const { disk, store } = await site();
    const region = new MemoryStore('west');
    let broken = false;
    const workspace = async () => ({
      ...(await open(disk, store)),
      regions: [unreliable(region, () => broken)],
    });
    const told = (run: Awaited<ReturnType<typeof runDaemon>>) =>
      run.events.flatMap((event) =>
        'code' in event && event.code === 'region-behind' ? [`${event.event} ${event.at / hour}`] : [],
      );
    const run = await runDaemon({
      open: workspace,
      from: start + hour,
      during: 40 * hour,
      // From half past four on, when a renewal may be still to come, to the next day.
      meanwhile: (elapsed) => {
        broken = elapsed > 4.5 * hour && elapsed < 30.5 * hour;
      },
    });
    assert.deepEqual(told(run), ['alarm 7', 'cleared 31']);
    // One that begins anew each half hour knows by the journal how long it has been.
    broken = true;
    const behind = new MemoryStore('east');
    for await (const { name: file } of region.list())
      await behind.create(file, (await region.read(file, 1e8))?.bytes ?? new Uint8Array());
    const frozen = new StorageReplay(behind, {
      before: async ({ call }) => {
        if (call === 'create' || call === 'swap') throw new TidegateError('access-denied', 'no');
      },
    });
    const second = async () => ({ ...(await open(disk, store)), regions: [frozen] });
    const first = await runDaemon({ open: second, from: start + 60 * hour, during: hour / 2 });
    assert.deepEqual(told(first), []);
    const again = await runDaemon({ open: second, from: start + 62 * hour, during: hour / 2 });
    assert.deepEqual(told(again), ['alarm 0']);
  });
});
