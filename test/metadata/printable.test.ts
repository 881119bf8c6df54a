import assert from 'node:assert/strict';
import { escaped, printable, withoutUnseen } from '../../src/metadata/printable.ts';

describe('text for people', () => {
  it('shows every character that cannot be seen, or moves others, by its number', () => {
    const odd = [
      '\u0000',
      '\n',
      '\u001b',
      '\u009b',
      '\u00a0',
      '\u00ad',
      '\u034f',
      '\u115f',
      '\u180e',
      '\u200b',
      '\u200f',
      '\u2028',
      '\u202e',
      '\u2066',
      '\u2800',
      '\u3000',
      '\u3164',
      '\ufe0f',
      '\ufeff',
      '\uffa0',
      '\ud800',
      '\u{e0041}',
      '\u{1d173}',
    ];
    for (const character of odd)
      assert.match(escaped(`a${character}b`), /^a(\\u[0-9a-f]{4}|\\n){1,2}b$/, escaped(character));
    assert.equal(escaped('\u{e0041}'), '\\udb40\\udc41');
  });

  it('leaves what can be seen as it is, and keeps one text apart from another', () => {
    for (const text of ['os-1.0.0.img', 'Zoë → 画像 🙂', 'a b']) assert.equal(escaped(text), text);
    assert.equal(escaped('"\\n'), '\\"\\\\n');
    assert.equal(withoutUnseen('"a\\b"\u202e'), '"a\\b"\\u202e');
    assert.equal(printable('x'.repeat(81)), `${'x'.repeat(80)}…`);
  });
});
