import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatTime, parseTime, timeAt } from '../../src/metadata/time.ts';
import { refuses } from '../support/trusting.ts';

describe('metadata/time', () => {
  it('SPEC-13: writes whole seconds and Z, exactly', () => {
    assert.equal(formatTime(Date.UTC(2030, 0, 31, 9, 30)), '2030-01-31T09:30:00Z');
    assert.equal(formatTime(Date.UTC(2030, 0, 31, 9, 30, 1, 999)), '2030-01-31T09:30:01Z');
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, (value) => {
        const text = formatTime(value * 1000);
        assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        assert.equal(parseTime(text), value * 1000);
      }),
    );
  });

  it('refuses to write a time that the form cannot hold', () => {
    for (const time of [Date.UTC(10_000, 0, 1), Date.UTC(-1, 0, 1), Number.NaN, Number.POSITIVE_INFINITY])
      refuses(() => formatTime(time), 'document-invalid', 'year');
  });

  it('SPEC-14: reads fractions, cut to milliseconds', () => {
    const second = Date.UTC(2030, 0, 1);
    const cases = { '': 0, '.1': 100, '.000': 0, '.123': 123, '.123456': 123, '.999999999': 999, '.0009': 0 };
    for (const [fraction, milliseconds] of Object.entries(cases))
      assert.equal(parseTime(`2030-01-01T00:00:00${fraction}Z`), second + milliseconds, fraction);
  });

  it('SPEC-14: what is not a time is invalid', () => {
    const wrong = [
      'not-a-date',
      '',
      '2030-01-01',
      '2030-02-30T00:00:00Z',
      '2029-02-29T00:00:00Z',
      '2030-13-01T00:00:00Z',
      '2030-00-01T00:00:00Z',
      '2030-01-01T24:00:00Z',
      '2030-01-01T00:60:00Z',
      '2016-12-31T23:59:60Z',
      '2030-01-01T00:00:00',
      '2030-01-01T00:00:00z',
      '2030-01-01t00:00:00Z',
      '2030-01-01 00:00:00Z',
      '2030-01-01T00:00:00+00:00',
      '2030-01-01T00:00:00.Z',
      '2030-01-01T00:00:00.1234567890Z',
      '2030-01-01T00:00:00Z\n',
      ' 2030-01-01T00:00:00Z',
      '+12030-01-01T00:00:00Z',
      '-2030-01-01T00:00:00Z',
      '٢٠٣٠-01-01T00:00:00Z',
    ];
    for (const text of wrong) assert.equal(parseTime(text), undefined, text);
    for (const value of ['2030-01-01', 1_893_456_000, null, undefined, true])
      refuses(
        () => timeAt(value, { file: 'x.json', path: 'signed.expires' }),
        'document-invalid',
        'x.json: signed.expires',
      );
    assert.equal(parseTime('2028-02-29T00:00:00Z'), Date.UTC(2028, 1, 29));
  });
});
