/** A release over many repositories: one upload for all, one commit after another, and a way to see which are in. */
import assert from 'node:assert/strict';
import { type ErrorCode, TidegateError } from '../../../src/errors.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { readDrafts, removeDraft, writeDraft } from '../../../src/signer/release/draft.ts';
import { releaseStatusOf } from '../../../src/signer/release/release-status.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

/** 30 variants for two architectures. */
const count = 60;
const variants = Object.fromEntries(
  Array.from({ length: count / 2 }, (_, index) => [`v${index}`, ['x86_64', 'aarch64']]),
);

/** Enough for what does not depend on how many there are. */
const few = { v0: ['x86_64', 'aarch64'], v1: ['x86_64', 'aarch64'] };

async function addEverywhere(
  workspace: Workspace,
  version: string,
  fleets: Readonly<Record<string, readonly string[]>> = variants,
): Promise<void> {
  const images: Record<string, string> = {};
  for (const kind of ['boot', 'root', 'hash'])
    images[kind] = await putFile(workspace.fileSystem, `/images/${kind}-${version}`, `${kind} of ${version}`);
  for (const [variant, architectures] of Object.entries(fleets))
    for (const arch of architectures) await addRelease(workspace, { variant, arch, version, images });
}

async function prepared(): Promise<{ store: MemoryStore; workspace: Workspace }> {
  const store = new MemoryStore();
  const workspace = await open(await workspaceDisk({ template: 'bottlerocket', variants }), store);
  await addEverywhere(workspace, '1.0.0');
  return { store, workspace };
}

describe('signer/publication: one release, many repositories', () => {
  it('no byte of a shared image is sent twice, and all are there before the first commit', async () => {
    const { store, workspace } = await prepared();
    const replay = new StorageReplay(store);
    const { result } = await planAndPublish({ ...workspace, store: replay }, start);
    assert.equal(result.repositories.length, count);
    const sent = replay.writes.filter(({ name }) => name.startsWith('targets/'));
    assert.equal(new Set(sent.map(({ name }) => name)).size, sent.length);
    assert.equal(sent.length, 3 + count, 'three images, and a list of releases for each');
    const calls = replay.writes.map(({ call, name }) => `${call} ${name}`);
    const lastUpload = calls.findLastIndex((call) => call.startsWith('create targets/'));
    assert.ok(lastUpload < calls.findIndex((call) => call.startsWith('swap ')));
    let bytes = 0;
    for await (const { length } of store.list('targets/')) bytes += length;
    assert.equal(
      result.repositories.reduce((sum, { written }) => sum + written, 0),
      bytes,
    );
  });

  it('PUB-01: dies between two commits: status says which are in, and the next run does the rest', async () => {
    const { store, workspace } = await prepared();
    let swaps = 0;
    const dying = new StorageReplay(store, {
      before: async ({ call }) => {
        if (call === 'swap' && ++swaps === 6) throw new Error('died');
      },
    });
    const plan = await planPublication(workspace, { now: start });
    await assert.rejects(publish({ ...workspace, store: dying }, plan, { now: start, unlock }), /died/);
    const standings = async (version?: string) =>
      (await releaseStatusOf(workspace, version)).map((status) => {
        return [status.version, status.fleets.map(({ standing }) => standing)];
      });
    const half = [...Array(5).fill('published'), ...Array(count - 5).fill('begun')];
    assert.deepEqual(await standings('1.0.0'), [['1.0.0', half]]);
    assert.deepEqual(await standings(), [['1.0.0', half]]);
    assert.deepEqual(await standings('2.0.0'), [['2.0.0', Array(count).fill('absent')]]);
    const again = new StorageReplay(store);
    await planAndPublish({ ...workspace, store: again }, start + hour);
    assert.equal(again.calls.filter(({ call }) => call === 'swap').length, count - 5);
    assert.deepEqual(
      again.writes.filter(({ name }) => /boot|root-|hash-/.test(name)).length,
      3,
      'asked for, and there',
    );
    assert.deepEqual(await standings(), []);
    await addEverywhere(workspace, '1.1.0');
    assert.deepEqual(await standings(), [['1.1.0', Array(count).fill('waiting')]]);
  });

  it('one repository that cannot be read hides nothing of the others; a refresh begins no release', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk({ template: 'bottlerocket', variants: few }), store);
    await addEverywhere(workspace, '1.0.0', few);
    await planAndPublish(workspace, start);
    await addEverywhere(workspace, '1.1.0', few);
    const dying = new StorageReplay(store, {
      before: async ({ call }) => {
        if (call === 'swap') throw new Error('died');
      },
    });
    const refresh = { now: start + hour, unlock, force: true };
    await assert.rejects(refreshRepositories({ ...workspace, store: dying }, refresh), /died/);
    const broken = 'v1/aarch64/1.targets.json';
    await store.remove(broken, (await store.stat(broken))?.etag ?? '');
    const [status, ...others] = await releaseStatusOf(workspace, undefined);
    assert.deepEqual([status?.version, others.length], ['1.1.0', 1]);
    const standings = (status?.fleets ?? []).map(({ repository, standing, error }) => {
      return `${repository} ${standing}${error === undefined ? '' : ` ${error.code}`}`;
    });
    const unknown = standings.filter((text) => !text.endsWith(' waiting'));
    assert.deepEqual([standings.length, unknown], [4, ['v1/aarch64 unknown not-found']]);
    const [was] = await releaseStatusOf(workspace, '1.0.0');
    assert.equal(was?.fleets.filter(({ standing }) => standing === 'published').length, 3);
  });

  it('one that stops all of them is named, with a way on for the others', async () => {
    const store = new MemoryStore();
    const disk = await workspaceDisk({ template: 'bottlerocket', variants: few });
    const workspace = await open(disk, store);
    await addEverywhere(workspace, '1.0.0', few);
    const taken = await planPublication(workspace, { now: start });
    await publish(workspace, taken, { now: start, unlock });
    await addEverywhere(workspace, '1.1.0', few);
    const plan = await planPublication(workspace, { now: start + hour });
    const way = 'tidegate release drop v1 aarch64 1.1.0';
    const own = { variant: 'v1', arch: 'aarch64' };
    const [draft] = (await readDrafts(workspace)).filter(
      (one) => one.variant === 'v1' && one.arch === 'aarch64',
    );
    assert.ok(draft);
    await removeDraft(workspace, draft);
    await assert.rejects(publish(workspace, plan, { now: start + hour, unlock }), {
      code: 'workspace-invalid',
      message: /^v1\/aarch64: .*\(the other 3 repositories wait until this is mended\)$/,
    });
    await writeDraft(workspace, { ...draft, wavePolicy: 'missing' });
    await assert.rejects(planPublication(workspace, { now: start + hour }), {
      code: 'config-invalid',
      message: new RegExp(
        `^v1/aarch64: policies/waves/missing.*3 repositories wait until this is mended\\. Without it: ${way}\\)$`,
      ),
    });
    await removeDraft(workspace, { ...own, version: '1.1.0' });
    const broken = 'v1/aarch64/1.targets.json';
    await store.remove(broken, (await store.stat(broken))?.etag ?? '');
    await assert.rejects(planPublication(workspace, { now: start + hour }), {
      code: 'not-found',
      message: /v1\/aarch64.*Without it: take v1\/aarch64 out of tidegate\.toml until then\)$/,
    });
    const without = { ...workspace.settings, fleets: workspace.settings.fleets.slice(0, 3) };
    const { result } = await planAndPublish({ ...workspace, settings: without }, start + hour);
    assert.equal(result.repositories.length, 3);
  });

  it('one that fails for good does not stop those after it, in any region; what fails for all ends the run', async () => {
    const region = new MemoryStore();
    const store = new MemoryStore();
    const own = await open(await workspaceDisk({ template: 'bottlerocket', variants: few }), store);
    const workspace = { ...own, regions: [region] };
    const bad = 'v0/aarch64';
    const plan = await planPublication(workspace, { now: start });
    const failing = (code: ErrorCode) =>
      new StorageReplay(store, {
        before: async ({ call, name }) => {
          if (call === 'swap' && name === `${bad}/timestamp.json`) throw new TidegateError(code, 'no');
        },
      });
    const run = { now: start, unlock };
    await assert.rejects(publish({ ...workspace, store: failing('network-unreachable') }, plan, run), {
      code: 'network-unreachable',
    });
    const timestamps = async (of: MemoryStore): Promise<number> => {
      let count = 0;
      for await (const { name } of of.list()) if (/^v.*timestamp.json$/.test(name)) count += 1;
      return count;
    };
    assert.equal(await timestamps(store), 1, 'the first');
    await assert.rejects(publish({ ...workspace, store: failing('hash-mismatch') }, plan, run), {
      code: 'hash-mismatch',
      message: /^no \(3 of 4 repositories are published; not v0\/aarch64\./,
    });
    assert.deepEqual([await timestamps(store), await timestamps(region)], [3, 3]);
    const again = await planPublication(workspace, { now: start });
    await publish(workspace, again, run);
    assert.deepEqual([await timestamps(store), await timestamps(region)], [4, 4]);
    await addEverywhere(workspace, '1.0.0', few);
    const losing = new StorageReplay(store, {
      before: async ({ call, name }) => {
        if (call !== 'swap' || name !== `${bad}/timestamp.json`) return;
        const lost = `${bad}/1.targets.json`;
        await store.remove(lost, (await store.stat(lost))?.etag ?? '');
        throw new TidegateError('not-found', 'lost');
      },
    });
    await assert.rejects(planAndPublish({ ...workspace, store: losing }, start + hour), {
      code: 'not-found',
      message: /^lost \(3 of 4/,
    });
    const last = await region.read('v1/aarch64/timestamp.json', 99_999);
    assert.equal(JSON.parse(Buffer.from(last?.bytes ?? []).toString()).signed.version, 2, 'brought on');
  });
});
