import assert from 'node:assert/strict';
import { parseSample, sampleOf, usualSample } from '../../../src/signer/audit/sample.ts';

describe('the sample of an audit', () => {
  const names = Array.from({ length: 200 }, (_, index) => `file-${index}`);

  it('is read from numbers and shares', () => {
    assert.deepEqual(parseSample('25'), { kind: 'count', count: 25 });
    assert.deepEqual(parseSample('12.5 %'), { kind: 'percent', percent: 12.5, least: 1 });
    for (const text of ['', '-1', '101%', '1.5', 'ten', '10%%'])
      assert.throws(() => parseSample(text), { code: 'usage' }, text);
  });

  it('is the same for the same seed, another for another, and in the order of the list', () => {
    const chosen = (seed: string) => [...sampleOf(names, { kind: 'count', count: 20 }, seed)];
    assert.deepEqual(chosen('a'), chosen('a'));
    assert.notDeepEqual(chosen('a'), chosen('b'));
    assert.deepEqual(
      chosen('a'),
      names.filter((name) => chosen('a').includes(name)),
    );
  });

  it('has the size that is asked for, and at most all', () => {
    assert.equal(sampleOf(names, usualSample, '').size, 20);
    assert.equal(sampleOf(names.slice(0, 30), usualSample, '').size, 10);
    assert.equal(sampleOf(names.slice(0, 5), usualSample, '').size, 5);
    assert.equal(sampleOf(names, { kind: 'all' }, '').size, 200);
    assert.equal(sampleOf(names, { kind: 'percent', percent: 0.1, least: 1 }, '').size, 1);
  });

  it('reads every file within some days when the seed is the day', () => {
    const seen = new Set<string>();
    for (let day = 1; day <= 120; day += 1)
      for (const name of sampleOf(names, usualSample, `day ${day}`)) seen.add(name);
    assert.equal(seen.size, names.length);
  });
});
