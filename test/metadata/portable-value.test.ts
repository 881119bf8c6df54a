import assert from 'node:assert/strict';
import { parseJson } from '../../src/metadata/json.ts';
import { documentLimits } from '../../src/metadata/limits.ts';
import { checkPortableCustom, valueFaults } from '../../src/metadata/portable-value.ts';

const read = (text: string) => parseJson(Buffer.from(text), documentLimits, 'custom');
const place = { file: 'meta.json', path: 'custom' };

describe('portable values', () => {
  it('SPEC-4: takes a custom that every client prints back', () => {
    for (const text of [
      '{"a":1}',
      '{"a":-7,"b":[true,null,{"c":"\u00e9"}],"d":{}}',
      '{"max":9007199254740991,"newline":"\\n","control":"\\u0001","astral":"\ud83d\ude00"}',
    ]) {
      const value = read(text);
      assert.equal(checkPortableCustom(value, place), value);
    }
  });

  it('SPEC-29: refuses a custom that is no object, or an empty one', () => {
    for (const text of ['null', '"text"', '[1]', '7', 'true', '{}'])
      assert.throws(() => checkPortableCustom(read(text), place), {
        code: 'document-invalid',
        message: /meta\.json: custom/,
      });
  });

  it('SPEC-4: refuses what some client prints back differently, and names the member', () => {
    const cases = [
      ['{"os":{"big":9007199254740993}}', 'custom.os.big'],
      ['{"a":[1,[18446744073709551616]]}', 'custom.a[1][0]'],
      ['{"text":"e\u0301"}', 'custom.text'],
      ['{"e\u0301":1}', 'custom.e\u0301'],
      ['{"\u00e9":1}', 'custom.\u00e9'],
      ['{"\ud83d\ude00":1,"\uff5e":2}', 'custom.\ud83d\ude00'],
    ] as const;
    for (const [text, path] of cases)
      assert.throws(
        () => checkPortableCustom(read(text), place),
        (error: Error & { code?: string; details?: { path?: string } }) => {
          assert.equal(error.code, 'document-invalid');
          assert.equal(error.details?.path, path);
          return true;
        },
      );
  });

  it('SPEC-4: a fraction or an exponent is no JSON to us, so it never gets as far', () => {
    for (const text of ['{"a":1.5}', '{"a":1.0}', '{"a":1e3}'])
      assert.throws(() => read(text), { code: 'json-invalid' });
  });

  it('PAR-34: refuses a custom that readers would refuse for its size', () => {
    assert.throws(() => checkPortableCustom(read(`{"a":"${'x'.repeat(70_000)}"}`), place), {
      code: 'count-limit',
    });
  });

  it('finds every fault of a value, not only the first', () => {
    const faults = [...valueFaults(read('{"a":9007199254740993,"b":["e\u0301"],"\u00e9":null}'))];
    assert.deepEqual(
      faults.map(({ kind, path }) => [kind, path]),
      [
        ['unsafe-integer', '.a'],
        ['not-normalised', '.b[0]'],
        ['member-not-ascii', '.\u00e9'],
      ],
    );
  });
});
