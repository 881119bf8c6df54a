import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ErrorCode, errorCatalogue, isTidegateError, TidegateError } from '../src/errors.ts';
import { readSourceFacts } from './support/source-facts.ts';

const repository = dirname(import.meta.dirname);
const codes = Object.keys(errorCatalogue) as readonly ErrorCode[];

interface Row {
  readonly code: string;
  readonly class: string;
  readonly exitStatus: string;
  readonly meaning: string;
  readonly next: string;
}

function documentedRows(): readonly Row[] {
  const lines = readFileSync(join(repository, 'docs', 'errors.md'), 'utf8').split('\n');
  return lines
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [code = '', name = '', exitStatus = '', meaning = '', next = ''] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return { code: code.replaceAll('`', ''), class: name, exitStatus, meaning, next };
    });
}

describe('errors', () => {
  it('the catalogue and docs/errors.md hold the same codes, each once', () => {
    const documented = documentedRows().map(({ code }) => code);
    assert.deepEqual(documented.toSorted(), [...codes].toSorted());
  });

  it('docs/errors.md gives class, exit status and meaning as the catalogue does', () => {
    for (const row of documentedRows()) {
      const { next, ...found } = row;
      const code = row.code as ErrorCode;
      const { meaning } = errorCatalogue[code];
      const error = new TidegateError(code, '');
      assert.deepEqual(found, { code, class: error.class, exitStatus: String(error.exitStatus), meaning });
      assert.match(next, /^[A-Z].*\.$/, `${code}: what to do next is a sentence`);
    }
  });

  it('each class has an exit status of its own, apart from those of the shell', () => {
    const statuses = new Map(
      codes.map((code) => [errorCatalogue[code].class, new TidegateError(code, '').exitStatus]),
    );
    assert.equal(new Set(statuses.values()).size, statuses.size);
    for (const [name, status] of statuses)
      assert.ok((status >= 64 && status <= 125) || name === 'cancelled', `${name}: ${status}`);
  });

  it('HTTP statuses are those of errors', () => {
    for (const code of codes) {
      const { httpStatus } = new TidegateError(code, '');
      assert.ok(httpStatus >= 400 && httpStatus <= 599, `${code}: ${httpStatus}`);
    }
  });

  it('every code is raised somewhere in src/', () => {
    const sources = readSourceFacts(join(repository, 'tsconfig.build.json'), join(repository, 'src'));
    const raised = new Set(
      sources.filter(({ path }) => path !== 'error-codes.ts').flatMap(({ strings }) => [...strings]),
    );
    const unused = codes.filter((code) => !raised.has(code));
    assert.deepEqual(unused, []);
  });

  it('an error is recognised by its code and becomes data without its cause', () => {
    const error = new TidegateError(
      'rollback',
      'timestamp: found 3',
      { role: 'timestamp' },
      { cause: new Error('inner') },
    );
    assert.ok(isTidegateError(error));
    assert.ok(isTidegateError(error, 'expired', 'rollback'));
    assert.ok(!isTidegateError(error, 'expired'));
    assert.ok(!isTidegateError(new Error('rollback'), 'rollback'));
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      code: 'rollback',
      class: 'rollback',
      message: 'timestamp: found 3',
      details: { role: 'timestamp' },
    });
  });
});
