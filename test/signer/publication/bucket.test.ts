/** Publishing to a bucket: the signer over the real S3 store, with trouble on the way. */
import assert from 'node:assert/strict';
import { isTidegateError } from '../../../src/errors.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { openWorkspace } from '../../../src/signer/workspace/workspace.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import { withS3 } from '../../support/s3-scene.ts';
import type { S3FaultAction } from '../../support/s3-server.ts';
import {
  addVersion,
  copyOf,
  directory,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

/** 5 in 100 requests fail, by a fixed sequence. */
function failing(seed: number): () => S3FaultAction | undefined {
  const actions: readonly S3FaultAction[] = [
    { kind: 'status', status: 500, code: 'InternalError' },
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'reset' },
    { kind: 'status', status: 500, code: 'InternalError', apply: true },
    { kind: 'reset', apply: true },
  ];
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    const draw = (state >>> 8) % 1000;
    return draw < 50 ? actions[draw % actions.length] : undefined;
  };
}

const minute = 60_000;

/** The bucket's clock agrees with that of the tests' workspaces. */
const shownTime = (): number => start;

describe('publishing to a bucket', () => {
  it('PUB-21: publications with 5 % of all requests failing end right, each one', async () => {
    await withS3({ shownTime }, async ({ server, store, other }) => {
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      await planAndPublish(workspace, start);
      server.faults = failing(1);
      let failed = 0;
      for (let round = 1; round <= 9; round += 1) {
        const run = { now: start + round * 1000, unlock, force: true };
        const work = async () => await refreshRepositories(workspace, run);
        await work().catch(async (error: unknown) => {
          assert.ok(isTidegateError(error), String(error));
          failed += 1;
          await work();
        });
      }
      server.faults = undefined;
      const timestamp = await other().read('metadata/timestamp.json', 100_000);
      const { signed } = JSON.parse(Buffer.from(timestamp?.bytes ?? []).toString());
      assert.ok(signed.version >= 10 && signed.version <= 10 + failed, `${signed.version}, ${failed} failed`);
      assert.ok(failed <= 1, `${failed} failed`);
    });
  });

  it('PUB-21: what a hundred publications write is all there, once, with 5 % of all requests failing', async () => {
    await withS3({}, async ({ server, store }) => {
      server.faults = failing(2);
      for (let version = 1; version <= 100; version += 1) {
        for (const role of ['targets', 'snapshot'])
          assert.equal(
            await store.create(`${version}.${role}.json`, Buffer.from(`${role} ${version}`)),
            'created',
          );
        const base = await store.read('timestamp.json', 100);
        assert.equal(Buffer.from(base?.bytes ?? []).toString(), version === 1 ? '' : `${version - 1}`);
        assert.equal(await store.swap('timestamp.json', Buffer.from(`${version}`), base?.etag), 'swapped');
      }
      const failed = server.calls.length;
      assert.ok(failed > 900 && failed < 1300, `${failed} requests`);
    });
  });

  it('PUB-13: refuses a bucket that ignores conditions, before anything is written', async () => {
    await withS3({ shownTime, conditions: 'ignored' }, async ({ store }) => {
      const workspace = await open(await workspaceDisk(), store);
      await addVersion(workspace, '1.0.0');
      await assert.rejects(planAndPublish(workspace, start), { code: 'store-unsupported' });
      for await (const { name } of store.list()) assert.fail(name);
    });
  });

  it('PUB-13: publishes there for a declared single writer, and every plan says so', async () => {
    await withS3({ shownTime, conditions: 'ignored', store: { lookFirst: true } }, async ({ store }) => {
      const disk = await workspaceDisk();
      const path = `${directory}/tidegate.toml`;
      const text = Buffer.from((await readPlainFile(disk, path, 100_000))?.bytes ?? []).toString();
      await putFile(disk, path, text.replace('[store]\n', '[store]\nsingle_writer = true\n'));
      const workspace = await openWorkspace(directory, { fileSystem: disk, store });
      assert.equal(workspace.settings.singleWriter, true);
      await addVersion(workspace, '1.0.0');
      const { plan } = await planAndPublish(workspace, start);
      assert.match(plan.warnings.join(), /single_writer is declared/);
      assert.ok(await store.stat('metadata/timestamp.json'));
    });
  });

  it('PUB-02: of two publishers on one base one wins, and the other is told', async () => {
    await withS3({ shownTime }, async ({ store, other }) => {
      const disk = await workspaceDisk();
      await addVersion(await open(disk, store), '1.0.0');
      await planAndPublish(await open(disk, store), start);
      const both = await Promise.all(
        [store, other()].map(async (place, index) => {
          const workspace = await open(copyOf(disk), place);
          await addVersion(workspace, `1.1.${index}`);
          return { workspace, plan: await planPublication(workspace, { now: start + minute }) };
        }),
      );
      const outcomes = await Promise.allSettled(
        both.map(({ workspace, plan }) => publish(workspace, plan, { now: start + minute, unlock })),
      );
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(lost.length, 1);
      assert.equal(lost[0]?.reason.code, 'base-moved');
    });
  });
});
