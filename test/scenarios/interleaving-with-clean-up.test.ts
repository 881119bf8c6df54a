/**
 * As interleaving.test.ts, and clean-ups beside everybody. The worst moment is there in every schedule: a file was listed
 * long ago and is garbage by now, it was marked a day ago, and while it is being removed somebody publishes it again.
 */
import assert from 'node:assert/strict';
import type { FileInfo, SwappableStore } from '../../src/storage/store.ts';
import { type Mix, replacing, runSchedule } from '../support/publishing-actors.ts';
import { schedulesTest, withScene } from '../support/schedules.ts';

function mixOf(seed: number): Mix {
  return {
    publishers: 1 + (seed % 2),
    ...(seed % 5 !== 2 && { first: 'old.bin' }),
    collectors: 1 + (seed % 3),
    daemon: seed % 4 === 0,
    hosts: seed % 5 === 0 ? 1 : 0,
    leaps: seed % 7 === 0 ? 4 : 0,
  };
}

/** A publisher of another make, who pins and does not look at clean-ups. */
function blind(store: SwappableStore, actor: string): SwappableStore {
  if (!actor.startsWith('publisher')) return store;
  const list = async function* (prefix?: string): AsyncGenerator<FileInfo, void> {
    for await (const file of store.list(prefix)) if (!file.name.startsWith('.publish/gc/')) yield file;
  };
  return replacing(store, { list });
}

describe('a clean-up beside publishers, in any order', () => {
  const scene = withScene();

  schedulesTest(scene, {
    title: 'I6: nothing that a timestamp within the grace refers to is ever removed',
    mixOf,
    usual: 1_100,
    check: ({ schedules, commits, removals }) => {
      assert.ok(commits > schedules / 4 && removals > schedules / 4, `${commits}, ${removals} removed`);
    },
  });

  it('a publisher who does not look at clean-ups is found out', async () => {
    let found = '';
    for (let seed = 1; seed <= 400 && found === ''; seed += 1) {
      await runSchedule(scene(), seed, { ...mixOf(seed), through: blind }).catch((error: Error) => {
        found = error.message;
      });
    }
    assert.match(found, /I1|I6/);
  }).timeout(120_000);
});
