/** Several regions: each consistent by itself, none ahead of the first store. */
import assert from 'node:assert/strict';
import { TidegateError } from '../../../src/errors.ts';
import { repositoryFolders } from '../../../src/metadata/repository-layout.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { pinLifetime, readPins } from '../../../src/signer/publication/pin.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { advanceRegions, regionStates } from '../../../src/signer/publication/region.ts';
import { readerOf, readRepository } from '../../../src/signer/publication/repository-reader.ts';
import { resumePublications } from '../../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { trustPolicyAt } from '../../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { SwappableStore } from '../../../src/storage/store.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { everyStorageCut, StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const folders = repositoryFolders('single', { variant: 'demo', arch: 'x86_64' });
const later = start + day;

async function withRegions(regions: readonly SwappableStore[]): Promise<Workspace> {
  const workspace = await open(await workspaceDisk(), new MemoryStore('first'));
  return { ...workspace, regions };
}

/** What a host in this region sees; undefined: nothing is published there. Throws when it is not whole. */
async function see(workspace: Workspace, store: SwappableStore): Promise<number | undefined> {
  if ((await store.stat('metadata/timestamp.json')) === undefined) return undefined;
  const [anchor = new Uint8Array()] = workspace.roots;
  const request = { folders, anchor, policy: trustPolicyAt(later), floors: noFloors };
  const { set, manifest } = await readRepository(readerOf(store), request);
  const names = new Set<string>();
  for await (const { name } of store.list('targets/')) names.add(name.slice('targets/'.length + 65));
  for (const { images } of manifest.updates)
    for (const path of Object.values(images)) assert.ok(names.has(path), path);
  return set.timestamp?.document.version;
}

async function liveOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place);
  return await readLive(workspace, place);
}

/** A region that answers nothing. */
class Down extends MemoryStore {
  down = false;

  override async read(...args: Parameters<MemoryStore['read']>) {
    this.#ask();
    return await super.read(...args);
  }

  override async create(...args: Parameters<MemoryStore['create']>) {
    this.#ask();
    return await super.create(...args);
  }

  override async stat(...args: Parameters<MemoryStore['stat']>) {
    this.#ask();
    return await super.stat(...args);
  }

  override async swap(...args: Parameters<MemoryStore['swap']>) {
    this.#ask();
    return await super.swap(...args);
  }

  #ask(): void {
    if (this.down) throw new TidegateError('network-unreachable', `${this.location} is down`);
  }
}

describe('signer/publication/region', () => {
  it('every region gets the same bytes, children first, and the timestamp by a swap of its own', async () => {
    const [east, west] = [new StorageReplay(new MemoryStore('east')), new MemoryStore('west')];
    const workspace = await withRegions([east, west]);
    await addVersion(workspace, '1.0.0');
    const { result } = await planAndPublish(workspace, start);
    assert.deepEqual(
      result.regions.map(({ region, version, standing }) => [region, version, standing]),
      [
        ['east', 1, 'advanced'],
        ['west', 1, 'advanced'],
      ],
    );
    const writes = east.writes
      .map(({ call, name }) => `${call} ${name}`)
      .filter((text) => !text.includes('.publish/'));
    assert.deepEqual(
      writes.slice(-4).map((text) => text.replace(/[0-9a-f]{64}/, 'HASH')),
      [
        'create metadata/1.targets.json',
        'create metadata/1.snapshot.json',
        'create metadata/1.root.json',
        'swap metadata/timestamp.json',
      ],
    );
    for await (const { name, etag } of workspace.store.list()) {
      if (!name.startsWith('.publish/')) assert.equal((await west.stat(name))?.etag, etag, name);
    }
    const notes: string[] = [];
    for await (const { name } of west.list('.publish/')) notes.push(name);
    assert.deepEqual(notes, ['.publish/metadata/journal/1.json'], 'no pin is left');
  });

  it('one that is down stays old and whole, stops nobody, and is caught up with by the next command', async () => {
    for (const next of ['publish', 'refresh', 'resume'] as const) {
      const [east, west] = [new Down('east'), new MemoryStore('west')];
      const workspace = await withRegions([east, west]);
      await planAndPublish(workspace, start);
      east.down = true;
      await addVersion(workspace, '1.0.0');
      const { result } = await planAndPublish(workspace, later);
      assert.deepEqual(
        result.regions.map(({ standing, error }) => [standing, error?.code]),
        [
          ['unreachable', 'network-unreachable'],
          ['advanced', undefined],
        ],
      );
      east.down = false;
      assert.deepEqual([await see(workspace, east), await see(workspace, west)], [1, 2]);
      const [state] = await regionStates(workspace, await liveOf(workspace), { now: later });
      assert.deepEqual([state?.standing, state?.version], ['behind', 1]);
      const run = { now: later + hour, unlock };
      if (next === 'publish') await planAndPublish(workspace, later + hour);
      if (next === 'refresh') await refreshRepositories(workspace, { ...run, timestampDueAfter: 0.5 });
      if (next === 'resume') await resumePublications(workspace, run);
      assert.deepEqual([await see(workspace, east), await see(workspace, west)], [2, 2], next);
    }
  });

  it('one that went ahead, or shows another repository, is left as it is', async () => {
    const ahead = new MemoryStore('ahead');
    const workspace = await withRegions([ahead]);
    await planAndPublish(workspace, start);
    const rogue = {
      ...workspace,
      store: ahead,
      regions: [],
      fileSystem: copyOf(workspace.fileSystem as Awaited<ReturnType<typeof workspaceDisk>>),
    };
    for (let version = 2; version <= 3; version += 1)
      await refreshRepositories(rogue, { now: start + hour, unlock, force: true });
    await addVersion(workspace, '1.0.0');
    const { result } = await planAndPublish(workspace, later);
    assert.deepEqual([result.regions[0]?.error?.code, await see(workspace, ahead)], ['store-conflict', 3]);
    const foreign = new MemoryStore('foreign');
    await planAndPublish(
      await open(await workspaceDisk({ template: 'single', name: 'other' }), foreign),
      start,
    );
    const [state] = await advanceRegions({ ...workspace, regions: [foreign] }, await liveOf(workspace), {
      now: later,
    });
    assert.equal(state?.standing, 'behind');
    assert.ok(state?.error);
  });

  it('one that shows another timestamp of the same number is left as it is', async () => {
    const fork = new MemoryStore('fork');
    const workspace = await withRegions([fork]);
    const twin = await open(await workspaceDisk(), fork);
    await planAndPublish(twin, start + hour);
    await planAndPublish({ ...workspace, regions: [] }, start);
    const before = (await fork.stat('metadata/timestamp.json'))?.etag;
    const [state] = await advanceRegions({ ...workspace, regions: [fork] }, await liveOf(workspace), {
      now: start + hour,
    });
    assert.deepEqual([state?.standing, state?.error?.code], ['behind', 'store-conflict']);
    assert.equal((await fork.stat('metadata/timestamp.json'))?.etag, before);
  });

  it('PUB-20: one that lost a file which it lists does not go on to list it again', async () => {
    const region = new MemoryStore('region');
    const workspace = await withRegions([region]);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    for await (const { name, etag } of region.list('targets/'))
      if (name.endsWith('1.0.0.img')) await region.remove(name, etag);
    await addVersion(workspace, '1.1.0');
    const { result } = await planAndPublish(workspace, later);
    const [state] = result.regions;
    assert.deepEqual([state?.standing, state?.version, state?.error?.code], ['behind', 1, 'not-found']);
  });

  it('PUB-12: one that keeps other bytes than it was given is found out before its hosts see them', async () => {
    class Altering extends MemoryStore {
      override async create(...[name, content, options]: Parameters<MemoryStore['create']>) {
        const altered = name === 'metadata/2.targets.json' && content instanceof Uint8Array;
        return await super.create(name, altered ? Buffer.from(`${Buffer.from(content)} `) : content, options);
      }
    }
    const region = new Altering('region');
    const workspace = await withRegions([region]);
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.0.0');
    const { result } = await planAndPublish(workspace, later);
    const [state] = result.regions;
    assert.deepEqual([state?.standing, state?.version], ['behind', 1]);
    assert.ok(state?.error);
    assert.equal(await see(workspace, region), 1, 'old and whole');
  });

  it('PUB-12: where a region keeps no checksums, every byte there is read back on request', async () => {
    class Silent extends MemoryStore {
      override async stat(...args: Parameters<MemoryStore['stat']>) {
        const { sha256: _sha256, ...info } = (await super.stat(...args)) ?? { name: '', length: 0, etag: '' };
        return info.name === '' ? undefined : info;
      }
    }
    const region = new Silent('region');
    const workspace = await withRegions([region]);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    for await (const { name, etag } of region.list('targets/'))
      if (name.endsWith('1.0.0.img')) await region.swap(name, Buffer.from('Image of 1.0.0'), etag);
    await addVersion(workspace, '1.1.0');
    const plan = await planPublication(workspace, { now: later });
    const { regions } = await publish(workspace, plan, { now: later, unlock, verify: 'readback' });
    assert.deepEqual([regions[0]?.standing, regions[0]?.error?.code], ['behind', 'hash-mismatch']);
    assert.equal(await see(workspace, region), 1);
  });

  for (const { what, at, days, expected } of [
    { what: 'copying that takes days goes through', at: /1\.1\.0\.img$/, days: 5, expected: ['advanced', 2] },
    {
      what: 'a sleep before its commit leaves it as it was',
      at: /2\.snapshot\.json$/,
      days: 4,
      expected: ['behind', 1],
    },
  ] as const) {
    it(`${what}`, async () => {
      const region = new MemoryStore('region');
      const workspace = await withRegions([region]);
      await addVersion(workspace, '1.0.0');
      await planAndPublish(workspace, start);
      await addVersion(workspace, '1.1.0');
      await planAndPublish({ ...workspace, regions: [] }, later);
      const time = { now: later };
      const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
        if (call === 'create' && at.test(name)) time.now += days * day;
      };
      const slow = { ...workspace, regions: [new StorageReplay(region, { before })] };
      const run = { now: later, clock: () => time.now };
      const [state] = await advanceRegions(slow, await liveOf(workspace), run);
      assert.deepEqual([state?.standing, state?.version], expected, state?.error?.message);
      assert.equal(state?.error?.code, expected[1] === 1 ? 'too-slow' : undefined);
      assert.equal(await see(workspace, region), expected[1]);
      const again = { now: time.now, clock: () => time.now };
      await advanceRegions({ ...workspace, regions: [region] }, await liveOf(workspace), again);
      assert.equal(await see(workspace, region), 2);
    });
  }

  it('a pin there is held by the clock of the moment, not by that of the beginning', async () => {
    const region = new MemoryStore('region');
    const workspace = await withRegions([region]);
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    let pinned: number | undefined;
    const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
      if (call !== 'swap' || name !== 'metadata/timestamp.json') return;
      const [pin] = (await readPins(region, 0)).filter(({ plan: id }) => id !== plan.repositories[0]?.digest);
      pinned = pin?.expiresAt;
    };
    const regions = [new StorageReplay(region, { before })];
    let clock = start;
    const slowly = async ({ name }: { readonly name: string }) => {
      if (name.endsWith('1.0.0.img')) clock = start + 3 * day;
    };
    const slow = { ...workspace, regions, store: new StorageReplay(workspace.store, { before: slowly }) };
    await publish(slow, plan, { now: start, clock: () => clock, unlock });
    assert.equal(pinned, start + 3 * day + pinLifetime);
  });

  it('two publishers that bring a region on at once do not take each other for strangers', async () => {
    const region = new MemoryStore('region');
    const workspace = await withRegions([region]);
    await planAndPublish(workspace, start);
    const run = { now: start + hour, unlock, force: true };
    await refreshRepositories({ ...workspace, regions: [] }, run);
    const slow = await liveOf(workspace);
    await refreshRepositories(workspace, run);
    const fast = await liveOf(workspace);
    assert.deepEqual([slow.published?.timestamp.version, fast.published?.timestamp.version], [2, 3]);
    assert.deepEqual([slow.published?.snapshot.version, await see(workspace, region)], [1, 3]);
    const [late] = await advanceRegions(workspace, slow, { now: later });
    assert.deepEqual([late?.standing, late?.error], ['current', undefined]);
    const [state] = await regionStates(workspace, slow, { now: later });
    assert.deepEqual(
      [state?.standing, state?.version],
      ['behind', 3],
      'the version of the timestamp, not of the snapshot',
    );
  });

  it('a region whose files are damaged never goes back', async () => {
    const region = new MemoryStore('region');
    const workspace = await withRegions([region]);
    await planAndPublish(workspace, start);
    const run = { now: start + hour, unlock, force: true };
    await refreshRepositories({ ...workspace, regions: [] }, run);
    const old = await liveOf(workspace);
    await refreshRepositories(workspace, run);
    const snapshot = await region.stat('metadata/1.snapshot.json');
    await region.remove('metadata/1.snapshot.json', snapshot?.etag ?? '');
    const stale = { ...workspace, store: new MemoryStore('elsewhere') };
    const [state] = await advanceRegions(stale, old, { now: later });
    assert.equal(state?.error?.code, 'store-conflict');
    assert.deepEqual(
      (await regionStates(workspace, await liveOf(workspace), { now: later }))[0]?.standing,
      'current',
    );
  });

  it('PUB-01: killed before and after every call to a region, it shows old or new, and the next run ends it', async () => {
    const first = await withRegions([]);
    await addVersion(first, '1.0.0');
    await planAndPublish(first, start);
    const old = await liveOf(first);
    await addVersion(first, '1.1.0');
    await planAndPublish(first, later);
    const live = await liveOf(first);
    const past = new MemoryStore('past');
    // The region as it was: brought on to the old state from a store that still holds its files.
    await advanceRegions({ ...first, regions: [past] }, old, { now: start });
    assert.equal(await see(first, past), 1);
    let calls = 0;
    calls = await everyStorageCut(
      async () => {
        const region = new MemoryStore('region');
        for await (const { name } of past.list())
          await region.create(name, (await past.read(name, 10_000_000))?.bytes ?? new Uint8Array());
        return region;
      },
      async (region) => await advanceRegions({ ...first, regions: [region] }, live, { now: later }),
      async (region, where) => {
        assert.ok([1, 2].includes((await see(first, region)) ?? 0), where);
        const [state] = await advanceRegions({ ...first, regions: [region] }, live, { now: later });
        assert.equal(state?.error, undefined, where);
        assert.equal(await see(first, region), 2, where);
      },
    );
    assert.ok(calls > 15, `${calls} calls`);
  }).timeout(30_000);
});
