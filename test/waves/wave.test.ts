import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_SEED } from '../../src/waves/seed.ts';
import { opensAt, opensAtNanoseconds, type Spread, spreads, type Waves } from '../../src/waves/wave.ts';
import { earliest, openSeeds, policies, readiness, releaseStart, waveTable } from './wave-vectors.ts';

const start = Date.parse(releaseStart);

function isOpen(waves: Waves, seed: number, spread: Spread, now: number, lastWaveEnds?: number): boolean {
  const moment = opensAt(waves, seed, spread, lastWaveEnds);
  return moment === 'always' || moment <= now;
}

/** The open seeds of the fleet as a function of time. */
function openCount(waves: Waves, spread: Spread, lastWaveEnds?: number): (now: number) => number {
  const moments = Array.from({ length: MAX_SEED }, (_, seed) => {
    const moment = opensAt(waves, seed, spread, lastWaveEnds);
    return moment === 'always' ? Number.NEGATIVE_INFINITY : moment;
  });
  return (now) => moments.filter((moment) => moment <= now).length;
}

function nanosecondsOf(offset: string): bigint {
  const [hours = '0', minutes = '0', rest = '0'] = offset.split(':');
  const [seconds = '0', fraction = ''] = rest.split('.');
  const whole = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  return whole * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

describe('wave: vectors of Bottlerocket', () => {
  const waves = waveTable(releaseStart, policies.default);

  it('has all 44 readiness vectors', () => {
    assert.equal(readiness.length, 44);
  });

  for (const [seed, now, shipped, linear] of readiness) {
    it(`seed ${seed} at ${now}: shipped ${shipped ? 'ready' : 'not'}`, () => {
      assert.equal(isOpen(waves, seed, 'shipped', Date.parse(now)), shipped);
    });
    it(`seed ${seed} at ${now}: linear ${linear && seed > 0 ? 'ready' : 'not'}`, () => {
      // The one argued exception: in `linear` seed 0 waits for the first wave, see the next block.
      assert.equal(isOpen(waves, seed, 'linear', Date.parse(now)), linear && seed > 0);
    });
  }

  for (const [policy, seed, shipped, linear] of earliest) {
    const table = waveTable(releaseStart, policies[policy]);
    for (const [spread, expected] of [
      ['shipped', shipped],
      ['linear', linear],
    ] as const) {
      if (spread === 'linear' && seed === 0) continue;
      it(`${policy} policy, seed ${seed}, ${spread}: ${expected}`, () => {
        const moment = opensAtNanoseconds(table, seed, spread);
        if (expected === 'always' || moment === 'always') return assert.equal(moment, expected);
        assert.equal(moment - BigInt(start) * 1_000_000n, nanosecondsOf(expected));
        const whole = opensAt(table, seed, spread);
        assert.ok(whole !== 'always');
        assert.ok(BigInt(whole) * 1_000_000n >= moment && BigInt(whole - 1) * 1_000_000n < moment);
      });
    }
  }

  for (const [policy, hours, shipped, linear = shipped] of openSeeds) {
    it(`${policy} policy after ${hours} h: ${shipped} seeds open as shipped, ${linear} as linear`, () => {
      const table = waveTable(releaseStart, policies[policy]);
      const now = start + hours * 3_600_000;
      assert.equal(openCount(table, 'shipped')(now), shipped);
      assert.equal(openCount(table, 'linear')(now), linear);
    });
  }
});

describe('wave: seeds that belong to no wave', () => {
  const first = start + 3_600_000;

  it('opens seed 0 before the first wave in `shipped`, with the first wave in `linear`', () => {
    const waves = waveTable(releaseStart, policies.default);
    assert.equal(opensAt(waves, 0, 'shipped'), 'always');
    assert.equal(opensAt(waves, 0, 'linear'), first);
  });

  it('treats all seeds up to a first key above 0 alike', () => {
    const waves = new Map([
      [100, first + 1],
      [50, first],
    ]);
    for (const seed of [0, 49, 50]) {
      assert.equal(opensAt(waves, seed, 'shipped'), 'always');
      assert.equal(opensAt(waves, seed, 'linear'), first);
    }
    assert.ok(opensAt(waves, 51, 'linear') !== 'always');
  });

  it('opens an empty map for everyone, whatever the spread and the end', () => {
    for (const spread of spreads) {
      for (const seed of [0, 1, 2047, 2048]) {
        assert.equal(opensAt(new Map(), seed, spread), 'always');
        assert.equal(opensAt(new Map(), seed, spread, first), 'always');
      }
    }
  });

  it('MAN-03: keys beyond the fleet open nothing; a seed on a bound belongs to the wave that ends there', () => {
    const beyond = new Map([
      [2_342_352, first],
      [858_993_459, first + 5],
    ]);
    assert.equal(opensAt(beyond, 5, 'shipped'), 'always');
    assert.equal(opensAt(beyond, 5, 'linear'), first);
    const waves = new Map([
      [0, first],
      [1024, first + 1024],
      [2_342_352, first + 9_999],
    ]);
    assert.equal(opensAt(waves, 1024, 'linear'), first + 1024);
    assert.equal(opensAt(waves, 1025, 'linear'), first + 1024);
    assert.equal(opensAt(waves, 2048, 'linear'), first + 1024);
  });

  it('MAN-03: refuses a seed that is negative, fractional or over 2048', () => {
    for (const seed of [-1, 2049, 1.5, Number.NaN]) {
      for (const spread of spreads) {
        assert.throws(() => opensAt(new Map(), seed, spread), { code: 'config-invalid' });
      }
    }
  });
});

describe('wave: scenarios of upstream unit tests', () => {
  const zero = Date.parse('2000-01-01T00:00:00Z');
  const hour = 3_600_000;

  it('opens one seed each millisecond', () => {
    const waves = new Map([
      [0, zero],
      [2048, zero + 2048],
    ]);
    for (const spread of spreads) {
      for (let seed = 100; seed <= 400; seed += 1) {
        assert.ok(isOpen(waves, seed, spread, zero + seed));
        assert.ok(!isOpen(waves, seed, spread, zero + seed - 1));
      }
    }
  });

  it('pins the shipped arithmetic in the middle of a schedule', () => {
    const waves = new Map([
      [0, zero],
      [50, zero + 200],
      [100, zero + 1024],
      [1024, zero + 4096],
    ]);
    for (let offset = 0; offset <= 958; offset += 1) assert.ok(!isOpen(waves, 60, 'shipped', zero + offset));
    assert.ok(isOpen(waves, 60, 'shipped', zero + 1160));
    assert.equal(opensAt(waves, 60, 'shipped'), zero + 1024);
    assert.equal(opensAtNanoseconds(waves, 60, 'linear'), BigInt(zero) * 1_000_000n + 364_800_000n);
    for (let offset = 0; offset < 1024; offset += 1) assert.ok(!isOpen(waves, 148, 'shipped', zero + offset));
    assert.ok(isOpen(waves, 148, 'shipped', zero + 1668));
    assert.equal(opensAt(waves, 148, 'shipped'), zero + 1517);
    assert.equal(opensAt(waves, 148, 'linear'), zero + 1184);
  });

  it('opens everything once the last wave has begun', () => {
    const waves = new Map([
      [0, zero - 3 * hour],
      [256, zero - 2 * hour],
      [512, zero - hour],
    ]);
    for (const spread of spreads) assert.ok(isOpen(waves, 1024, spread, zero));
    for (const spread of spreads)
      assert.ok(
        isOpen(
          new Map([
            [0, 0],
            [2047, 0],
          ]),
          2000,
          spread,
          zero,
        ),
      );
  });

  it('takes two waves at one time', () => {
    const waves = new Map([
      [0, zero],
      [1024, zero + hour],
      [2048, zero + hour],
    ]);
    for (const spread of spreads) {
      assert.ok(isOpen(waves, 0, spread, zero));
      assert.ok(!isOpen(waves, 2000, spread, zero));
      assert.equal(opensAt(waves, 2000, spread), zero + hour);
    }
  });
});

describe('wave: the end of the last wave', () => {
  const waves = new Map([
    [0, 0],
    [1024, 1024],
  ]);

  it('spreads the last wave in `linear` and is not heeded in `shipped`', () => {
    assert.equal(opensAt(waves, 2000, 'linear', 3072), 1024 + 2 * (2000 - 1024));
    assert.equal(opensAt(waves, 2048, 'linear', 3072), 3072);
    assert.equal(opensAt(waves, 2000, 'shipped', 3072), 1024);
  });

  it('changes nothing for other waves', () => {
    assert.equal(opensAt(waves, 512, 'linear', 3072), 512);
  });

  it('before 1970 and at broken milliseconds it still rounds up', () => {
    const early = new Map([
      [0, -10],
      [3, 0],
    ]);
    assert.equal(opensAtNanoseconds(early, 1, 'linear'), -6_666_667n);
    assert.equal(opensAt(early, 1, 'linear'), -6);
    assert.equal(opensAt(early, 2, 'linear'), -3);
  });
});

describe('wave: properties', () => {
  /** Waves from key 0 with rising times, and an end of the last wave or none. */
  const schedules = fc
    .record({
      keys: fc.uniqueArray(fc.integer({ min: 1, max: MAX_SEED - 1 }), { maxLength: 8 }),
      gaps: fc.array(fc.integer({ min: 1, max: 7 * 86_400_000 }), { minLength: 9, maxLength: 9 }),
      last: fc.option(fc.integer({ min: 0, max: 7 * 86_400_000 }), { nil: undefined }),
    })
    .map(({ keys, gaps, last }) => {
      let time = start;
      const sorted = [0, ...keys].sort((a, b) => a - b);
      const table = new Map<number, number>();
      for (const [index, key] of sorted.entries()) {
        time += gaps[index] ?? 1;
        table.set(key, time);
      }
      return { waves: table, end: time, lastWaveEnds: last === undefined ? undefined : time + last };
    });

  /** The intended line, in seeds × nanoseconds of its piece, without division. */
  function pieces(waves: Waves, lastWaveEnds: number | undefined) {
    const points = [...waves].map(([seed, time]) => ({ seed, time }));
    if (lastWaveEnds !== undefined) points.push({ seed: MAX_SEED, time: lastWaveEnds });
    return points.slice(1).map((to, index) => ({ from: points[index] ?? to, to }));
  }

  it('linear: the share of open seeds is within one seed of the line between waves', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 5, maxLength: 5 }),
        (schedule, places) => {
          const count = openCount(schedule.waves, 'linear', schedule.lastWaveEnds);
          for (const { from, to } of pieces(schedule.waves, schedule.lastWaveEnds)) {
            for (const place of places) {
              const now = from.time + Math.trunc((to.time - from.time) * place);
              if (now >= to.time) continue;
              // count − from.seed lies in [x, x + 1] with x = elapsed × seeds ÷ length, multiplied out. Steps are
              // cut to whole nanoseconds, so a seed may come up to one nanosecond per step early.
              const length = BigInt(to.time - from.time) * 1_000_000n;
              const seeds = BigInt(to.seed - from.seed);
              const elapsed = BigInt(now - from.time) * 1_000_000n;
              const opened = BigInt(count(now) - from.seed);
              assert.ok(opened * length >= elapsed * seeds, `behind the line at ${now}`);
              assert.ok((opened - 1n) * length <= (elapsed + seeds) * seeds, `ahead of the line at ${now}`);
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  for (const spread of spreads) {
    it(`${spread}: higher seeds never come earlier, the share never falls, and at the end it is everyone`, () => {
      fc.assert(
        fc.property(schedules, ({ waves, end, lastWaveEnds }) => {
          const bounds = [...waves.keys()];
          let before = Number.NEGATIVE_INFINITY;
          for (let seed = 0; seed <= MAX_SEED; seed += 1) {
            const moment = opensAt(waves, seed, spread, lastWaveEnds);
            const time = moment === 'always' ? Number.NEGATIVE_INFINITY : moment;
            assert.ok(time >= before, `seed ${seed} of ${bounds}`);
            before = time;
          }
          const last = Math.max(end, lastWaveEnds ?? end);
          const count = openCount(waves, spread, lastWaveEnds);
          assert.equal(count(last), MAX_SEED);
          assert.equal(count(start), spread === 'shipped' ? 1 : 0);
        }),
        { numRuns: 60 },
      );
    });
  }

  it('linear is never later than shipped, save for seed 0', () => {
    fc.assert(
      fc.property(schedules, fc.integer({ min: 1, max: MAX_SEED }), ({ waves }, seed) => {
        const shipped = opensAtNanoseconds(waves, seed, 'shipped');
        const linear = opensAtNanoseconds(waves, seed, 'linear');
        assert.ok(shipped !== 'always' && linear !== 'always' && linear <= shipped);
      }),
    );
  });

  it('does not depend on the order of entries', () => {
    fc.assert(
      fc.property(
        schedules,
        fc.integer({ min: 0, max: MAX_SEED }),
        fc.constantFrom(...spreads),
        ({ waves }, seed, spread) => {
          const reversed = new Map([...waves].reverse());
          assert.equal(opensAt(reversed, seed, spread), opensAt(waves, seed, spread));
        },
      ),
    );
  });
});
