import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maxOffset, readOffset } from '../../src/waves/offset.ts';

describe('offset', () => {
  const seconds: readonly (readonly [string, number])[] = [
    ['7 days', 604_800],
    ['in 2 weeks', 1_209_600],
    ['1 hour', 3600],
    ['30 minutes', 1800],
    ['1 minute', 60],
    ['in 1 day', 86_400],
    ['1 week', 604_800],
    ['  3 \t hours ', 10_800],
    ['0 hours', 0],
    ['36525 days', 36_525 * 86_400],
  ];
  for (const [text, expected] of seconds) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.equal(readOffset(text), expected * 1000);
    });
  }

  const refused = [
    'day 1',
    '1.5 days',
    'after 1 day',
    'in 1 day now',
    '-1 day',
    '+1 day',
    '',
    '1',
    'days',
    '1day',
    'in1 day',
    '1 month',
    '1 Day',
    '1 d',
    '1 hour 30 minutes',
    '36526 days',
    '4294967295 weeks',
    '99999999999 minutes',
    '1 constructor',
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(readOffset(text), undefined);
    });
  }

  it('reads every number of every unit up to a century, and nothing beyond', () => {
    const units = { minutes: 60_000, hours: 3_600_000, days: 86_400_000, weeks: 604_800_000 };
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        fc.boolean(),
        (count, unit, word) => {
          const expected = count * units[unit];
          const found = readOffset(`${word ? 'in ' : ''}${count} ${unit}`);
          assert.equal(found, expected <= maxOffset ? expected : undefined);
        },
      ),
    );
  });
});
