import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalBytes, compareCodePoints } from '../../src/metadata/canonical.ts';
import { type JsonValue, parseJson } from '../../src/metadata/json.ts';
import { jsonOf } from '../../src/metadata/json-writer.ts';
import { cpuMilliseconds, limits } from '../support/trusting.ts';
import { writtenCanonically, writtenJson } from '../support/written-json.ts';

const canonical = (value: JsonValue): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(canonicalBytes(value));

describe('metadata/canonical', () => {
  describe('SPEC-3: golden vectors', () => {
    const vectors: readonly (readonly [string, JsonValue, string])[] = [
      ['scalars', [null, true, false, 0, -5, 'a'], '[null,true,false,0,-5,"a"]'],
      ['empty', [new Map(), [], ''], '[{},[],""]'],
      [
        'members by name',
        new Map([
          ['b', 1],
          ['a', 2],
          ['', 3],
          ['B', 4],
        ]),
        '{"":3,"B":4,"a":2,"b":1}',
      ],
      [
        'numbers by text',
        new Map([
          ['20', 1],
          ['3', 2],
          ['100', 3],
        ]),
        '{"100":3,"20":1,"3":2}',
      ],
      ['only quotes and backslashes are escaped', 'a"b\\c/d', '"a\\"b\\\\c/d"'],
      ['control characters stand as they are', 'a\nb\u0001\u007f\t', '"a\nb\u0001\u007f\t"'],
      ['quotes beside text that is not ASCII', 'é"\\', '"é\\"\\\\"'],
      [
        'astral names after high ones of the basic plane',
        new Map([
          ['\u{1F600}', 1],
          ['\uff5e', 2],
        ]),
        '{"\uff5e":2,"\u{1F600}":1}',
      ],
      [
        'a name that begins another',
        new Map([
          ['ab', 1],
          ['a', 2],
        ]),
        '{"a":2,"ab":1}',
      ],
      [
        'an astral name that begins another',
        new Map([
          ['\u{1F600}a', 1],
          ['\u{1F600}', 2],
        ]),
        '{"\u{1F600}":2,"\u{1F600}a":1}',
      ],
      ['text is not normalised', ['e\u0301', '\u00e9'], '["e\u0301","\u00e9"]'],
      ['a byte order mark inside text', '\ufeff', '"\ufeff"'],
      [
        'big integers',
        [9007199254740993n, -18446744073709551616n],
        '[9007199254740993,-18446744073709551616]',
      ],
    ];
    for (const [name, value, expected] of vectors) it(name, () => assert.equal(canonical(value), expected));
  });

  it('is what an independent writer makes, for any document', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 6 }),
        fc.dictionary(fc.string({ unit: 'binary' }), tie('tree'), { maxKeys: 6 }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const read = parseJson(new TextEncoder().encode(writtenJson(value)), limits, 'x.json');
        assert.deepEqual(Buffer.from(canonicalBytes(read)), Buffer.from(writtenCanonically(value)));
      }),
      { numRuns: 300 },
    );
  });

  it('compares as UTF-8 does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        assert.equal(Math.sign(compareCodePoints(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    assert.equal(compareCodePoints('\u{1F600}', '\u{1F600}'), 0);
  });

  it('grows with what it writes', () => {
    const long = 'x'.repeat(100_000);
    assert.equal(canonical([long, 'é'.repeat(5000), long]), `["${long}","${'é'.repeat(5000)}","${long}"]`);
  });

  it('takes unsorted members of a large object in little more than linear time', () => {
    const object = jsonOf(
      Object.fromEntries(Array.from({ length: 40_000 }, (_, index) => [`${(7919 * index) % 40_009}`, 1])),
    );
    assert.ok(cpuMilliseconds(() => canonicalBytes(object)) < 500);
  });
});
