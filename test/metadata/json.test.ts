import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isJsonArray, isJsonObject, type JsonValue, parseJson } from '../../src/metadata/json.ts';
import { formatJson, jsonOf, withMembers } from '../../src/metadata/json-writer.ts';
import { cpuMilliseconds, limits, refuses } from '../support/trusting.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): JsonValue => parseJson(encode(text), limits, 'x.json');

/** Parsed JSON as JSON.parse would give it. */
function plain(value: JsonValue): unknown {
  if (isJsonObject(value))
    return Object.fromEntries(Array.from(value, ([name, member]) => [name, plain(member)]));
  return isJsonArray(value) ? value.map(plain) : value;
}

describe('metadata/json', () => {
  it('reads what JSON.parse reads, for documents of integers', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 5 }),
        fc.dictionary(fc.string(), tie('tree'), { maxKeys: 5, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.constantFrom(undefined, 1, '\t', ' \r\n '), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const read = parse(
          typeof space === 'string' && space.length > 1 ? text.replaceAll('\n', '\r\n') : text,
        );
        // `-0` has no JSON text of its own, and `__proto__` none in plain objects that deepEqual could see.
        assert.deepEqual(JSON.stringify(plain(read)), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 300 },
    );
  });

  it('reads every escape, and only those of RFC 8259', () => {
    assert.equal(parse('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00 end"'), '"\\/\b\f\n\r\té😀 end');
    for (const text of ['"\\x41"', '"\\u12"', '"\\u12G4"', '"\\', '"\\u', '"\\constructor"', '"\\U0041"'])
      refuses(() => parse(text), 'json-invalid', 'an escape sequence');
  });

  it('keeps integers exactly, beyond 2^53 as bigint', () => {
    const cases: readonly (readonly [string, number | bigint])[] = [
      ['0', 0],
      ['-1', -1],
      ['999999999999999', 999999999999999],
      ['9007199254740991', 9007199254740991],
      ['-9007199254740991', -9007199254740991],
      ['9007199254740992', 9007199254740992n],
      ['9007199254740993', 9007199254740993n],
      ['-18446744073709551616', -18446744073709551616n],
    ];
    for (const [text, value] of cases) assert.equal(parse(text), value);
  });

  it('SPEC-3: refuses every number that has no canonical form', () => {
    for (const text of [
      '1.5',
      '1.0',
      '1e3',
      '1E3',
      '-0',
      '01',
      '-01',
      '-',
      '+1',
      '.5',
      '1.',
      '0x10',
      'NaN',
      '-a',
    ])
      refuses(() => parse(text), 'json-invalid', 'x.json');
    refuses(() => parse('123456789012345678901'), 'count-limit', 'digits');
  });

  it('refuses members that stand twice, also when escaped differently', () => {
    for (const text of ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}'])
      refuses(() => parse(text), 'json-invalid', 'twice');
    refuses(() => parse(`{"${'a'.repeat(99)}":1,"${'a'.repeat(99)}":1}`), 'json-invalid', '…');
  });

  it('keeps the order of members, also of those that look like numbers (SPEC-36)', () => {
    const value = parse('{"20":1,"3":1,"b":1,"1":1}');
    assert.ok(isJsonObject(value));
    assert.deepEqual([...value.keys()], ['20', '3', 'b', '1']);
  });

  it('PAR-21: __proto__, constructor and prototype are members like any other', () => {
    const value = parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    assert.ok(isJsonObject(value));
    assert.ok(isJsonObject(value.get('__proto__')));
    assert.equal(value.get('toString'), undefined);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('refuses lone surrogates, escaped or encoded', () => {
    for (const text of ['"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800x":1}'])
      refuses(() => parse(text), 'json-invalid', 'surrogate');
    refuses(
      () => parseJson(Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), limits, 'x.json'),
      'json-invalid',
      'UTF-8',
    );
  });

  it('names what stands where something else is expected', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['', 'the text ends where a value'],
      [' ', 'the text ends where a value'],
      ['{', 'a member name'],
      ['{"a"', '":"'],
      ['{"a":1', '"," or "}"'],
      ['{"a":1,}', 'a member name'],
      ['{a:1}', 'a member name'],
      ['[1', '"," or "]"'],
      ['[1,]', 'a value'],
      ['[1 2]', '"," or "]"'],
      ['"abc', 'the rest of a string'],
      ['"\\n', 'the rest of a string'],
      ['"a\nb"', 'the rest of a string'],
      ['"\\na\nb"', 'the rest of a string'],
      ['tru', 'a value'],
      ['nul', 'a value'],
      ['{} x', 'the end of the document'],
      ['{}{}', 'the end of the document'],
      ['\ufeff{}', 'a value'],
      ["{'a':1}", 'a member name'],
      ['/* */{}', 'a value'],
    ];
    for (const [text, expected] of cases)
      refuses(() => parse(text), 'json-invalid', 'x.json: at character', expected);
  });

  it('PAR-30: an empty body, one byte, gzip, a picture and zeros are parse errors with size and first bytes', () => {
    refuses(() => parseJson(new Uint8Array(), limits, 'timestamp.json'), 'json-invalid', 'the text ends');
    refuses(
      () => parseJson(Uint8Array.of(0x80), limits, 'timestamp.json'),
      'json-invalid',
      '1 bytes',
      '\\x80',
    );
    const gzip = Uint8Array.of(0x1f, 0x8b, 8, 0, 0x5c, 0x41, 0, 0, 0, 3);
    refuses(
      () => parseJson(gzip, limits, 'timestamp.json'),
      'json-invalid',
      '10 bytes',
      '"\\x1f\\x8b\\x08\\x00\\x5cA',
    );
    const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
    refuses(() => parseJson(png, limits, 'timestamp.json'), 'json-invalid', '\\x89PNG');
    refuses(() => parseJson(new Uint8Array(4096), limits, 'timestamp.json'), 'json-invalid', '\\u0000');
    refuses(() => parseJson(Uint8Array.of(0xff), limits, 'x'), 'json-invalid', '\\xff');
    refuses(() => parseJson(Uint8Array.of(0xff, 0x7e, 0x7f), limits, 'x'), 'json-invalid', '"\\xff~\\x7f"');
  });

  it('PAR-30: text that would move a terminal or turn the direction of writing is escaped', () => {
    for (const text of ['\u009b2J', '\u202eabc', '\u007f', '[1 \u0085]', '{"\u009b2J":1,"\u009b2J":2}'])
      assert.throws(
        () => parse(text),
        (error: Error) => /^[ -~]*$/.test(error.message) && /\\u(?:00[789]|202e)/.test(error.message),
        text,
      );
  });

  it('PAR-23: 200,000 nested lists or objects are a limit error, not an overflow', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    refuses(() => parse(deep), 'count-limit', '64 levels of nesting');
    refuses(() => parse(`{"signed":{"a":${deep}}}`), 'count-limit', '64 levels');
    refuses(() => parse('{"a":'.repeat(200_000)), 'count-limit', '64 levels');
    assert.ok(parse('['.repeat(64) + ']'.repeat(64)));
  });

  it('bounds the number of values', () => {
    const few = { ...limits, maxValues: 3 };
    assert.ok(parseJson(encode('[1,2]'), few, 'x.json'));
    refuses(() => parseJson(encode('[1,2,3]'), few, 'x.json'), 'count-limit', 'more than 3 values');
    refuses(() => parseJson(encode('{"a":{},"b":{},"c":{}}'), few, 'x.json'), 'count-limit');
  });

  it('costs in proportion to the bytes, whatever they are', () => {
    const size = 500_000;
    const hostile = [
      `"${'\\u0041'.repeat(size / 6)}"`,
      `"\\n${'a'.repeat(size)}"`,
      `[${'{},'.repeat(size / 3)}1]`,
      `[${`${'['.repeat(50)}${']'.repeat(50)},`.repeat(size / 101)}1]`,
      `{${Array.from({ length: size / 12 }, (_, index) => `"${(9e7 - index).toString(36)}":1`).join(',')}}`,
      ' '.repeat(size),
    ];
    for (const text of hostile) assert.ok(cpuMilliseconds(() => parse(text)) < 500, text.slice(0, 20));
  });
});

describe('metadata/json-writer', () => {
  it('writes what the reader reads back the same', () => {
    const value = jsonOf({
      z: [1, [], {}, [{ a: null }]],
      a: { 'é"\n': true },
      gone: undefined,
      m: new Map([['k', 'v']]),
    });
    assert.deepEqual(parse(formatJson(value)), value);
    assert.match(formatJson(value), /^\{\n {2}"z": \[\n {4}1,\n {4}\[\],\n {4}\{\},/);
    assert.ok(formatJson(value).endsWith('}\n'));
  });

  it('SPEC-4: refuses to write fractions and integers beyond 2^53 - 1, naming the path', () => {
    for (const number of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e300, 2n ** 53n, 1n])
      refuses(() => jsonOf({ custom: [number] }), 'document-invalid', 'document.custom[0]', '2^53');
    assert.equal(jsonOf(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
  });

  it('SPEC-2: members that are not changed survive, in their order', () => {
    const before = parse('{"z":1,"unknown":{"deep":[{"x-more":null}]},"version":3,"a":2}');
    assert.ok(isJsonObject(before));
    const after = withMembers(before, { version: 4, a: undefined, absent: undefined, more: ['new'] });
    assert.deepEqual(plain(after), {
      z: 1,
      unknown: { deep: [{ 'x-more': null }] },
      version: 4,
      more: ['new'],
    });
    assert.deepEqual([...after.keys()], ['z', 'unknown', 'version', 'more']);
    assert.equal(before.get('version'), 3);
    refuses(() => withMembers(before, { version: 1.5 }), 'document-invalid', 'version');
  });

  it('refuses text that some client would normalise, in values and names', () => {
    for (const text of ['e\u0301', '\ud800'])
      for (const value of [{ a: text }, { [text]: 1 }, new Map([[text, 'x']])])
        refuses(() => jsonOf(value), 'document-invalid', 'normalisation form C');
  });
});
