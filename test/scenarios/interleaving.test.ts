/**
 * Publishers, people who steer, a job that renews and hosts at one store, in a thousand orders, with calls that are
 * refused, lost, late, done twice, sent again or never answered, processes that die, and a clock that leaps. What must
 * hold in every state stands in test/support/publication-invariants.ts.
 *
 * TIDEGATE_SCHEDULES=50000 runs that many. What fails names its seed: TIDEGATE_SEED=1234 runs that one alone.
 */
import assert from 'node:assert/strict';
import type { Mix } from '../support/publishing-actors.ts';
import { runSchedule } from '../support/publishing-actors.ts';
import { HeedlessStore, schedulesTest, withScene } from '../support/schedules.ts';

function mixOf(seed: number): Mix {
  return {
    publishers: seed % 4 === 0 ? 3 : 2,
    collectors: 0,
    daemon: seed % 3 === 0,
    hosts: seed % 5 === 0 ? 1 : 0,
    leaps: seed % 8 === 0 ? 4 : 0,
  };
}

describe('publishers in any order', () => {
  const scene = withScene();

  schedulesTest(scene, {
    title: 'PUB-01, PUB-02, PUB-03, PUB-22: what must hold holds in every order',
    mixOf,
    usual: 1_100,
    check: ({ schedules, commits, told, resumed, endings }) => {
      assert.ok(commits > schedules && told > schedules / 2, `${commits} commits, ${told} told`);
      assert.ok(resumed > 0 && (endings.get('base-moved') ?? 0) > schedules / 4, `${resumed} resumed`);
    },
  });

  it('a store that heeds no condition is found out', async () => {
    let found = '';
    for (let seed = 1; seed <= 40 && found === ''; seed += 1) {
      await runSchedule(scene(), seed, { ...mixOf(seed), inner: new HeedlessStore() }).catch(
        (error: Error) => {
          found = error.message;
        },
      );
    }
    assert.match(found, /I2/);
  }).timeout(60_000);
});
