import assert from 'node:assert/strict';
import fc from 'fast-check';
import { choose } from '../../src/waves/choose.ts';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import type { Manifest, Release } from '../../src/waves/release.ts';
import { addRelease, emptyManifest, setBarrier, setMaxVersion, setWaves } from '../../src/waves/releases.ts';
import {
  accelerateRelease,
  isPausedForAll,
  pauseRelease,
  resumeRelease,
  withdrawRelease,
} from '../../src/waves/steering.ts';
import { completeAt, openPlaces, turnOf } from '../../src/waves/turn.ts';
import { opensAt, type Spread } from '../../src/waves/wave.ts';
import { parseWavePolicy, scheduleOf, type WavePolicy } from '../../src/waves/wave-policy.ts';
import { policies, readiness, releaseStart, waveTable } from './wave-vectors.ts';

const start = Date.parse(releaseStart);
const hour = 3_600_000;
const id = { variant: 'demo', arch: 'x86_64', version: '1.2.0' };
const images = { boot: 'b', root: 'r', hash: 'h' };
const names = Object.keys(policies) as (keyof typeof policies)[];
const seeds = [0, 1, 19, 20, 21, 101, 102, 103, 500, 819, 820, 1228, 1500, 1843, 1844, 2047, 2048];

function rollout(
  spread: Spread,
  name: keyof typeof policies = 'default',
  more: Partial<Release> = {},
): Manifest {
  const release = { ...id, images, waves: waveTable(releaseStart, policies[name]), spread, ...more };
  return addRelease(emptyManifest, release);
}

function only(manifest: Manifest): Release {
  const [release] = manifest.updates;
  assert.ok(release !== undefined && manifest.updates.length === 1);
  return release;
}

/** What updog does with a manifest: the waves alone, by its own arithmetic. */
function openForUpdog(manifest: Manifest, seed: number, now: number): boolean {
  const { waves } = only(parseManifest(formatManifest(manifest)));
  const moment = opensAt(waves, seed, 'shipped');
  return moment === 'always' || moment <= now;
}

function openFor(manifest: Manifest, seed: number, now: number, labels: readonly string[] = []): boolean {
  const host = { variant: 'demo', arch: 'x86_64', version: '1.0.0', seed, labels };
  return choose(parseManifest(formatManifest(manifest)), host, now).kind === 'update';
}

const moments = fc.integer({ min: -10, max: 400 * 60 }).map((minutes) => start + minutes * 60_000);
const someSpread = fc.constantFrom<Spread>('linear', 'shipped');
const someName = fc.constantFrom(...names);

describe('steering a release', () => {
  for (const spread of ['linear', 'shipped'] as const) {
    it(`a pause at the times of the 44 vectors holds exactly who is not open, ${spread}`, () => {
      for (const [seed, text, shipped, linear] of readiness) {
        const now = Date.parse(text);
        const manifest = rollout(spread);
        const wasOpen = spread === 'shipped' ? shipped : linear;
        if (completeAt(only(manifest)) !== 'always' && Number(completeAt(only(manifest))) <= now) continue;
        const paused = pauseRelease(manifest, id, { at: now });
        const later = now + 300 * 24 * hour;
        const open = spread === 'linear' && seed === 0 ? now >= start + hour : wasOpen;
        assert.equal(openFor(paused, seed, now), open, `${seed} at ${text}`);
        assert.equal(openFor(paused, seed, later), open, `${seed} a year after ${text}`);
        if (spread === 'shipped')
          assert.equal(openForUpdog(paused, seed, later), wasOpen, `updog, ${seed} ${text}`);
      }
    });
  }

  it('while a release is paused, no seed opens and none closes, for updog too', () => {
    fc.assert(
      fc.property(someSpread, someName, moments, moments, (spread, name, at, later) => {
        const manifest = rollout(spread, name);
        if (openPlaces(only(manifest), at) === 2048) return;
        const whole = Math.floor(at / 1000) * 1000;
        const paused = pauseRelease(manifest, id, { at });
        const now = Math.max(at, later);
        for (const seed of seeds) {
          const before = turnOf(only(manifest), { seed });
          const open = before === 'always' || before <= whole;
          assert.equal(openFor(paused, seed, now), open, `${seed}`);
          if (spread === 'shipped') assert.equal(openForUpdog(paused, seed, now), open, `updog ${seed}`);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('when it is resumed, every seed opens later by the pause, to the millisecond', () => {
    fc.assert(
      fc.property(
        someSpread,
        someName,
        moments,
        fc.integer({ min: 0, max: 5000 }),
        (spread, name, at, minutes) => {
          const manifest = rollout(spread, name);
          if (openPlaces(only(manifest), at) === 2048) return;
          const paused = pauseRelease(manifest, id, { at });
          const resumed = only(resumeRelease(paused, id, Math.floor(at / 1000) * 1000 + minutes * 60_000));
          assert.equal(resumed.pause, undefined);
          for (const seed of seeds) {
            const [before, after] = [turnOf(only(manifest), { seed }), turnOf(resumed, { seed })];
            assert.equal(after, before === 'always' ? before : before + minutes * 60_000);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('a pause keeps end and groups, and holds the groups that wait', () => {
    const groups = [
      { labels: ['canary'], opens: start },
      { labels: ['last'], opens: start + 200 * hour },
    ];
    const manifest = rollout('linear', 'default', { groups, lastWaveEnds: start + 168 * hour });
    const paused = pauseRelease(manifest, id, { at: start + hour / 2 });
    assert.ok(openFor(paused, 2000, start + 500 * hour, ['x', 'canary']));
    assert.ok(!openFor(paused, 0, start + 500 * hour, ['last']));
    assert.ok(!openFor(paused, 0, start + 500 * hour));
    const host = { variant: 'demo', arch: 'x86_64', version: '1.0.0', seed: 7 };
    const choice = choose(paused, host, start + 2 * hour);
    assert.deepEqual(
      [choice.kind, 'reason' in choice && choice.reason, 'changesAt' in choice],
      ['none', 'paused', false],
    );
    assert.ok(choose(paused, { ...host, ignoreWaves: true }, start).kind === 'update');
    const resumed = only(resumeRelease(paused, id, start + 10.5 * hour));
    assert.deepEqual(
      resumed.groups?.map(({ opens }) => opens),
      [start + 10 * hour, start + 210 * hour],
    );
    assert.equal(resumed.lastWaveEnds, start + 178 * hour);
    // What the pause did to groups that are open is undone by the move: they are open when it is resumed.
    assert.ok(openFor(resumeRelease(paused, id, start + 10.5 * hour), 5, start + 10.5 * hour, ['canary']));
    const everyone = pauseRelease(manifest, id, { at: start + 30 * hour, everyone: true });
    assert.ok(!openFor(everyone, 3, start + 100 * hour));
    assert.ok(!openFor(everyone, 3, start + 100 * hour, ['canary']));
    assert.ok(!openForUpdog(everyone, 3, start + 100 * hour));
  });

  it('closes a pause under way for everyone, and resumes the plan that the pause found', () => {
    const groups = [{ labels: ['canary'], opens: start }];
    const manifest = rollout('linear', 'default', { groups });
    const paused = pauseRelease(manifest, id, { at: start + 36 * hour });
    assert.ok(
      openFor(paused, 150, start + 40 * hour) && openFor(paused, 2000, start + 40 * hour, ['canary']),
    );
    assert.ok(!isPausedForAll(only(manifest)) && !isPausedForAll(only(paused)));
    const closed = pauseRelease(paused, id, { at: start + 40 * hour, everyone: true });
    assert.deepEqual(only(closed).pause, only(paused).pause);
    assert.ok(isPausedForAll(only(closed)));
    for (const labels of [[], ['canary']])
      for (const seed of seeds) assert.ok(!openFor(closed, seed, start + 400 * hour, labels), `${seed}`);
    for (const seed of [1, 150, 2047]) assert.ok(!openForUpdog(closed, seed, start + 400 * hour), `${seed}`);
    const refused = { code: 'release-invalid', message: /found it paused since 2030-01-02T12:00:00Z/ };
    assert.throws(() => pauseRelease(closed, id, { at: start + 41 * hour, everyone: true }), refused);
    const [first, again] = [paused, closed].map((one) => only(resumeRelease(one, id, start + 60 * hour)));
    assert.deepEqual(again, first);
    const early = pauseRelease(rollout('linear'), id, { at: start });
    assert.ok(isPausedForAll(only(early)), 'nobody was open');
    const group = [{ labels: ['canary'], opens: start - hour }];
    assert.ok(
      !isPausedForAll(only(pauseRelease(rollout('linear', 'default', { groups: group }), id, { at: start }))),
    );
  });

  it('holds a group that comes after the last wave, and counts it', () => {
    const opens = start + 400 * hour;
    const manifest = rollout('linear', 'default', { groups: [{ labels: ['last'], opens }] });
    assert.equal(completeAt(only(manifest)), opens);
    const at = start + 300 * hour;
    assert.equal(openPlaces(only(manifest), at), 2048);
    const paused = pauseRelease(manifest, id, { at });
    assert.ok(openFor(paused, 2047, at) && !openFor(paused, 5, start + 9000 * hour, ['last']));
    const resumed = resumeRelease(paused, id, at + 10 * hour);
    assert.equal(completeAt(only(resumed)), opens + 10 * hour);
    assert.ok(openFor(resumed, 2047, at + 10 * hour));
    const sooner = accelerateRelease(manifest, id, { at, factor: 2 });
    assert.equal(completeAt(only(sooner)), at + 50 * hour);
    assert.throws(() => pauseRelease(manifest, id, { at: opens }), { code: 'release-invalid' });
    // Waves that no clock decides, of another tool, and a group.
    const free = { waves: new Map<number, number>(), groups: [{ labels: ['last'], opens }] };
    assert.equal(completeAt(free), opens);
  });

  it('knows the very moment: of a group, of the end, of the clock of whoever resumes', () => {
    const groups = [{ labels: ['canary'], opens: start }];
    const manifest = rollout('linear', 'default', { groups });
    const paused = pauseRelease(manifest, id, { at: start });
    assert.ok(openFor(paused, 5, start, ['canary']), 'open at the second at which it is paused');
    assert.deepEqual(
      only(resumeRelease(paused, id, start - hour)).waves,
      only(manifest).waves,
      'a clock that is behind moves nothing back',
    );
    const end = Number(completeAt(only(manifest)));
    assert.throws(() => accelerateRelease(manifest, id, { at: end, factor: 2 }), { code: 'release-invalid' });
    assert.equal(only(accelerateRelease(manifest, id, { at: end - 1, factor: 2 })).pause, undefined);
    assert.throws(() => accelerateRelease(manifest, id, { at: start, factor: 1001 }), /up to 1000/);
    const slow = only(rollout('linear'));
    const policy = {
      waves: [
        { startAfter: 0, fleetPercentage: 50 },
        { startAfter: 20 * hour, fleetPercentage: 100 },
      ],
    };
    const entered = only(accelerateRelease(rollout('linear'), id, { at: start + 36 * hour, policy }));
    assert.equal(
      openPlaces(entered, start + 36 * hour),
      openPlaces(slow, start + 36 * hour),
      'no place more',
    );
    // Waves that would fall into one second stay apart, and nobody who is open closes.
    const minutes = new Map([0, 100, 200, 300].map((seed, index) => [seed, start + index * 60_000]));
    const near = only(
      accelerateRelease(rollout('linear', 'default', { waves: minutes }), id, { at: start, factor: 1000 }),
    );
    const times = [...near.waves.values()];
    assert.deepEqual(
      times.map((time) => time - start),
      [-3000, -2000, -1000, 0],
    );
    // A policy by which the last host comes at the same moment.
    const waves = [{ startAfter: 0, fleetPercentage: 100 }];
    const later = rollout('linear', 'default', { waves: new Map([[0, start + hour]]) });
    const same = { waves: [{ startAfter: hour, fleetPercentage: 100 }] };
    assert.deepEqual(
      only(accelerateRelease(later, id, { at: start, policy: same })).waves,
      only(later).waves,
    );
    assert.ok(openFor(accelerateRelease(later, id, { at: start, policy: { waves } }), 2047, start));
  });

  it('pauses before the first wave, and waves of another tool that begin above seed 0', () => {
    const early = pauseRelease(rollout('linear'), id, { at: start });
    assert.deepEqual([...only(early).waves.keys()], [0]);
    assert.ok(!openFor(early, 0, start + 100 * hour));
    const foreign = {
      ...emptyManifest,
      updates: [{ ...id, maxVersion: '1.2.0', images, waves: new Map([[100, start + hour]]) }],
    };
    const paused = pauseRelease(foreign, id, { at: start });
    assert.ok(openForUpdog(paused, 100, start) && !openForUpdog(paused, 101, start + 100 * hour));
    assert.equal(only(paused).spread, 'shipped');
  });

  it('refuses to pause what is paused, open to all or without waves, and to resume what runs', () => {
    const refused = { code: 'release-invalid' };
    const manifest = rollout('linear');
    const paused = pauseRelease(manifest, id, { at: start });
    assert.throws(() => pauseRelease(paused, id, { at: start }), refused);
    assert.throws(() => pauseRelease(manifest, id, { at: start + 1000 * hour }), refused);
    assert.throws(
      () => pauseRelease(rollout('linear', 'default', { waves: new Map() }), id, { at: start }),
      refused,
    );
    assert.throws(() => resumeRelease(manifest, id, start), refused);
    assert.throws(() => resumeRelease(manifest, { ...id, version: '9.0.0' }, start), refused);
    assert.throws(() => accelerateRelease(paused, id, { at: start, factor: 2 }), refused);
    assert.ok(
      openPlaces(
        only(pauseRelease(manifest, id, { at: start + 1000 * hour, everyone: true })),
        start + 2000 * hour,
      ) === 0,
    );
  });

  it('accelerates by a factor: nothing open closes, and the rest comes so much sooner', () => {
    const factors = fc.double({ min: 1.01, max: 50, noNaN: true });
    fc.assert(
      fc.property(someSpread, someName, moments, factors, (spread, name, at, factor) => {
        const manifest = rollout(spread, name);
        const before = only(manifest);
        if (openPlaces(before, at) === 2048) return;
        const after = only(accelerateRelease(manifest, id, { at, factor }));
        assert.ok(openPlaces(after, at) >= openPlaces(before, at), 'none closes');
        for (const seed of seeds) {
          const [was, is] = [turnOf(before, { seed }), turnOf(after, { seed })];
          if (was === 'always' || is === 'always' || was <= at) continue;
          assert.ok(is <= was, `seed ${seed} comes later`);
          assert.ok(
            Math.abs(is - at - (was - at) / factor) <= 15_000,
            `seed ${seed}: ${is - at} of ${was - at}`,
          );
        }
      }),
      { numRuns: 100 },
    );
  });

  it('accelerates to a policy, entered where as many seeds are open', () => {
    const rows = (table: Readonly<Record<number, number>>): WavePolicy => {
      const entries = Object.entries(table);
      const share = (index: number): number =>
        Math.round((Number(entries[index + 1]?.[0] ?? 2048) * 100) / 2048);
      return {
        waves: entries.map(([, hours], index) => ({
          startAfter: hours * hour,
          fleetPercentage: share(index),
        })),
      };
    };
    fc.assert(
      fc.property(someSpread, moments, fc.constantFrom('accelerated', 'emergency'), (spread, at, name) => {
        const manifest = rollout(spread);
        const before = only(manifest);
        if (openPlaces(before, at) === 2048) return;
        const policy = rows(policies[name as 'accelerated']);
        const accelerate = (): Manifest => accelerateRelease(manifest, id, { at, policy });
        if (Number(completeAt(before)) - at < 24 * hour) return;
        const after = only(accelerate());
        assert.ok(openPlaces(after, at) >= openPlaces(before, at), 'none closes');
        assert.ok(Number(completeAt(after)) <= at + 25 * hour);
        assert.equal(after.spread, spread);
      }),
      { numRuns: 60 },
    );
  });

  it('enters a policy with groups, keeps open groups open, and refuses a slower one', () => {
    const policy = parseWavePolicy(
      'last_wave_lasts = "1 hour"\n[[groups]]\nlabels = ["rack-7"]\nstart_after = "1 hour"\n[[waves]]\nstart_after = "2 hours"\nfleet_percentage = 100',
      'fast.toml',
    );
    const groups = [
      { labels: ['canary'], opens: start },
      { labels: ['last'], opens: start + 200 * hour },
    ];
    const manifest = rollout('linear', 'default', { groups });
    const after = only(accelerateRelease(manifest, id, { at: start, policy }));
    assert.deepEqual(
      after.groups?.map(({ labels }) => labels[0]),
      ['canary', 'rack-7'],
    );
    assert.equal(completeAt(after), start + 3 * hour - Math.floor(hour / 2048));
    const plain = only(
      accelerateRelease(rollout('shipped'), id, { at: start, policy: { waves: policy.waves } }),
    );
    assert.equal(plain.groups, undefined);
    // A policy may say how long its last wave lasts: updog's spread has no word for it.
    const shipped = only(accelerateRelease(rollout('shipped'), id, { at: start, policy }));
    assert.deepEqual([shipped.lastWaveEnds, shipped.spread], [undefined, 'shipped']);
    const slow = { waves: [{ startAfter: 300 * hour, fleetPercentage: 100 }] };
    const refused = { code: 'release-invalid' };
    assert.throws(() => accelerateRelease(manifest, id, { at: start, policy: slow }), refused);
    assert.throws(() => accelerateRelease(manifest, id, { at: start, factor: 1 }), refused);
    assert.throws(() => accelerateRelease(manifest, id, { at: start }), refused);
    assert.throws(() => accelerateRelease(manifest, id, { at: start + 999 * hour, factor: 2 }), refused);
    const open = rollout('linear', 'default', { waves: new Map() });
    assert.throws(() => accelerateRelease(open, id, { at: start, factor: 2 }), refused);
  });

  it('withdraws for good: hosts never see it, even where another tool lists it again', () => {
    const older = addRelease(emptyManifest, { ...id, version: '1.1.0', images, waves: new Map() });
    const manifest = addRelease(older, { ...id, images, waves: new Map() });
    const gone = withdrawRelease(manifest, id, { at: start + 1, reason: 'disks vanish' });
    assert.deepEqual(gone.withdrawn, [{ ...id, at: start, reason: 'disks vanish' }]);
    const again = parseManifest(formatManifest(gone));
    assert.deepEqual(again.withdrawn, gone.withdrawn);
    assert.throws(() => addRelease(again, { ...id, images, waves: new Map() }), {
      code: 'release-invalid',
      message: /withdrawn at 2030-01-01T00:00:00Z \(disks vanish\)/,
    });
    const listed = { ...again, updates: manifest.updates };
    const host = { variant: 'demo', arch: 'x86_64', version: '1.0.0', seed: 5 };
    const choice = choose(listed, host, start);
    assert.equal(choice.kind === 'update' && choice.release.version, '1.1.0');
    const readmitted = addRelease(again, { ...id, images, waves: new Map() }, { readmit: true });
    assert.deepEqual(readmitted.withdrawn, []);
    const staying = choose(gone, { ...host, version: '1.2.0' }, start);
    assert.equal(staying.kind === 'none' && staying.reason, 'current');
    const bare = withdrawRelease(gone, { ...id, version: '1.1.0' }, { at: start });
    assert.equal(bare.withdrawn?.length, 2);
    assert.throws(
      () => addRelease(bare, { ...id, version: '1.1.0', images, waves: new Map() }),
      /withdrawn at [^(]*, expected/,
    );
  });

  it('keeps a barrier that something is above, until it is said to be none', () => {
    const fleet = ['1.1.0', '1.2.0', '1.3.0'].reduce<Manifest>(
      (sum, version) => addRelease(sum, { ...id, version, images, waves: new Map() }),
      emptyManifest,
    );
    const other = { ...id, variant: 'other', version: '9.0.0', images, waves: new Map() };
    const manifest = setBarrier(addRelease(fleet, other), id, true);
    assert.deepEqual(
      parseManifest(formatManifest(manifest)).updates.map(({ barrier }) => barrier),
      [undefined, true, undefined, undefined],
    );
    const refused = {
      code: 'release-invalid',
      message: /found it a barrier below 1\.3\.0, expected nothing/,
    };
    assert.throws(() => withdrawRelease(manifest, id, { at: start }), refused);
    const above = withdrawRelease(manifest, { ...id, version: '1.3.0' }, { at: start });
    assert.equal(withdrawRelease(above, id, { at: start }).updates.length, 2);
    assert.equal(withdrawRelease(setBarrier(manifest, id, false), id, { at: start }).updates.length, 3);
    assert.deepEqual(setBarrier(manifest, id, false), addRelease(fleet, other));
    assert.throws(() => setBarrier(manifest, { ...id, version: '1.9.0' }, true), { code: 'release-invalid' });
    const set = setWaves(manifest, id, { waves: new Map() });
    assert.equal(set.updates[1]?.barrier, true, 'other waves leave it a barrier');
  });

  it('calls hosts back to the highest release that is left, or to one that is named', () => {
    const fleet = (...versions: string[]): Manifest =>
      versions.reduce<Manifest>(
        (sum, version) => addRelease(sum, { ...id, version, images, waves: new Map() }),
        addRelease(emptyManifest, { ...id, arch: 'aarch64', version: '9.0.0', images, waves: new Map() }),
      );
    const manifest = fleet('1.0.0', '1.1.0', '1.2.0');
    const host = { variant: 'demo', arch: 'x86_64', version: '1.2.0', seed: 5 };
    for (const [callBack, expected] of [
      ['highest', '1.1.0'],
      ['1.0.0', '1.0.0'],
    ] as const) {
      const choice = choose(withdrawRelease(manifest, id, { at: start, callBack }), host, start);
      assert.deepEqual(
        [choice.kind === 'update' && choice.downgrade, choice.release?.version],
        [true, expected],
      );
    }
    const refused = { code: 'release-invalid' };
    assert.throws(() => withdrawRelease(manifest, id, { at: start, callBack: '0.9.0' }), refused);
    // 1.2.0 was called back before: nobody goes up to it by this.
    const lowered = setMaxVersion(manifest, id, '1.1.0');
    const middle = { ...id, version: '1.1.0' };
    const lower = withdrawRelease(lowered, middle, { at: start, callBack: 'highest' });
    assert.deepEqual(new Set(lower.updates.slice(1).map(({ maxVersion }) => maxVersion)), new Set(['1.0.0']));
    assert.throws(() => withdrawRelease(lowered, middle, { at: start, callBack: '1.2.0' }), refused);
    assert.throws(() => withdrawRelease(fleet('1.2.0'), id, { at: start, callBack: 'highest' }), refused);
  });

  it('a host may take the lower release while the higher one is paused, and is told of no moment', () => {
    const older = addRelease(emptyManifest, { ...id, version: '1.1.0', images, waves: new Map() });
    const schedule = scheduleOf({ waves: [{ startAfter: hour, fleetPercentage: 100 }] }, start);
    const manifest = pauseRelease(addRelease(older, { ...id, images, ...schedule }), id, { at: start });
    const choice = choose(manifest, { variant: 'demo', arch: 'x86_64', version: '1.0.0', seed: 5 }, start);
    assert.deepEqual([choice.release?.version, choice.changesAt], ['1.1.0', undefined]);
  });
});
