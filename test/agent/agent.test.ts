import assert from 'node:assert/strict';
import { zstdCompressSync } from 'node:zlib';
import { Agent } from '../../src/agent/agent.ts';
import { FileSlots } from '../../src/agent/file-slots.ts';
import { TidegateError } from '../../src/errors.ts';
import {
  agentOn,
  boot,
  hostFacts,
  imageIn,
  noise,
  type Scene,
  scene,
  shelveRelease,
  slotSize,
  slotsDirectory,
} from '../support/agent-scene.ts';
import { deadMark } from '../support/client-scene.ts';
import { systemError } from '../support/memory-file-system.ts';

describe('agent', () => {
  let { disk, shelf, agent }: Scene = {} as Scene;

  beforeEach(async () => {
    ({ disk, shelf, agent } = await scene());
  });

  async function flags(): Promise<unknown> {
    return await new FileSlots({ directory: slotsDirectory, slotSize, fileSystem: disk }).readFlags();
  }

  async function install(): Promise<void> {
    await agent.check();
    await agent.prepare();
    await agent.activate();
  }

  it('goes from check to a confirmed new system', async () => {
    assert.equal((await agent.status()).update_state, 'Idle');
    const choice = await agent.check();
    assert.equal(choice.kind, 'update');
    assert.equal((await agent.status()).update_state, 'Available');
    assert.equal((await agent.prepare()).update_state, 'Staged');
    assert.deepEqual(await imageIn(disk, 'b', 'root'), noise(2_500_000, 111));
    assert.deepEqual(await imageIn(disk, 'b', 'boot'), noise(20_000, 110));
    assert.deepEqual(await imageIn(disk, 'b', 'hash'), noise(3_000, 112));
    assert.equal((await agent.activate()).update_state, 'Ready');
    const { slot, release, starts } = await boot(disk);
    assert.deepEqual([slot, release.version, starts], ['b', '1.1.0', 1]);
    const trial = await agent.status();
    assert.equal(trial.update_state, 'Idle');
    assert.equal(trial.confirmed, false);
    assert.equal(trial.active_partition.next_to_boot, false);
    assert.equal((await agent.confirm()).confirmed, true);
    assert.equal((await boot(disk)).slot, 'b');
    const again = await agent.check();
    assert.equal(again.kind === 'none' ? again.reason : again.kind, 'current');
    assert.equal(disk.openHandles, 0);
  });

  it('tells its state in the keys of thar-be-updates', async () => {
    await install();
    assert.deepEqual(await agent.status(), {
      update_state: 'Ready',
      available_updates: ['1.1.0'],
      chosen_update: { arch: 'x86_64', version: '1.1.0', variant: 'demo' },
      active_partition: {
        image: { arch: 'x86_64', version: '1.0.0', variant: 'demo' },
        next_to_boot: false,
      },
      staging_partition: {
        image: { arch: 'x86_64', version: '1.1.0', variant: 'demo' },
        next_to_boot: true,
      },
      most_recent_command: {
        cmd_type: 'activate',
        cmd_status: 'Success',
        timestamp: '2030-01-01T00:00:00.000Z',
        exit_status: 0,
        stderr: null,
      },
      running_slot: 'a',
      confirmed: true,
      no_update: null,
      changes_at: null,
      failed_versions: [],
      last_failure: null,
      progress: null,
    });
  });

  it('SLT-17: a system that does not stay up gets one try, then the old one runs and tells', async () => {
    await install();
    const { slot, starts } = await boot(disk, ({ version }) => version !== '1.1.0');
    assert.deepEqual([slot, starts], ['a', 2]);
    const fallen = await agent.status();
    assert.equal(fallen.update_state, 'Idle');
    assert.deepEqual(
      fallen.failed_versions.map(({ version, reason }) => [version, reason]),
      [['1.1.0', 'fell-back']],
    );
    const choice = await agent.check();
    assert.equal(choice.kind === 'none' ? choice.reason : choice.kind, 'failed');
    assert.equal((await agent.status()).no_update?.reason, 'failed');
    // A newer one is taken, and one that was to be tried again.
    assert.equal((await agent.check({ retryFailed: true })).kind, 'update');
    assert.deepEqual((await agent.status()).failed_versions, []);
  });

  it('SLT-17: cut before the reboot or on the first boot, it is one try of the new, then the old', async () => {
    await install();
    assert.equal((await boot(disk)).slot, 'b');
    // Nobody confirms, and the power goes.
    assert.equal((await boot(disk)).slot, 'a');
    assert.equal((await agent.status()).update_state, 'Idle');
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('a fallen-back release is remembered though the check was long ago, and a newer one is taken', async () => {
    await install();
    await boot(disk, ({ version }) => version !== '1.1.0');
    shelveRelease(shelf, '1.2.0');
    const choice = await agent.check();
    assert.equal(choice.kind === 'update' && choice.release.version, '1.2.0');
    await agent.prepare();
    await agent.activate();
    assert.equal((await boot(disk)).release.version, '1.2.0');
  });

  it('revert goes back, and what was reverted is not taken again', async () => {
    await install();
    await boot(disk);
    await agent.confirm();
    const ordered = await agent.revert();
    assert.equal(ordered.update_state, 'Ready');
    await assert.rejects(agent.revert(), { code: 'state-not-allowed' });
    assert.equal((await boot(disk)).slot, 'a');
    const choice = await agent.check();
    assert.equal(choice.kind === 'none' ? choice.reason : choice.kind, 'failed');
  });

  it('a revert can be taken back before the reboot', async () => {
    await install();
    await boot(disk);
    await agent.confirm();
    await agent.revert();
    const kept = await agent.deactivate();
    assert.deepEqual([kept.update_state, kept.failed_versions], ['Idle', []]);
    assert.equal((await boot(disk)).slot, 'b');
  });

  it('an activated update can be taken back and activated again', async () => {
    await install();
    assert.equal((await agent.deactivate()).update_state, 'Staged');
    assert.equal((await boot(disk)).slot, 'a');
    assert.equal((await agent.activate()).update_state, 'Ready');
    assert.equal((await boot(disk)).slot, 'b');
  });

  it('SLT-01: a wrong last byte leaves the slot unbootable and the running one alone', async () => {
    await agent.check();
    const active = await imageIn(disk, 'a', 'root');
    shelf.tamper = (path, bytes) => {
      const bent = bytes.slice();
      if (path.includes('root')) bent[bent.length - 1] = (bent[bent.length - 1] ?? 0) ^ 1;
      return bent;
    };
    await assert.rejects(agent.prepare(), { code: 'hash-mismatch' });
    assert.deepEqual(await flags(), {
      active: 'a',
      a: { priority: 1, tries: 0, successful: true },
      b: { priority: 0, tries: 0, successful: false },
    });
    assert.deepEqual(await imageIn(disk, 'a', 'root'), active);
    const { update_state, last_failure, staging_partition } = await agent.status();
    assert.deepEqual(
      [update_state, last_failure?.code, staging_partition],
      ['Available', 'hash-mismatch', null],
    );
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('SLT-08: not bootable until all images are verified, whichever fails', async () => {
    for (const kind of ['boot', 'root', 'hash']) {
      await agent.check();
      shelf.tamper = (path, bytes) => (path.includes(kind) ? bytes.slice(0, -1) : bytes);
      await assert.rejects(agent.prepare());
      await assert.rejects(agent.activate(), { code: 'state-not-allowed' });
      assert.equal((await boot(disk)).slot, 'a', kind);
    }
    shelf.tamper = undefined;
    assert.equal((await agent.prepare()).update_state, 'Staged');
  });

  it('SLT-11: after an error the same process prepares again, and holds nothing open', async () => {
    await agent.check();
    shelf.tamper = (_, bytes) => bytes.slice(0, -1);
    await assert.rejects(agent.prepare());
    assert.equal(disk.openHandles, 0);
    shelf.tamper = undefined;
    assert.equal((await agent.prepare()).update_state, 'Staged');
    assert.equal(disk.openHandles, 0);
  });

  it('SLT-01: an altered image is called that, also where decompression stumbles over it first', async () => {
    shelf.chunkSize = 4096;
    const foreign = {
      'of another form': (bytes: Uint8Array) => noise(bytes.byteLength, 99),
      'of another size': (bytes: Uint8Array) => {
        const large = zstdCompressSync(new Uint8Array(2 * slotSize));
        return Buffer.concat([large, noise(bytes.byteLength - large.byteLength, 99)]);
      },
    };
    await agent.check();
    for (const [name, forge] of Object.entries(foreign)) {
      shelf.tamper = (path, bytes) => (path.endsWith('.zst') ? forge(bytes) : bytes);
      await assert.rejects(agent.prepare(), { code: 'hash-mismatch' }, name);
      assert.equal(disk.openHandles, 0);
    }
    shelf.tamper = undefined;
    // What was signed so is the signer's fault.
    shelf.put('1.1.0-boot.img.zst', noise(20_000, 99));
    await assert.rejects(agent.prepare(), { code: 'image-invalid' });
  });

  it('SLT-12: two agents at once: the second is refused and changes nothing', async () => {
    await agent.check();
    let second: Promise<unknown> | undefined;
    shelf.onChunk = async (path, index) => {
      if (!path.includes('root') || index < 2) return;
      second ??= agentOn(disk, shelf).prepare();
      await assert.rejects(second, { code: 'locked' });
      shelf.onChunk = undefined;
      // Looking is allowed meanwhile, and progress is told.
      const { progress, most_recent_command } = await agent.status();
      assert.equal(most_recent_command?.cmd_status, 'Unknown');
      assert.deepEqual([progress?.kind, progress?.image, progress?.images], ['root', 2, 3]);
    };
    assert.equal((await agent.prepare()).update_state, 'Staged');
    assert.notEqual(second, undefined);
  });

  it('SLT-13: what the state does not allow is refused by name and changes nothing', async () => {
    const before = await agent.status();
    const marks = await flags();
    for (const event of ['prepare', 'activate', 'deactivate', 'revert'] as const) {
      await assert.rejects(agent[event](), (error: TidegateError) => {
        assert.equal(error.code, 'state-not-allowed');
        assert.deepEqual([error.details.state, error.details.event], ['Idle', event]);
        assert.match(error.message, new RegExp(`Cannot ${event} while Idle`));
        return true;
      });
    }
    assert.deepEqual([await flags(), await agent.status()], [marks, before]);
    await install();
    const ordered = await agent.status();
    await assert.rejects(agent.activate(), { code: 'state-not-allowed' });
    await assert.rejects(agent.prepare(), { code: 'state-not-allowed' });
    assert.deepEqual(await agent.status(), ordered, 'the last command and failure are as they were');
  });

  it('SLT-13: cancelled while writing, the slot is cleared and the state says so', async () => {
    await agent.check();
    await agent.prepare();
    const abort = new AbortController();
    shelf.onChunk = (path, index) => {
      if (path.includes('root') && index === 20) abort.abort();
    };
    await assert.rejects(agent.prepare({ signal: abort.signal }), { code: 'cancelled' });
    assert.equal((await agent.status()).update_state, 'Available');
    assert.equal((await boot(disk)).slot, 'a');
    shelf.onChunk = undefined;
    assert.equal((await agent.prepare()).update_state, 'Staged');
  });

  for (const [command, call] of [
    ['check', 'refresh'],
    ['check', 'choose'],
    ['check', 'updates'],
    ['prepare', 'refresh'],
    ['prepare', 'updates'],
    ['prepare', 'resolve'],
  ] as const) {
    it(`NET-23: ${command} is cancelled while it waits for \`${call}\`, and the lock is given back`, async () => {
      await agent.check();
      const abort = new AbortController();
      Object.assign(shelf, {
        [call]: (...args: readonly unknown[]) =>
          new Promise((_, reject) => {
            const { signal } = args.at(-1) as { readonly signal: AbortSignal };
            signal.addEventListener('abort', () => reject(new TidegateError('cancelled', 'cancelled')));
            setImmediate(() => abort.abort());
          }),
      });
      const before = await disk.entries(`${slotsDirectory}/slot-b`);
      await assert.rejects(agent[command]({ signal: abort.signal }), { code: 'cancelled' });
      Reflect.deleteProperty(shelf, call);
      assert.deepEqual(await disk.entries(`${slotsDirectory}/slot-b`), before);
      await agent.check();
      assert.equal((await agent.prepare()).update_state, 'Staged');
    });
  }

  it('DSK-14: clears away what processes left behind that died while they wrote state or flags', async () => {
    await agent.check();
    const name = `.tidegate-tmp-${deadMark()}-0123456789abcdef`;
    for (const folder of ['/state/agent', slotsDirectory])
      await (await disk.open(`${folder}/${name}`, 0o302, 0o600)).close();
    await agent.check();
    for (const folder of ['/state/agent', slotsDirectory])
      assert.ok(
        (await disk.entries(folder)).every((entry) => entry.name !== name),
        folder,
      );
  });

  it('a running system that is not confirmed keeps the other slot from being written', async () => {
    await install();
    await boot(disk);
    shelveRelease(shelf, '1.2.0');
    await agent.check();
    await assert.rejects(agent.prepare(), { code: 'state-not-allowed' });
    await agent.confirm();
    assert.equal((await agent.prepare()).update_state, 'Staged');
  });

  it('prepares exactly what was chosen, or nothing', async () => {
    await agent.check();
    const [first] = shelf.releases;
    shelveRelease(shelf, '1.2.0');
    assert.equal((await agent.prepare()).staging_partition?.image.version, '1.1.0');
    await boot(disk);
    await agent.check();
    shelf.releases = first === undefined ? [] : [first];
    await assert.rejects(agent.prepare(), { code: 'state-not-allowed' });
    shelf.releases = [{ ...shelveRelease(shelf, '1.2.0'), images: first?.images ?? {} }];
    await assert.rejects(agent.prepare(), { code: 'state-not-allowed' });
    assert.equal((await agent.status()).update_state, 'Staged');
  });

  it('SLT-16: what was withdrawn after it was prepared is not activated', async () => {
    await agent.check();
    await agent.prepare();
    shelf.releases = [];
    await agent.check();
    assert.equal((await agent.status()).update_state, 'Staged');
    await assert.rejects(agent.activate(), { code: 'state-not-allowed' });
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('SLT-16: what was withdrawn after it was activated is not booted, once a check has seen it', async () => {
    await install();
    const { releases } = shelf;
    shelf.failure = new TidegateError('network-unreachable', 'no route');
    await assert.rejects(agent.check(), { code: 'network-unreachable' });
    assert.equal((await agent.status()).update_state, 'Ready');
    shelf.releases = [];
    await agent.check();
    assert.equal((await agent.status()).update_state, 'Staged');
    assert.equal((await boot(disk)).slot, 'a');
    await assert.rejects(agent.activate(), { code: 'state-not-allowed' });
    shelf.releases = releases;
    await agent.check();
    assert.equal((await agent.activate()).update_state, 'Ready');
    assert.equal((await boot(disk)).slot, 'b');
  });

  it('SLT-16: a version that comes again with other images is not booted as it was before', async () => {
    await install();
    const [bad] = shelf.releases;
    const { images } = shelveRelease(shelf, '9.9.9', 1_000_000);
    shelf.releases = [{ ...(bad ?? shelveRelease(shelf, '1.1.0')), images }];
    await agent.check();
    assert.equal((await agent.status()).update_state, 'Staged');
    await assert.rejects(agent.activate(), /1\.1\.0 is not offered any more: prepare what is/);
    await agent.prepare();
    assert.equal((await agent.activate()).update_state, 'Ready');
    assert.deepEqual(await imageIn(disk, 'b', 'root'), noise(1_000_000, 1000));
  });

  it('a failed check takes back what was chosen, and nothing that is staged', async () => {
    await agent.check();
    shelf.failure = new TidegateError('network-unreachable', 'no route');
    await assert.rejects(agent.check(), { code: 'network-unreachable' });
    const { update_state, last_failure } = await agent.status();
    assert.deepEqual([update_state, last_failure?.code], ['Idle', 'network-unreachable']);
    await agent.check();
    await agent.prepare();
    shelf.failure = new TidegateError('expired', 'timestamp');
    await assert.rejects(agent.check(), { code: 'expired' });
    assert.equal((await agent.status()).update_state, 'Staged');
    assert.equal((await agent.activate()).update_state, 'Ready');
  });

  it('a damaged memory is told and bricks nothing', async () => {
    await agent.check();
    const handle = await disk.open('/state/agent/agent.json', 2);
    await handle.write([Uint8Array.of(0)], 100);
    await handle.close();
    const { update_state, last_failure } = await agent.status();
    assert.deepEqual([update_state, last_failure?.code], ['Idle', 'state-damaged']);
    await install();
    assert.equal((await boot(disk)).slot, 'b');
  });

  it('a running slot that does not say what it holds is named', async () => {
    await disk.unlink(`${slotsDirectory}/slot-a/content.json`);
    await assert.rejects(agent.status(), { code: 'slot-invalid', message: /running slot a does not say/ });
  });

  it('trouble of the operating system is no reason to take the inactive slot for empty', async () => {
    const open = disk.open.bind(disk);
    disk.open = async (path, ...rest) => {
      if (path.endsWith('slot-b/content.json')) throw systemError('EIO', 'open', path);
      return await open(path, ...rest);
    };
    await assert.rejects(agent.confirm(), { code: 'disk-error' });
  });

  it('what is no error of ours is recorded as internal, and thrown as it is', async () => {
    shelf.failure = new RangeError('a defect');
    await assert.rejects(agent.check(), RangeError);
    assert.equal((await agent.status()).last_failure?.code, 'internal');
  });

  it('another variant in the running slot than in the configuration is refused', async () => {
    const slots = new FileSlots({ directory: slotsDirectory, slotSize, fileSystem: disk });
    const host = { ...hostFacts, variant: 'other' };
    const other = new Agent({ client: shelf, slots, host, stateDirectory: '/state/agent', fileSystem: disk });
    await assert.rejects(other.check(), { code: 'slot-invalid' });
  });

  it('tells how far it is, and ends at the end', async () => {
    await agent.check();
    const seen: number[] = [];
    let total = 0;
    await agent.prepare({
      progress: (report) => {
        seen.push(report.received);
        total = report.total;
      },
    });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(seen.at(-1), total);
  });
});
