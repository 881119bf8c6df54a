import assert from 'node:assert/strict';
import { checkSeed, MAX_SEED, parseSeed, seedOf } from '../../src/waves/seed.ts';

describe('seed', () => {
  it('is the same for the same host, on every machine and in every release', () => {
    assert.equal(seedOf('host-1'), seedOf('host-1'));
    assert.deepEqual(['host-1', 'host-2', 'ÿ'].map(seedOf), pinned);
  });

  it('is uniform over 0 … 2047', () => {
    const perSixteenth = new Array<number>(16).fill(0);
    const hosts = 32_768;
    const seen = new Set<number>();
    for (let host = 0; host < hosts; host += 1) {
      const seed = seedOf(`10.0.${host}`);
      assert.ok(Number.isInteger(seed) && seed >= 0 && seed < MAX_SEED);
      seen.add(seed);
      const part = Math.trunc(seed / 128);
      perSixteenth[part] = (perSixteenth[part] ?? 0) + 1;
    }
    assert.equal(seen.size, MAX_SEED);
    // Chi-square with 15 degrees of freedom: above 37.7 once in a thousand; the ids are fixed, so it never flickers.
    const expected = hosts / 16;
    const chiSquare = perSixteenth.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < 37.7, `chi-square ${chiSquare}`);
  });

  it('refuses an empty host id, which a whole fleet would share', () => {
    assert.throws(() => seedOf(''), { code: 'config-invalid' });
  });

  it('MAN-03: reads the seeds of a fleet and refuses negative, fractional and higher ones', () => {
    for (const [text, seed] of [
      ['0', 0],
      ['2047', 2047],
      ['2048', 2048],
      ['007', 7],
    ] as const) {
      assert.equal(parseSeed(text), seed);
    }
    for (const text of ['-1', '2049', '4294967295', '1.5', '1e3', '', ' 1', '0x10', '99999999999']) {
      assert.throws(() => parseSeed(text, 'updates.seed'), {
        code: 'config-invalid',
        message: /^updates\.seed: /,
      });
    }
    for (const value of [-1, 2049, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => checkSeed(value), { code: 'config-invalid' });
    }
  });
});

/** Changing these moves every host of every fleet to another wave. */
const pinned = [492, 1715, 1482];
