import assert from 'node:assert/strict';
import { emptyManifest } from '../../../src/waves/releases.ts';
import { busySecond, meanPolls, originRate, originRates } from '../../../src/waves/simulation/closed-form.ts';
import { costOf, listPrices, monthlyCost } from '../../../src/waves/simulation/cost.ts';
import { type FleetModel, refreshOf } from '../../../src/waves/simulation/fleet-model.ts';
import { forecastOf } from '../../../src/waves/simulation/forecast.ts';
import { loadOfHosts, loadOfOrigin, summaryOf } from '../../../src/waves/simulation/load.ts';
import { expectedMonth, monthWith } from '../../../src/waves/simulation/month.ts';
import { behindCaches, behindCachesSince } from '../../../src/waves/simulation/origin.ts';
import { simulate } from '../../../src/waves/simulation/rollout.ts';
import { day, fleetOf, hour, manifestOf, start, total } from './fleet.ts';

const quiet = [{ at: start, manifest: manifestOf('1.0.0') }];
const open = [{ at: start, manifest: manifestOf('1.1.0') }];

function close(found: number, expected: number, share: number): void {
  assert.ok(
    Math.abs(found - expected) <= share * expected,
    `found ${found}, expected ${expected} ± ${share * 100} %`,
  );
}

const forecast = (model: FleetModel) =>
  forecastOf(model, simulate(model), { rowLength: hour, prices: listPrices });

describe('waves/simulation: what is asked', () => {
  it('counts every request of a host: polls, what is new, the look before a download, each image', () => {
    const download = { ...fleetOf().download, requests: 3 };
    const model = fleetOf({ hosts: 500, duration: 2 * day, publications: open, download });
    const tally = simulate(model);
    const { requests, bytes } = summaryOf(loadOfHosts(model, tally));
    assert.equal(total(tally.informed), 500);
    assert.equal(total(tally.updated), 500);
    const polls = total(tally.polls);
    close(polls, 500 * (8 + 1), 0.01);
    assert.equal(requests, polls * 2 + 500 * 3 + 500 * 3);
    assert.equal(bytes, polls * 1943 + 500 * 62_898 + 500 * 165_000_000);
    assert.deepEqual(refreshOf(model), { requests: 2, bytes: 1943 });
  });

  it('lets caches ask for every file of a release once, and again for the next one', () => {
    const still = { caches: { count: 7, absentTime: day }, cacheTime: day };
    const first = fleetOf({ ...still, duration: day, publications: open });
    const asked = summaryOf(loadOfOrigin(first, simulate(first)));
    // A timestamp, an absence, three files of metadata and an image.
    assert.equal(asked.requests, 7 * 6);
    assert.equal(asked.bytes, 7 * (1943 + 62_898 + 165_000_000));
    const second = { at: start + 4 * hour, manifest: manifestOf('1.2.0') };
    const then = fleetOf({ ...still, duration: day, cacheTime: 0, publications: [...open, second] });
    const tally = simulate(then);
    const { requests, bytes } = summaryOf(loadOfOrigin(then, tally));
    assert.equal(requests, total(tally.polls) + 7 + 2 * 7 * 4, 'nothing keeps the timestamp here');
    assert.equal(bytes, total(tally.polls) * 1143 + 7 * 800 + 2 * 7 * 165_062_898);
    // A withdrawal brings metadata, and no image.
    const withdrawn = { at: start + 20 * hour, manifest: emptyManifest };
    const seen = fleetOf({
      ...still,
      duration: 3 * day,
      cacheTime: hour,
      publications: [...open, withdrawn],
    });
    assert.equal(
      summaryOf(loadOfOrigin(seen, simulate(seen))).bytes,
      // Timestamps aside.
      7 * (3 * 800 + 2 * 62_898 + 165_000_000) + 1143 * timestampsAt(seen),
    );
  });

  it('lets caches keep an image when the list is signed anew around it', () => {
    const again = { at: start + 3 * hour, manifest: manifestOf('1.1.0', 'emergency') };
    const first = { at: start, manifest: manifestOf('1.1.0', 'emergency') };
    const still = { caches: { count: 7, absentTime: day }, cacheTime: 0 };
    const model = fleetOf({ ...still, duration: day, publications: [first, again] });
    const tally = simulate(model);
    assert.ok(total(tally.downloads.subarray(3 * 3600)) > 1000);
    const { bytes } = summaryOf(loadOfOrigin(model, tally));
    assert.equal(bytes, total(tally.polls) * 1143 + 7 * (800 + 2 * 62_898 + 165_000_000));
  });

  function timestampsAt(model: FleetModel): number {
    const kept = {
      count: model.caches.count,
      seconds: model.cacheTime / 1000,
      randomSeed: model.randomSeed + 1,
    };
    return total(behindCaches(simulate(model).polls, kept));
  }

  it('V6: the origin is asked as often as the formula says, at most E / tau for each file', () => {
    for (const [hosts, count] of [
      [2000, 13],
      [20_000, 13],
      [60_000, 1],
    ] as const) {
      const model = fleetOf({
        hosts,
        duration: day,
        publications: quiet,
        caches: { count, absentTime: 10_000 },
      });
      const { requestsPerSecond, peakRequestsPerSecond } = summaryOf(loadOfOrigin(model, simulate(model)));
      const { timestamps, absences } = originRates(model, meanPolls(model));
      close(requestsPerSecond, timestamps + absences, 0.05);
      const bound = originRate(meanPolls(model), count, 60_000) + originRate(meanPolls(model), count, 10_000);
      assert.ok(requestsPerSecond <= bound && timestamps + absences <= bound);
      // Each cache once for each file in a second, the three of a first release too.
      assert.ok(peakRequestsPerSecond <= count * 5, String(peakRequestsPerSecond));
    }
  });

  it('answers nothing twice within the time of a copy, and everything with none', () => {
    const arrivals = new Uint32Array(100).fill(5);
    assert.equal(behindCaches(arrivals, { count: 3, seconds: 0, randomSeed: 1 }), arrivals);
    assert.equal(total(behindCaches(arrivals, { count: 1, seconds: 10, randomSeed: 1 })), 10);
    assert.equal(total(behindCaches(arrivals, { count: 1, seconds: 1, randomSeed: 1 })), 100);
    const since = behindCachesSince(arrivals, [0, 30, 60], { count: 1, randomSeed: 1 });
    assert.deepEqual(
      Array.from(since.entries()).filter(([, count]) => count > 0),
      [
        [0, 1],
        [30, 1],
        [60, 1],
      ],
    );
  });

  it('shows tries that nobody answers to the origin no more often than caches ask again', () => {
    const outages = [{ from: start, until: start + day }];
    const model = fleetOf({ duration: day, publications: quiet, outages });
    const tally = simulate(model);
    const [hosts, origin] = [loadOfHosts, loadOfOrigin].map((load) => summaryOf(load(model, tally)));
    assert.equal(hosts?.requests, total(tally.unanswered));
    assert.equal(hosts?.bytes, 0);
    const most = originRate(total(tally.unanswered) / 86_400, 13, 10_000);
    assert.ok(Number(origin?.requestsPerSecond) <= most && Number(origin?.requestsPerSecond) > most / 3);
  });
});

describe('waves/simulation: the closed form beside a run', () => {
  const model = fleetOf({ hosts: 40_000 });
  const run = forecast(model);

  it('of requests and egress, row by row and in all', () => {
    const { rows, hosts, origin, formula } = run;
    close(hosts.requestsPerSecond, formula.requestsPerSecond ?? 0, 0.01);
    close(hosts.bytes, formula.bytes ?? 0, 0.001);
    close(hosts.bitsPerSecond, formula.bitsPerSecond ?? 0, 0.001);
    close(origin.requestsPerSecond, formula.originRequestsPerSecond ?? 0, 0.05);
    close(origin.bytes, formula.originBytes ?? 0, 0.01);
    // The publication reaches jittered polls a little later than the formula's.
    for (const row of rows.slice(8)) {
      const { requestsPerSecond = 0, bitsPerSecond = 0 } = row.expected ?? {};
      close(row.hosts.requestsPerSecond, requestsPerSecond, 0.03);
      // Three deviations of the images of an hour.
      const images = (bitsPerSecond * 3600) / 8 / 165e6;
      if (images > 50) close(row.hosts.bitsPerSecond, bitsPerSecond, 0.02 + 4 / Math.sqrt(images));
    }
  });

  it('of a small fleet, of which the looks before the downloads are many', () => {
    const publications = [{ at: start, manifest: manifestOf('1.1.0', 'emergency') }];
    const { origin, formula, cost } = forecast(fleetOf({ hosts: 3000, duration: day, publications }));
    close(origin.requestsPerSecond, formula.originRequestsPerSecond ?? 0, 0.04);
    close(cost.found.origin, cost.expected.origin, 0.02);
  });

  it('of slow downloads, slow boots and caches that keep long', () => {
    const boot = { duration: 2 * hour, revertRate: 0 };
    const download = { ...fleetOf().download, bandwidth: 100_000 };
    const exact = { ...fleetOf().polling, jitter: 0 };
    const slow = forecast(fleetOf({ duration: day, publications: open, boot, download, polling: exact }));
    assert.ok((slow.deviation ?? 1) < 0.015, `${slow.deviation}`);
    const early = fleetOf({ duration: 3 * hour, cacheTime: 2 * hour, publications: open, download });
    // A third of the hosts polls after its cache has let go.
    close(total(simulate(early).informed), early.hosts / 3, 0.05);
    const bare = { ...download, bytes: 0 };
    const { hosts, formula } = forecast({ ...early, download: bare });
    close(hosts.bytes, formula.bytes ?? 0, 0.03);
  });

  it('of peaks and of the end', () => {
    const { hosts, formula, reached } = run;
    const seconds = model.duration / 1000;
    const polls = meanPolls(model);
    assert.equal(formula.polls, polls);
    close(formula.originLimit, 13 / 60 + 13 / 10, 1e-9);
    close(formula.peakRequestsPerSecond ?? 0, 5 * busySecond(polls), 0.02);
    // What one second in a thousand reaches, some second of half a million surpasses.
    assert.ok(hosts.peakRequestsPerSecond >= (formula.peakRequestsPerSecond ?? seconds));
    assert.ok(hosts.peakRequestsPerSecond <= 5 * (polls + 5 * Math.sqrt(polls) + 5));
    const fullest = hosts.peakBitsPerSecond / (formula.peakBitsPerSecond ?? 0);
    assert.ok(fullest > 0.95 && fullest < 1.3, String(fullest));
    for (const { time = 0, expected = Number.POSITIVE_INFINITY } of reached) {
      close(time - start, expected - start, 0.05);
    }
  });

  it('of fleets that poll in step, and of outages', () => {
    const phase = { kind: 'synchronised', clockError: 10_000 } as const;
    const inStep = fleetOf({
      polling: { interval: hour, jitter: 0, phase },
      publications: open,
      duration: day,
    });
    const { formula, hosts } = forecast(inStep);
    assert.equal(formula.requestsPerSecond, undefined);
    close(formula.peakRequestsPerSecond ?? 0, (20_000 * 5) / (10 * Math.sqrt(2 * Math.PI)), 0.001);
    close(hosts.peakRequestsPerSecond, formula.peakRequestsPerSecond ?? 0, 0.25);
    const exact = { interval: hour, jitter: 0, phase: { ...phase, clockError: 0 } };
    const atOnce = forecast(fleetOf({ polling: exact, publications: open, duration: day }));
    assert.equal(atOnce.formula.peakRequestsPerSecond, 100_000);
    close(atOnce.hosts.peakRequestsPerSecond, 100_000, 0.001);
    assert.equal(formula.triesPerSecond, undefined);
    const outages = [{ from: start, until: start + hour }];
    const out = forecast(fleetOf({ duration: day, outages }));
    close(out.formula.triesPerSecond ?? 0, 20_000 / 2700, 0.001);
    assert.equal(out.formula.bytes, undefined);
  });

  it('of the cost of a month, with this run in it', () => {
    const { found, expected } = run.cost;
    close(found.cached, expected.cached, 0.01);
    close(found.bare, expected.bare, 0.01);
    close(found.origin, expected.origin, 0.05);
    const { hosts, origin } = expectedMonth(model, 2);
    const once = expectedMonth(model, 1);
    assert.equal(hosts.requests - once.hosts.requests, model.hosts * (2 + 3 + 1));
    const uncached = { ...model, cacheTime: 0, caches: { count: 13, absentTime: 0 } };
    const [bare, quiet] = [1, 0].map((updates) => expectedMonth(uncached, updates).origin.requests);
    close((bare ?? 0) - (quiet ?? 0), model.hosts * 2 + 13 * 4, 1e-6);
    const few = { ...uncached, hosts: 5 };
    const [one, none] = [1, 0].map((updates) => expectedMonth(few, updates).origin.bytes);
    close((one ?? 0) - (none ?? 0), 5 * (165_062_898 + 1943), 1e-6);
    const cost = monthlyCost(hosts, origin, listPrices);
    assert.equal(cost.origin, costOf(origin, listPrices.origin));
    assert.equal(cost.cached, costOf(hosts, listPrices.edge) + cost.origin);
    assert.equal(cost.bare, costOf(hosts, listPrices.origin));
    const load = { requests: 100, bytes: 1000 };
    const rest = monthWith(load, { requests: 1e-6, bytes: 0 }, 10.4 * day);
    assert.ok(Math.abs(rest.requests - (100 + 20 * 86.4)) < 1e-6);
    close(monthWith(load, load, 60.8 * day).bytes, 500, 1e-9);
  });
});
