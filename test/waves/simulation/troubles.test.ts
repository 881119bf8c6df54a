import assert from 'node:assert/strict';
import { emptyManifest } from '../../../src/waves/releases.ts';
import type { FleetModel } from '../../../src/waves/simulation/fleet-model.ts';
import { simulate } from '../../../src/waves/simulation/rollout.ts';
import { imageBytes, minute } from '../../../src/waves/simulation/tally.ts';
import { day, fleetOf, hour, manifestOf, start, total } from './fleet.ts';

const open = { at: start, manifest: manifestOf('1.1.0') };
const polling = { interval: hour, jitter: 0, phase: { kind: 'synchronised', clockError: 0 } } as const;

/** All hosts poll on the hour, from the start on. */
function inStep(changes: Partial<FleetModel>): FleetModel {
  const download = { ...fleetOf().download, startWithin: 0, bytes: 6_000_000, bandwidth: 8_000_000 / 60 };
  return fleetOf({
    hosts: 300,
    duration: day,
    cacheTime: 0,
    publications: [open],
    polling,
    download,
    ...changes,
  });
}

describe('waves/simulation: what goes wrong in the middle', () => {
  it('fetches nothing that is taken back while a host waits to begin, and takes what is there then', () => {
    const waiting = { ...inStep({}).download, startWithin: 30 * minute };
    const withdrawn = { at: start + 15 * minute, manifest: emptyManifest };
    const tally = simulate(inStep({ download: waiting, publications: [open, withdrawn] }));
    const begun = total(tally.downloads);
    assert.ok(begun > 120 && begun < 180, `${begun} of 300 began before`);
    assert.equal(total(tally.updated), begun, 'what has begun is finished');
    assert.equal(total(imageBytes(tally)), begun * 6_000_000);
    const next = { at: start + 15 * minute, manifest: manifestOf('1.2.0') };
    const then = simulate(inStep({ download: waiting, publications: [open, next] }));
    // Those who chose the first and find it gone come back on the hour for the second; all others take both.
    assert.equal(total(then.updated), 300 + begun);
  });

  it('breaks downloads where the repository goes away, and begins them again when it is back', () => {
    // Six minutes for each image; the first three of them before the outage.
    const outages = [{ from: start + 3 * minute, until: start + hour }];
    const tally = simulate(inStep({ outages }));
    assert.equal(total(tally.downloads), 600);
    assert.equal(total(tally.updated), 300);
    assert.equal(total(imageBytes(tally)), 300 * (3_000_000 + 6_000_000));
    assert.ok(total(tally.unanswered) > 300);
    const first = tally.updated.findIndex((count) => count > 0);
    assert.ok(first >= 60 + 6, `the first after ${first} minutes`);
    // Nobody comes back: nothing is counted, and the run ends.
    const gone = simulate(inStep({ outages: [{ from: start + 3 * minute, until: start + 9 * day }] }));
    assert.equal(total(gone.updated), 0);
    assert.equal(total(imageBytes(gone)), 300 * 3_000_000);
  });

  it('installs nothing by an expired timestamp, and goes on when it is signed again', () => {
    const signing = { validity: 2 * hour, every: hour, outage: { from: start, until: start + 6 * hour } };
    const waves = { at: start + 2 * hour, manifest: manifestOf('1.1.0') };
    const tally = simulate(inStep({ signing, publications: [{ ...waves, at: start }] }));
    const late = inStep({ signing, publications: [{ at: start, manifest: manifestOf('1.0.0') }, waves] });
    const held = simulate(late);
    assert.equal(total(tally.updated), 300, 'before it expired');
    assert.equal(total(held.updated), 300);
    assert.ok(held.updated.findIndex((count) => count > 0) >= 6 * 60);
    assert.equal(total(held.expired), 300 * 5, 'polls of the hours 1 … 5');
    // Chosen before it expired, begun after it: tried again until it is signed.
    const download = { ...inStep({}).download, startWithin: 4 * hour };
    const caught = simulate(inStep({ signing, download }));
    assert.equal(total(caught.updated), 300);
    assert.ok(total(caught.expired) > 300 * 5);
  });

  it('does not poll while it waits, downloads and boots', () => {
    // Three hours and a half, in which the hosts would have polled three times.
    const download = { ...inStep({}).download, bytes: 3.5 * 60_000_000 };
    const tally = simulate(inStep({ hosts: 10, duration: 8 * hour, download }));
    assert.equal(total(tally.polls), 10 * (1 + 1 + 4));
    assert.equal(total(tally.polls.subarray(1, 4 * 3600)), 0);
  });

  it('tells hosts of a publication when their cache has let go of the timestamp before', () => {
    const often = { ...polling, interval: 10 * minute };
    const model = inStep({ hosts: 3000, duration: 2 * hour, polling: often, cacheTime: hour });
    const { informed } = simulate(model);
    for (let poll = 0; poll < 12; poll += 1) {
      const known = total(informed.subarray(0, poll * 600 + 1)) / 3000;
      assert.ok(Math.abs(known - Math.min(1, poll / 6)) < 0.04, `${known} know at poll ${poll}`);
    }
  });
});
