import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import {
  type FloorsRecord,
  formatRecord,
  isSameRecord,
  newRecord,
  parseRecord,
} from '../../src/client/floors-file.ts';

const version = fc.nat();
const records: fc.Arbitrary<FloorsRecord> = fc
  .record({
    generation: version,
    knownTime: version,
    repository: fc.option(fc.string(), { nil: undefined }),
    floors: fc.record({
      root: version,
      timestamp: version,
      snapshot: version,
      // Role names are somebody else's: any text, also such that our own writer would not sign.
      meta: fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), version)).map((entries) => new Map(entries)),
      timestampKeys: fc.array(fc.string()).map((keys) => new Set(keys)),
      snapshotKeys: fc.array(fc.string()).map((keys) => new Set(keys)),
    }),
  })
  .map(({ floors, ...record }) => ({ ...record, floors: { ...floors } }));

describe('the file of the floors', () => {
  it('gives back what it was given, whatever roles are called', () => {
    fc.assert(
      fc.property(records, (record) => {
        assert.deepEqual(parseRecord(formatRecord(record)), record);
      }),
      { numRuns: 200 },
    );
  });

  it('is damaged by every single bit, and by every cut', () => {
    const bytes = formatRecord({
      ...newRecord,
      floors: { ...newRecord.floors, timestamp: 5, meta: new Map([['targets.json', 5]]) },
    });
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = new Uint8Array(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(parseRecord(flipped), undefined, `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length += 1)
      assert.equal(parseRecord(bytes.subarray(0, length)), undefined, `cut at ${length}`);
    assert.equal(parseRecord(Buffer.concat([bytes, Buffer.from(' ')])), undefined);
  });

  it('is damaged when its checksum is right and its content is not a record', async () => {
    const { digestOf } = await import('../../src/metadata/crypto.ts');
    for (const body of ['', '[]', '{}', '{"generation":-1}', '{"generation":"1"}', 'null', '{"a":1.5}']) {
      const bytes = new TextEncoder().encode(`tidegate floors 1 ${digestOf('sha256', body)}\n${body}`);
      assert.equal(parseRecord(bytes), undefined, body);
    }
  });

  it('compares records without their generations', () => {
    assert.ok(isSameRecord(newRecord, { ...newRecord, generation: 7 }));
    assert.ok(!isSameRecord(newRecord, { ...newRecord, knownTime: 7 }));
  });
});
