import assert from 'node:assert/strict';
import { checkConditions, rangeApplies } from '../../src/server/conditions.ts';

const etag = '"abc"';

describe('server/conditions', () => {
  it('SRV-11: If-None-Match takes lists, `*` and weak forms; what is malformed is ignored', () => {
    const matching = [
      '"abc"',
      'W/"abc"',
      '*',
      ' * ',
      '"x", "abc"',
      '"x","abc"',
      ',, "abc" ,',
      '"a,b", W/"abc"',
    ];
    const other = [
      '"x"',
      '"abc',
      'abc',
      '"abc" "x"',
      'w/"abc"',
      '"abc"x',
      '*, "x"',
      '',
      ',',
      '"ABC"',
      '"\x01abc"',
    ];
    for (const header of matching)
      assert.equal(checkConditions({ 'if-none-match': header }, etag), 304, header);
    for (const header of other)
      assert.equal(checkConditions({ 'if-none-match': header }, etag), undefined, header);
  });

  it('SRV-11: If-Match is strong, and fails unless understood', () => {
    for (const header of ['"abc"', '*', '"x", "abc"']) {
      assert.equal(checkConditions({ 'if-match': header }, etag), undefined, header);
    }
    for (const header of ['W/"abc"', '"x"', 'abc', '', '"abc', '"abc" x']) {
      assert.equal(checkConditions({ 'if-match': header }, etag), 412, header);
    }
  });

  it('SRV-11: If-Match comes first', () => {
    assert.equal(checkConditions({ 'if-match': '"x"', 'if-none-match': etag }, etag), 412);
    assert.equal(checkConditions({ 'if-match': etag, 'if-none-match': etag }, etag), 304);
    assert.equal(checkConditions({}, etag), undefined);
  });

  it('SRV-11: a file without a strong etag matches `*` alone', () => {
    assert.equal(checkConditions({ 'if-none-match': '*' }, undefined), 304);
    assert.equal(checkConditions({ 'if-match': '*' }, undefined), undefined);
    assert.equal(checkConditions({ 'if-match': '"abc"' }, undefined), 412);
    assert.equal(checkConditions({ 'if-none-match': '"abc"' }, undefined), undefined);
  });

  it('SRV-11: If-Range is strong; a date, a weak or another etag drops the range', () => {
    assert.equal(rangeApplies({}, etag), true);
    assert.equal(rangeApplies({ 'if-range': '"abc"' }, etag), true);
    for (const header of ['W/"abc"', '"x"', 'Wed, 21 Oct 2026 07:28:00 GMT', '*', '"abc", "x"', '']) {
      assert.equal(rangeApplies({ 'if-range': header }, etag), false, header);
    }
    assert.equal(rangeApplies({ 'if-range': '"abc"' }, undefined), false);
  });

  it('SRV-08: a header of many tags is read in linear time', () => {
    const many = `${'"x",'.repeat(4000)}!`;
    const begun = process.cpuUsage();
    assert.equal(checkConditions({ 'if-none-match': many }, etag), undefined);
    assert.equal(checkConditions({ 'if-none-match': ' '.repeat(16_000) }, etag), undefined);
    assert.equal(checkConditions({ 'if-match': `${' ,'.repeat(8000)}"` }, etag), 412);
    const { user } = process.cpuUsage(begun);
    assert.ok(user < 250_000, `${user} microseconds`);
  });
});
