import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Manifest } from '../../../src/waves/release.ts';
import { emptyManifest } from '../../../src/waves/releases.ts';
import { MAX_SEED } from '../../../src/waves/seed.ts';
import {
  busySecond,
  meanPolls,
  originRate,
  retryStorm,
  signingSlack,
  synchronisedPeak,
} from '../../../src/waves/simulation/closed-form.ts';
import { costOf, daysOfMonth, listPrices } from '../../../src/waves/simulation/cost.ts';
import { Decisions } from '../../../src/waves/simulation/decisions.ts';
import { expectedRollout } from '../../../src/waves/simulation/expected-rollout.ts';
import { type FleetModel, refreshOf } from '../../../src/waves/simulation/fleet-model.ts';
import { forecastOf as forecastWith } from '../../../src/waves/simulation/forecast.ts';
import { behindCaches } from '../../../src/waves/simulation/origin.ts';
import { normal, streamOf, uniform } from '../../../src/waves/simulation/random.ts';
import { simulate } from '../../../src/waves/simulation/rollout.ts';
import {
  addTally,
  countImage,
  emptyTally,
  imageBytes,
  minute,
  second,
  type Tally,
} from '../../../src/waves/simulation/tally.ts';
import { day, fleetOf, host, hour, manifestOf, start, total } from './fleet.ts';

const forecastOf = (model: FleetModel, tally: Tally) =>
  forecastWith(model, tally, { rowLength: hour, prices: listPrices });

/** Nothing is published for these hosts. */
const quiet = [{ at: start, manifest: manifestOf('1.0.0') }];

function close(found: number, expected: number, share: number): void {
  assert.ok(
    Math.abs(found - expected) <= share * expected,
    `found ${found}, expected ${expected} ± ${share * 100} %`,
  );
}

function greatest(values: Uint32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

describe('waves/simulation against the closed form', () => {
  it('V1: the mean rate of polls is hosts by interval', () => {
    const model = fleetOf({ duration: 2 * day, publications: quiet });
    const expected = (meanPolls(model) * model.duration) / second;
    const found = total(simulate(model).polls);
    assert.ok(Math.abs(found - expected) <= 3 * Math.sqrt(expected), `${found} polls, expected ${expected}`);
  });

  it('V2: evenly spread polls have the peak second of chance arrivals', () => {
    const polling = { interval: 600_000, jitter: 0, phase: { kind: 'spread' } } as const;
    const model = fleetOf({ hosts: 100_000, duration: 600_000, publications: quiet, polling });
    const mean = meanPolls(model);
    const peak = greatest(simulate(model).polls);
    assert.ok(peak >= mean && peak <= mean + 5 * Math.sqrt(mean) + 5, `peak ${peak} at a mean of ${mean}`);
    assert.ok(busySecond(mean) > mean && busySecond(mean) < peak + 30);
  });

  it('V3: polls in step have the peak of the clocks’ error', () => {
    const phase = { kind: 'synchronised', clockError: 10_000 } as const;
    const polling = { interval: hour, jitter: 0, phase };
    const model = fleetOf({ hosts: 400_000, start, duration: 1.5 * hour, publications: quiet, polling });
    const polls = simulate(model).polls;
    // The peak of the curve, not the luckiest second on it: five seconds around the hour.
    const around = total(polls.subarray(3598, 3603)) / 5;
    close(around, synchronisedPeak(model.hosts, phase.clockError), 0.05);
  });

  it('V4: the bytes of a day are polls by bytes', () => {
    const model = fleetOf({ duration: day, publications: quiet });
    const { hosts } = forecastOf(model, simulate(model));
    // Every host learns once of what was published before it polled first.
    const learned = model.hosts * model.change.bytes;
    close(
      hosts.bytes - learned,
      (model.hosts * day * refreshOf(model).bytes) / model.polling.interval,
      0.005,
    );
  });

  it('V5: after a publication the share of hosts that know of it grows along a line', () => {
    const at = start + 2 * hour;
    const publications = [...quiet, { at, manifest: manifestOf('1.1.0') }];
    const polling = { interval: 6 * hour, jitter: 0, phase: { kind: 'spread' } } as const;
    const model = fleetOf({ duration: 9 * hour, cacheTime: 0, publications, polling });
    const { informed } = simulate(model);
    const before = total(informed.subarray(0, 7200));
    for (let quarter = 1; quarter <= 24; quarter += 1) {
      const until = 7200 + quarter * 900;
      // Hosts that polled before know of the first publication, the others learn of both at once.
      const known = total(informed.subarray(7200, until)) / model.hosts;
      assert.ok(Math.abs(known - quarter / 24) < 0.02, `${known} after ${quarter} quarters`);
    }
    close(before / model.hosts, 2 / 6, 0.05);
  });

  it('V6: caches keep the origin at one request each in the time of their copies', () => {
    const model = fleetOf({ hosts: 200_000, duration: 4 * hour, publications: quiet });
    const { polls } = simulate(model);
    for (const [count, seconds] of [
      [1, 60],
      [13, 60],
      [13, 10],
    ] as const) {
      const rate = total(behindCaches(polls, { count, seconds, randomSeed: 7 })) / (model.duration / second);
      const bound = originRate(meanPolls(model), count, seconds * second);
      assert.ok(rate <= bound && rate > bound * 0.5, `${rate} at the origin, at most ${bound}`);
    }
    assert.equal(originRate(0.1, 13, 10_000), 0.1);
  });

  /** Percent of the fleet whose turn has come, by hour (publish-and-mirror, 5.5). */
  const hours = [1, 4, 12, 24, 36, 48, 72, 96, 108, 120, 132, 143.99, 144] as const;
  const ready = {
    shipped: [0, 1.0, 1.6, 5.0, 5.0, 15.0, 15.0, 40.0, 40.0, 60.0, 60.0, 60.0, 100],
    linear: [0, 1.0, 2.6, 5.0, 10.0, 15.0, 27.5, 40.0, 50.0, 60.0, 75.0, 90.0, 100],
  } as const;
  for (const spread of ['shipped', 'linear'] as const) {
    it(`V7: the turns of the default policy, ${spread}`, () => {
      const manifest = manifestOf('1.1.0', 'default', spread);
      // Bottlerocket's table has no end of the last wave; without it all of it opens at once.
      const updates = manifest.updates.map(({ lastWaveEnds: _, ...release }) => release);
      const model = fleetOf({ publications: [{ at: start, manifest: { ...manifest, updates } }] });
      const decisions = new Decisions(model);
      const opens = Array.from({ length: MAX_SEED }, (_, seed) => {
        const [step] = decisions.steps(0, decisions.ofGroup({ share: 1, host }), seed);
        return step?.from ?? Number.POSITIVE_INFINITY;
      });
      const found = hours.map((at) => opens.filter((time) => time <= start + at * hour).length);
      for (const [index, count] of found.entries()) {
        const percent = (count * 100) / MAX_SEED;
        assert.ok(
          Math.abs(percent - (ready[spread][index] ?? 0)) < 0.1,
          `${percent} % at hour ${hours[index]}`,
        );
      }
    });
  }

  it('V8: a storm of retries settles at two tries in the longest wait', () => {
    const retry = { first: 1000, cap: 15 * minute };
    const outages = [{ from: start, until: start + 6 * hour }];
    const polling = {
      interval: 24 * hour,
      jitter: 0,
      phase: { kind: 'synchronised', clockError: 1 },
    } as const;
    const model = fleetOf({ duration: 6 * hour, publications: quiet, outages, retry, polling });
    const { unanswered } = simulate(model);
    const late = total(unanswered.subarray(3 * 3600)) / (3 * 3600);
    // Half of a fleet with clocks before and half with clocks after the start poll in this time.
    const polled = fleetOf({ ...model, outages: [] });
    const hosts = total(simulate(polled).polls);
    close(late, retryStorm(hosts, retry.cap), 0.05);
  });

  it('V9: nothing expires within the slack of the signing, and something soon after', () => {
    const from = start + day;
    const base = { validity: 7 * day, every: 12 * hour };
    const lasting = (length: number) => {
      const signing = { ...base, outage: { from, until: from + length } };
      const model = fleetOf({ duration: 12 * day, publications: quiet, signing });
      return { model, expired: simulate(model).expired };
    };
    const { model, expired } = lasting(30 * day);
    const slack = signingSlack(model);
    const first = expired.findIndex((count) => count > 0) * minute - day;
    assert.ok(
      first >= slack && first <= slack + base.every,
      `first after ${first / hour} h, slack ${slack / hour} h`,
    );
    // To the minute: the last signature is as old as it can be, and so many hosts poll that one meets its end at once.
    const end = base.validity - base.every;
    assert.ok(first > end - 2 * minute && first < end + 2 * minute, `first after ${first / hour} h`);
    assert.equal(total(lasting(slack).expired), 0);
    assert.ok(total(lasting(slack + day).expired) > 0);
  });

  /** Dollars a month for 10^3 … 10^7 hosts, by poll interval and by what a refresh asks (publish-and-mirror, 5.4). */
  const table: readonly [hours: number, requests: number, bytes: number, dollars: readonly number[]][] = [
    [1, 5, 63_698, [7, 73, 733, 7162, 57_941]],
    [1, 2, 1943, [2, 16, 157, 1571, 15_699]],
    [1, 4, 50_564, [6, 58, 584, 5718, 47_075]],
    [6, 5, 63_698, [1, 12, 122, 1221, 11_484]],
    [6, 2, 1943, [0, 3, 26, 262, 2619]],
    [6, 4, 50_564, [1, 10, 97, 973, 9375]],
    [24, 5, 63_698, [0, 3, 31, 305, 3014]],
    [24, 2, 1943, [0, 1, 7, 65, 655]],
  ];
  /** Of one update of 165 MB, 10^4 … 10^7 hosts (5.5). */
  const images = [131, 1281, 10_294, 52_929];

  it('V10: the cost of a month is that of the table, to the dollar or the percent', () => {
    const near = (found: number, expected: number, what: string): void =>
      assert.ok(Math.abs(found - expected) <= Math.max(0.5, expected * 0.001), `${what}: ${found}`);
    for (const [hours, requests, bytes, row] of table) {
      for (const [index, cost] of row.entries()) {
        const polls = (10 ** (index + 3) * daysOfMonth * 24) / hours;
        const load = { requests: polls * requests, bytes: polls * bytes };
        near(costOf(load, listPrices.edge), cost, `10^${index + 3} hosts, ${hours} h, ${requests} requests`);
      }
    }
    for (const [index, cost] of images.entries()) {
      const load = { requests: 0, bytes: 165e6 * 10 ** (index + 4) };
      near(costOf(load, listPrices.edge), cost, `images of 10^${index + 4} hosts`);
    }
  });

  it('V10: a simulated month comes to the same', () => {
    const download = { ...fleetOf().download, bytes: 0, requests: 0 };
    const model = fleetOf({ hosts: 50_000, duration: 2 * day, publications: quiet, download });
    const { found } = forecastOf(model, simulate(model)).cost;
    const learned = { requests: model.hosts * 3, bytes: model.hosts * model.change.bytes };
    const polling = found.cached - found.origin - costOf(learned, listPrices.edge);
    close(polling, 262 / 20, 0.01);
    close(found.bare, costOf({ requests: 12.16e6 + 150_000, bytes: 14.96e9 }, listPrices.origin), 0.01);
  });

  const days = { default: 9, accelerated: 3, slow: 16, emergency: 2, none: 2 } as const;
  for (const [policy, length] of Object.entries(days)) {
    it(`follows the closed form of a rollout to the percent: ${policy}`, () => {
      const manifest = policy === 'none' ? manifestOf('1.1.0') : manifestOf('1.1.0', policy);
      const polling = { interval: 6 * hour, jitter: 0, phase: { kind: 'spread' } } as const;
      const download = { ...fleetOf().download, startWithin: policy === 'slow' ? 9 * hour : hour };
      const publications = [{ at: start, manifest }];
      const model = fleetOf({ publications, polling, download, duration: length * day });
      const { deviation, updated, rows } = forecastOf(model, simulate(model));
      assert.ok((deviation ?? 1) < 0.015, `${policy}: ${deviation}`);
      assert.equal(updated, 1);
      assert.equal(rows.length, length * 24);
    });
  }
});

describe('waves/simulation', () => {
  it('gives the same for the whole as for its parts, and another run for another seed', () => {
    const model = fleetOf({ hosts: 3000, download: { ...fleetOf().download, failureRate: 0.1 } });
    const whole = simulate(model);
    const sum = simulate(model, 0, 1234);
    addTally(sum, simulate(model, 1234));
    assert.deepEqual(sum.polls, whole.polls);
    assert.deepEqual(sum.updated, whole.updated);
    assert.deepEqual(imageBytes(sum), imageBytes(whole), 'to the byte, in whatever order');
    assert.notDeepEqual(simulate({ ...model, randomSeed: 2 }).polls, whole.polls);
  });

  it('counts every byte of images, broken downloads too, whatever the minute', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 500_000 }),
        fc.integer({ min: 1, max: 500_000 }),
        (from, length) => {
          const tally = emptyTally(20 * minute);
          const model = fleetOf({ hosts: 1, duration: 20 * minute });
          assert.equal(model.hosts, 1);
          const { imageEdges } = tally;
          assert.equal(imageEdges.length, 20);
          const bytes = 1000;
          countImage(tally, from, from + length, bytes);
          assert.equal(total(imageBytes(tally)), bytes);
        },
      ),
    );
    const download = { bytes: 1000, requests: 1, bandwidth: 8000, startWithin: 0, failureRate: 0.5 };
    const model = fleetOf({ publications: [{ at: start, manifest: manifestOf('1.1.0') }], download });
    const tally = simulate(model);
    close(total(tally.downloads), 2 * model.hosts, 0.05);
    // Half of the tries break, in the middle on average: one and a half images for each host.
    close(total(imageBytes(tally)), 1500 * model.hosts, 0.05);
  });

  it('reverts what does not boot, once, and goes on to a release that does', () => {
    const boot = { duration: minute, revertRate: 0.3 };
    const bad = fleetOf({ boot, publications: [{ at: start, manifest: manifestOf('1.1.0') }] });
    const first = forecastOf(bad, simulate(bad));
    close(first.reverted, 0.3, 0.05);
    close(first.updated, 0.7, 0.05);
    assert.deepEqual(first.reached.at(-1), { share: 1, time: undefined, expected: undefined });
    assert.equal(first.deviation, undefined);
    const publications = [...bad.publications, { at: start + 2 * day, manifest: manifestOf('1.2.0') }];
    const second = simulate(fleetOf({ boot, publications }));
    close(total(second.updated), (0.7 + 0.7) * bad.hosts, 0.05);
  });

  it('stops where a withdrawal reaches the hosts, and calls back where a lower version is the highest', () => {
    const first = { at: start, manifest: manifestOf('1.1.0', 'default') };
    const share = (manifest: Manifest): number => {
      const model = fleetOf({ publications: [first, { at: start + 2 * day, manifest }] });
      assert.equal(expectedRollout(model), undefined);
      return forecastOf(model, simulate(model)).updated;
    };
    const stopped = share(emptyManifest);
    assert.ok(stopped > 0.12 && stopped < 0.15, `${stopped} updated`);
    close(share(manifestOf('1.0.0')), 2 * stopped, 0.05);
  });

  it('moves groups apart: other versions, a lock, another variant', () => {
    const groups = [
      { share: 0.5, host },
      { share: 0.25, host: { ...host, versionLock: '1.0.0' } },
      { share: 0.25, host: { ...host, variant: 'other' } },
    ];
    const model = fleetOf({ groups });
    const { updated, deviation } = forecastOf(model, simulate(model));
    close(updated, 0.5, 0.02);
    assert.ok((deviation ?? 1) < 0.03);
  });

  it('spreads the load of hosts that come back after an outage (NET-18)', () => {
    const from = start + hour;
    const outages = [{ from, until: from + 12 * hour }];
    const model = fleetOf({ duration: day, publications: quiet, outages });
    const { polls, unanswered } = simulate(model);
    const end = (from + 12 * hour - start) / second;
    const after = greatest(polls.subarray(end));
    assert.ok(total(unanswered) > model.hosts);
    assert.ok(after < busySecond(meanPolls(model)) * 8, `${after} polls in one second`);
  });

  it('draws numbers evenly', () => {
    const buckets = new Uint32Array(64);
    let sum = 0;
    let squares = 0;
    for (let index = 0; index < 64_000; index += 1) {
      const draw = uniform(streamOf(1, index), 3);
      buckets[Math.floor(draw * 64)] = (buckets[Math.floor(draw * 64)] ?? 0) + 1;
      const deviate = normal(streamOf(2, index), 5);
      sum += deviate;
      squares += deviate * deviate;
    }
    for (const bucket of buckets) assert.ok(Math.abs(bucket - 1000) < 160, String(bucket));
    assert.ok(Math.abs(sum / 64_000) < 0.02);
    close(squares / 64_000, 1, 0.03);
  });

  const wrong: readonly [string, Parameters<typeof fleetOf>[0]][] = [
    ['hosts', { hosts: 0 }],
    ['duration: found 61 days', { duration: 61 * day }],
    ['duration', { duration: 0 }],
    ['cache time', { cacheTime: 2 * day }],
    ['cache time', { caches: { count: 1, absentTime: -1 } }],
    ['caches', { caches: { count: 0, absentTime: 0 } }],
    ['caches', { caches: { count: 1.5, absentTime: 0 } }],
    ['time between signatures', { signing: { validity: day, every: 0 } }],
    ['poll interval', { polling: { ...fleetOf().polling, interval: 10 } }],
    ['jitter', { polling: { ...fleetOf().polling, jitter: -1 } }],
    ['bandwidth', { download: { ...fleetOf().download, bandwidth: 0 } }],
    ['image size', { download: { ...fleetOf().download, bytes: -1 } }],
    ['failure rate', { download: { ...fleetOf().download, failureRate: 1 } }],
    ['revert rate', { boot: { duration: 0, revertRate: 2 } }],
    ['shares of the groups', { groups: [{ share: 0.4, host }] }],
    ['publications', { publications: [...quiet, ...quiet] }],
  ];
  for (const [what, changes] of wrong) {
    it(`refuses a model that cannot be: ${what}`, () => {
      assert.throws(
        () => simulate(fleetOf(changes)),
        (error: { code: string; message: string }) => {
          assert.equal(error.code, 'usage');
          assert.match(error.message, new RegExp(what));
          return true;
        },
      );
    });
  }
});
