import assert from 'node:assert/strict';
import fc from 'fast-check';
import { lookInterval, pauseBefore } from '../../../src/signer/daemon/look-schedule.ts';
import { day, hour } from '../../support/workspace.ts';

describe('signer/daemon/look-schedule', () => {
  it('looks hourly for weekly timestamps, oftener for shorter ones, never without end or rest', () => {
    const at = (timestamp: number): number => lookInterval({ timestamp });
    assert.deepEqual(
      [at(7 * day), at(365 * day), at(day), at(hour)],
      [hour, hour, day / 168, 30_000].map(Math.round),
    );
  });

  it('a look finds a timestamp due twice at least before half of its life is over', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: hour, max: 366 * day }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (life, random) => {
          const interval = lookInterval({ timestamp: life });
          assert.ok(life / 14 + 2 * pauseBefore(interval, 0, random) < life / 2);
        },
      ),
    );
  });

  it('after failures it looks sooner: within a minute, then ever later, never later than usual', () => {
    const pauses = fc.tuple(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 0.999, noNaN: true }));
    fc.assert(
      fc.property(pauses, ([failures, random]) => {
        const pause = pauseBefore(hour, failures, random);
        assert.ok(pause <= hour && pause >= 30_000);
        assert.ok(failures > 1 || pause <= 60_000);
        assert.ok(pauseBefore(hour, failures + 1, random) >= pause);
      }),
    );
  });
});
