/** A document that is canonical but for its layout gives its canonical bytes as it is read: they must be the right ones. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalBytes } from '../../src/metadata/canonical.ts';
import { isJsonObject, type JsonValue, parseJsonWithCanonical } from '../../src/metadata/json.ts';
import { documentLimits } from '../../src/metadata/limits.ts';

function read(text: string): { value: JsonValue | undefined; canonical: string | undefined } {
  const bytes = new TextEncoder().encode(text);
  const { value, canonical } = parseJsonWithCanonical(bytes, documentLimits, 'test', 'signed');
  const signed = isJsonObject(value) ? value.get('signed') : undefined;
  return { value: signed, canonical: canonical && new TextDecoder().decode(canonical) };
}

const canonicalOf = (value: JsonValue | undefined): string =>
  new TextDecoder().decode(canonicalBytes(value ?? null));

describe('canonical form as written', () => {
  it('is the text without its space', () => {
    const text =
      '{ "a": 1,\n "signed" :\t{ "a" : [ 1 , "x y", { } , [ ] ],\r\n "b": -7, "c": null } , "z": {} }';
    assert.equal(read(text).canonical, '{"a":[1,"x y",{},[]],"b":-7,"c":null}');
    assert.equal(read('{"signed":{"a":1}}').canonical, '{"a":1}');
    assert.equal(read('{"signed": 12345678901234567890 }').canonical, '12345678901234567890');
    assert.equal(read('{"signed":"text","signatures":[]}').canonical, '"text"', 'order at the top is free');
    const long = JSON.stringify({ a: 'x'.repeat(70_000), b: 'y'.repeat(70_000) }, undefined, 2);
    assert.equal(read(`{"a": 1, "signed": ${long}}`).canonical, long.replaceAll(/\s/g, ''));
  });

  it('is not taken where it would be another one', () => {
    for (const [why, text] of [
      ['members out of order', '{"signed":{"b":1,"a":2}}'],
      ['deep inside too', '{"signed":{"a":[{"c":{"b":1,"a":2}}]}}'],
      ['an escape', '{"signed":{"a":"\\u0041"}}'],
      ['an escape in a name', '{"signed":{"\\u0041":1}}'],
      ['a slash with an escape', '{"signed":"\\/"}'],
      ['text that is not ASCII', '{"signed":{"a":"é"}}'],
      ['names whose order is not that of code points', '{"signed":{"\u{1f600}":1,"\uff5e":2}}'],
      ['such text elsewhere', '{"a":"é","signed":{"a":1}}'],
    ] as const)
      assert.equal(read(text).canonical, undefined, why);
  });

  it('is only looked for at the top, in the member that was named', () => {
    assert.equal(read('{"other":{"signed":{"a":1}}}').canonical, undefined);
    assert.equal(read('[{"signed":{"a":1}}]').canonical, undefined);
    assert.equal(read('{"Signed":{"a":1}}').canonical, undefined);
  });

  it('is what would be written from the value, for any document in any layout', () => {
    const space = fc.constantFrom('', '', '', ' ', '\n  ', '\t', '\r\n');
    const text = fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.string({ maxLength: 5 }),
      fc.string({ maxLength: 5 }),
      fc.string({ unit: 'binary', maxLength: 2 }).filter((one) => one.isWellFormed()),
    );
    const { json } = fc.letrec<{ json: string; object: string; list: string }>((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        text.map((one) => JSON.stringify(one)),
        fc.integer().map(String),
        fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map(String),
        fc.constantFrom('true', 'false', 'null', '"\\/"', '"\\u0061"', '"é"', '"\u{1f600}"'),
        tie('object'),
        tie('list'),
      ),
      list: fc.tuple(fc.array(tie('json'), { maxLength: 4 }), space).map(([items, s]) => {
        return `[${s}${items.join(`${s},${s}`)}${s}]`;
      }),
      object: fc
        .tuple(fc.dictionary(text, tie('json'), { maxKeys: 4, noNullPrototype: true }), space, fc.boolean())
        .map(([members, s, sorted]) => {
          const names = sorted ? Object.keys(members).sort() : Object.keys(members);
          const parts = names.map((name) => `${JSON.stringify(name)}${s}:${s}${members[name]}`);
          return `{${s}${parts.join(`${s},${s}`)}${s}}`;
        }),
    }));
    let taken = 0;
    fc.assert(
      fc.property(json, space, (signed, s) => {
        const { value, canonical } = read(`${s}{${s}"a"${s}:${s}1,"signed"${s}:${s}${signed}${s}}${s}`);
        if (canonical === undefined) return;
        taken += 1;
        assert.equal(canonical, canonicalOf(value));
      }),
      { numRuns: 1500 },
    );
    assert.ok(taken > 300, `only ${taken} documents were canonical as written`);
  });
});
