import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseRange } from '../../src/server/byte-range.ts';

const whole = undefined;
const none = 'unsatisfiable';

describe('server/byte-range', () => {
  it('SRV-07: single ranges over 1,000 bytes', () => {
    const cases: readonly (readonly [string, ReturnType<typeof parseRange>])[] = [
      ['bytes=0-0', { start: 0, length: 1 }],
      ['bytes=-5', { start: 995, length: 5 }],
      ['bytes=5-', { start: 5, length: 995 }],
      ['bytes=0-999', { start: 0, length: 1000 }],
      ['bytes=0-1000', { start: 0, length: 1000 }],
      ['bytes=999-999', { start: 999, length: 1 }],
      ['bytes=-1000', { start: 0, length: 1000 }],
      ['bytes=-99999999999999999999999', { start: 0, length: 1000 }],
      ['bytes=1-99999999999999999999999', { start: 1, length: 999 }],
      [`bytes=0-${'9'.repeat(400)}`, { start: 0, length: 1000 }],
      ['bytes=0000-0004', { start: 0, length: 5 }],
      ['Bytes= 2-3 ', { start: 2, length: 2 }],
      ['bytes=1000-', none],
      ['bytes=1000-1000', none],
      ['bytes=99999999999999999999999-', none],
      [`bytes=${'9'.repeat(400)}-`, none],
      ['bytes=-0', none],
      ['bytes=9-2', whole],
      ['bytes=9007199254740993-9007199254740992', whole],
      ['lines=0-5', whole],
      ['bytes', whole],
      ['bytes=', whole],
      ['bytes=-', whole],
      ['bytes=a-b', whole],
      ['bytes=1-2x', whole],
      ['bytes=0x1-2', whole],
      ['bytes=1 - 2', whole],
      ['bytes =1-2', whole],
      ['bytes=+1-2', whole],
      ['bytes=1.5-2', whole],
      ['0-5', whole],
      ['', whole],
    ];
    for (const [header, expected] of cases) assert.deepEqual(parseRange(header, 1000), expected, header);
  });

  it('SRV-07: no range of an empty file can be satisfied', () => {
    for (const header of ['bytes=0-', 'bytes=-5', 'bytes=0-0'])
      assert.equal(parseRange(header, 0), none, header);
  });

  it('SRV-08: of many ranges the first one counts, at the cost of one', () => {
    assert.deepEqual(parseRange('bytes=0-0,5-5', 1000), { start: 0, length: 1 });
    assert.deepEqual(parseRange('bytes=0-0, bytes=5-5', 1000), { start: 0, length: 1 });
    assert.deepEqual(parseRange('bytes=, ,3-4 , 0-', 1000), { start: 3, length: 2 });
    assert.equal(parseRange('bytes=2000-,0-5', 1000), none);
    const begun = process.cpuUsage();
    for (let round = 0; round < 500; round += 1) {
      assert.deepEqual(parseRange(`bytes=${'0-,'.repeat(3000)}`, 1000), { start: 0, length: 1000 });
      assert.equal(parseRange(`bytes=${' ,'.repeat(5000)}x`, 1000), whole);
    }
    const { user } = process.cpuUsage(begun);
    assert.ok(user < 2_000_000, `${user} microseconds`);
  });

  it('SRV-07: whatever is asked, the span lies within the file', () => {
    const digits = fc.stringMatching(/^[0-9]{0,20}$/);
    fc.assert(
      fc.property(digits, digits, fc.nat(5000), (first, last, total) => {
        const span = parseRange(`bytes=${first}-${last}`, total);
        if (span === undefined || span === none) return;
        assert.ok(span.length > 0 && span.start >= 0 && span.start + span.length <= total);
        if (first !== '') assert.equal(span.start, Number(first));
      }),
    );
  });
});
