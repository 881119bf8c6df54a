import assert from 'node:assert/strict';
import { type ErrorCode, TidegateError } from '../../../src/errors.ts';
import { requirePresent } from '../../../src/signer/publication/listed-files.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { addTarget } from '../../../src/signer/release/add-target.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import type { FileInfo } from '../../../src/storage/store.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  day,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const later = start + day;

/** A bucket without checksums, in which somebody altered a file. */
class Silent extends MemoryStore {
  override async stat(...args: Parameters<MemoryStore['stat']>) {
    const found = await super.stat(...args);
    if (found === undefined) return undefined;
    const { sha256: _sha256, ...info } = found;
    return info;
  }
}

async function altered<S extends MemoryStore>(store: S, bytes: string) {
  const workspace = await open(await workspaceDisk(), store);
  await addVersion(workspace, '1.0.0');
  const { plan } = await planAndPublish(workspace, start);
  const { name = '' } = plan.uploads.find((upload) => upload.name.endsWith('.img')) ?? {};
  await store.remove(name, (await store.stat(name))?.etag ?? '');
  await store.create(name, Buffer.from(bytes));
  await addVersion(workspace, '1.1.0');
  return { workspace, name };
}

describe('signer/publication/listed-files', () => {
  it('PUB-12, PUB-20: a listed file with other bytes stops the commit where the store keeps checksums', async () => {
    const { workspace, name } = await altered(new MemoryStore(), 'IMAGE of 1.0.0');
    await assert.rejects(planAndPublish(workspace, later), {
      code: 'hash-mismatch',
      message: new RegExp(name),
    });
  });

  it('--verify readback finds them where it keeps none', async () => {
    for (const how of ['checksum', 'readback'] as const) {
      const { workspace, name } = await altered(new Silent(), 'IMAGE of 1.0.0');
      const plan = await planPublication(workspace, { now: later });
      const publishing = publish(workspace, plan, { now: later, unlock, verify: how });
      if (how === 'checksum') await publishing;
      else await assert.rejects(publishing, { code: 'hash-mismatch', message: new RegExp(name) });
    }
  });

  it('PUB-20: one that vanishes while images are uploaded stops the commit', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const { plan } = await planAndPublish(workspace, start);
    const old = plan.uploads.find(({ name }) => name.endsWith('.img'))?.name ?? '';
    await addVersion(workspace, '1.1.0');
    for (const verify of ['checksum', 'readback'] as const) {
      const vanishing = new StorageReplay(store, {
        before: async ({ call, name }) => {
          if (call === 'create' && name.endsWith('1.1.0.img'))
            await store.remove(old, (await store.stat(old))?.etag ?? '');
        },
      });
      const next = await planPublication(workspace, { now: later });
      const publishing = publish({ ...workspace, store: vanishing }, next, { now: later, unlock, verify });
      await assert.rejects(publishing, { code: 'not-found', message: new RegExp(old) });
      await store.create(old, Buffer.from('image of 1.0.0'));
    }
  });

  it('PUB-20: many files are looked for in a list before an upload, and one by one where it shows them not', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    const { fileSystem } = workspace;
    for (let count = 0; count < 120; count += 1)
      await addTarget(workspace, { path: await putFile(fileSystem, `/images/${count}.bin`, `${count}`) });
    const { plan } = await planAndPublish(workspace, start);
    await addVersion(workspace, '1.0.0');
    const next = await planPublication(workspace, { now: later });
    const early = async (list?: MemoryStore['list']): Promise<readonly string[]> => {
      const replay = new StorageReplay(store);
      const listing = Object.assign(replay, list && { list });
      await requirePresent(next.repositories[0] ?? assert.fail(), listing);
      return replay.calls.map(({ call }) => call);
    };
    assert.deepEqual(await early(), ['list']);
    const without = async function* (): AsyncGenerator<FileInfo, void> {
      for await (const file of store.list('targets/')) if (!file.name.endsWith('.7.bin')) yield file;
    };
    assert.deepEqual(await early(without), ['stat']);
    const refusing = (code: ErrorCode) =>
      async function* (): AsyncGenerator<FileInfo, void> {
        yield* store.list('none');
        throw new TidegateError(code, 'no list');
      };
    for (const code of ['access-denied', 'count-limit', 'store-unsupported'] as const)
      assert.equal((await early(refusing(code))).length, 120, code);
    await assert.rejects(early(refusing('too-slow')), { code: 'too-slow' });
    const { name = '' } = plan.uploads.find((upload) => upload.name.endsWith('.7.bin')) ?? {};
    await store.remove(name, (await store.stat(name))?.etag ?? '');
    await assert.rejects(early(), { code: 'not-found', message: new RegExp(name) });
    await store.create(name, Buffer.from('longer than it was'));
    await assert.rejects(early(), { code: 'not-found', message: new RegExp(name) });
  });

  it('PUB-22: a publisher that was paused at its commit, while another published, is fenced by the swap', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.0.0');
    const other = await open(await workspaceDisk(), store);
    await addVersion(other, '2.0.0');
    const paused = new StorageReplay(store, {
      before: async ({ call }) => {
        if (call === 'swap') await planAndPublish(other, later);
      },
    });
    await assert.rejects(planAndPublish({ ...workspace, store: paused }, later), { code: 'base-moved' });
    const timestamp = await store.read('metadata/timestamp.json', 99_999);
    assert.equal(JSON.parse(Buffer.from(timestamp?.bytes ?? []).toString()).signed.version, 2);
  });

  it('PUB-03: an answer to the commit that is lost is made up for by what is there', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    await addVersion(workspace, '1.0.0');
    const error = Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' });
    const plan = await planPublication(workspace, { now: start });
    let swaps = 0;
    const losing = new Proxy(store, {
      get: (target, name) => {
        if (name === 'swap')
          return async (...args: Parameters<MemoryStore['swap']>) => {
            await target.swap(...args);
            swaps += 1;
            throw error;
          };
        const member = Reflect.get(target, name, target);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const { repositories } = await publish({ ...workspace, store: losing }, plan, { now: start, unlock });
    assert.deepEqual([repositories[0]?.versions.timestamp, swaps], [1, 1]);
  });
});
