/** What a wrong clock can do: nothing that would make old metadata new. */
import assert from 'node:assert/strict';
import { startTimeOf } from '../../src/client/start-time.ts';
import { ClientScene } from '../support/client-scene.ts';

const day = 86_400_000;
const minute = 60_000;

describe('the clock', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
  });
  afterEach(() => scene.close());

  it('CLK-01: at 1970 nothing is asked of a good server, and the message says what is waited for', async () => {
    const client = scene.client({ clock: () => 0 });
    scene.repository.requests.length = 0;
    const error = await scene.refused('clock-behind', () => client.refresh());
    assert.match(
      error.message,
      /^clock reads 1970-01-01T00:00:00Z, before 2030-01-01T00:00:00Z .*waiting for time sync/,
    );
    assert.deepEqual(scene.repository.requests, []);
  });

  it('CLK-01: on a host that never refreshed the build time is the floor', async () => {
    const fresh = new ClientScene(scene.repository, { earliestTime: scene.now, clock: () => 0 });
    try {
      await assert.rejects(fresh.refresh(), { code: 'clock-behind', message: /of the build/ });
      assert.deepEqual(scene.repository.requests, []);
    } finally {
      await fresh.close();
    }
  });

  it('CLK-01: an attacker cannot replay a year-old repository to a host whose clock fell back', async () => {
    const old = new ClientScene();
    try {
      scene.now += 6 * day;
      for (const role of ['timestamp', 'snapshot', 'targets'])
        scene.repository.document(role).expires = '2031-01-01T00:00:00Z';
      scene.repository.publish();
      await scene.refresh();
      scene.now -= 6 * day;
      await scene.refused('clock-behind', () => scene.refresh({ metadata: old.repository.metadata }));
      scene.now += 6 * day;
      await scene.refused('rollback', () => scene.refresh({ metadata: old.repository.metadata }));
    } finally {
      await old.close();
    }
  });

  for (const [back, code] of [
    [60 * minute, 'clock-behind'],
    [day, 'clock-behind'],
    [4 * minute, undefined],
  ] as const) {
    it(`CLK-03: a step back by ${back / minute} minutes gives the same answer each time`, async () => {
      scene.now -= back;
      for (let run = 0; run < 3; run += 1) {
        if (code === undefined) assert.equal((await scene.refresh()).time, scene.repository.now);
        else await scene.refused(code, () => scene.refresh());
      }
    });
  }

  it('a refresh that was not accepted does not move the known time', async () => {
    scene.now += 300 * day;
    await assert.rejects(scene.refresh(), { code: 'expired' });
    scene.now -= 300 * day;
    assert.equal((await scene.refresh()).time, scene.now);
  });

  it('CLK-09: what has expired since the refresh is not used; it is refreshed first', async () => {
    const client = scene.client();
    await client.resolve('boot-1.2.0.img');
    scene.now += 8 * day;
    await assert.rejects(client.resolve('boot-1.2.0.img'), { code: 'expired' });
    scene.repository.timestamp.expires = '2031-01-01T00:00:00Z';
    scene.repository.publish();
    await client.resolve('boot-1.2.0.img');
  });
});

describe('startTimeOf', () => {
  const known = { earliestTime: 1_000_000, knownTime: 2_000_000 };
  for (const [clock, tolerance, expected] of [
    [3_000_000, 0, 3_000_000],
    [2_000_000, 0, 2_000_000],
    [1_999_999, 1, 2_000_000],
    [5, Number.POSITIVE_INFINITY, 5],
  ] as const) {
    it(`${clock} with tolerance ${tolerance} is ${expected}`, () => {
      assert.equal(startTimeOf(clock, known, tolerance), expected);
    });
  }

  it('refuses a clock further behind', () => {
    assert.throws(() => startTimeOf(1_999_998, known, 1), { code: 'clock-behind' });
    assert.throws(() => startTimeOf(Number.NaN, known, 1), { code: 'clock-behind' });
  });
});
