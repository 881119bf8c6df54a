/** The checklist of the specification, and the tests that bear its ids. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const page = readFileSync(new URL('../docs/specification.md', import.meta.url), 'utf8');
const [checklist = '', otherwise = ''] = page.split('## Where we do otherwise');
const folder = new URL('.', import.meta.url).pathname;

/** First cells of the rows of tables. */
function idsIn(text: string): readonly string[] {
  return Array.from(text.matchAll(/^\| (SPEC-\S+) \|(?: [^|]+ \|)+$/gm), ([, id = '']) => id);
}

/** Ids in the names of tests, each with the files whose tests bear it. */
function idsInTests(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.test.ts') || name.endsWith('specification.test.ts')) continue;
    const source = readFileSync(join(folder, name), 'utf8');
    for (const [, , title = ''] of source.matchAll(/\b(?:it|describe)\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/g))
      for (const [id] of title.matchAll(/SPEC-\d+/g)) found.set(id, [...(found.get(id) ?? []), name]);
  }
  return found;
}

describe('the checklist of the specification', () => {
  const rows = Array.from({ length: 96 }, (_, index) => `SPEC-${index + 1}`);

  it('lists each row once, in order', () => assert.deepEqual(idsIn(checklist), rows));

  it('has a test that bears its id, or says why not, for each row', () => {
    const tested = idsInTests();
    const argued = idsIn(otherwise);
    assert.deepEqual(
      rows.filter((id) => !tested.has(id) && !argued.includes(id)),
      [],
    );
  });

  it('is all that tests and exceptions speak of', () => {
    const named = [...idsInTests().keys(), ...idsIn(otherwise)];
    assert.deepEqual(
      named.filter((id) => !rows.includes(id)),
      [],
    );
    assert.equal(new Set(idsIn(otherwise)).size, idsIn(otherwise).length);
  });
});
