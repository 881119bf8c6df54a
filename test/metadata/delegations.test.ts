import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { type Delegations, keysForRole, rolesForPath } from '../../src/metadata/delegations.ts';
import { matchesPattern } from '../../src/metadata/path-pattern.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { changed, documentOf, readTargets } from '../support/reading.ts';
import { signingKey } from '../support/signing-keys.ts';
import { cpuMilliseconds, refuses } from '../support/trusting.ts';
import { Raw } from '../support/written-json.ts';

const key = signingKey('delegated');
const keys = { [key.id]: key.json };
const role = { name: 'r', keyids: [key.id], threshold: 1, terminating: false, paths: ['*'] };
const bins = { keyids: [key.id], threshold: 1, bit_length: 4, name_prefix: 'bin' };

const document = (delegations: unknown): unknown =>
  changed(documentOf('targets'), ['delegations'], delegations);

function read(delegations: unknown): Delegations {
  const read = readTargets(document(delegations)).delegations;
  assert.ok(read);
  return read;
}

const withRoles = (...roles: readonly unknown[]): unknown => ({ keys, roles });
const refusesRole = (changes: object, ...mentions: readonly string[]): void =>
  refuses(
    () => read(withRoles({ ...role, ...changes })),
    'document-invalid',
    'signed.delegations.roles[0]',
    ...mentions,
  );
const names = (delegations: Delegations, path: string): readonly string[] =>
  rolesForPath(delegations, parseTargetPath(path)).map(({ name }) => name);
const pathHash = (path: string): string => createHash('sha256').update(path).digest('hex');

describe('metadata/delegations', () => {
  it('SPEC-36: keeps the order of roles, also of names that look like numbers', () => {
    const delegations = read(withRoles(...['20', '3', 'b', '1'].map((name) => ({ ...role, name }))));
    assert.deepEqual(names(delegations, 'x'), ['20', '3', 'b', '1']);
  });

  it('SPEC-30, DEL-06: a role name stands once in one list', () => {
    refuses(
      () => read(withRoles(role, { ...role, paths: ['a'] })),
      'document-invalid',
      'roles[1]',
      'not used before',
    );
  });

  it('SPEC-31, DEL-17: exactly one of paths and path_hash_prefixes', () => {
    refusesRole({ path_hash_prefixes: ['a'] }, 'exactly one', 'both');
    refusesRole({ paths: undefined }, 'exactly one', 'neither');
    assert.deepEqual(names(read(withRoles({ ...role, paths: [] })), 'x'), []);
  });

  it('SPEC-32: terminating is always there', () => {
    for (const terminating of [undefined, null, 0, 'false'])
      refusesRole({ terminating }, 'terminating', 'true or false');
  });

  it('PAR-04, SPEC-21: thresholds of delegated roles are integers from 1', () => {
    for (const threshold of [0, -1, null, '1', 2 ** 53, undefined]) refusesRole({ threshold }, 'threshold');
    refuses(() => read(withRoles({ ...role, threshold: new Raw('1.5') })), 'json-invalid');
  });

  it('DEL-08, DEL-11: role names are checked; those of objects are names like any other', () => {
    for (const name of ['root', 'timestamp', 'snapshot', 'targets'])
      refusesRole({ name }, 'no top-level role');
    for (const name of [undefined, 1, null]) refusesRole({ name }, 'name');
    for (const name of ['', 'a\0b', 'a\nb', 'x'.repeat(300)])
      refuses(() => read(withRoles({ ...role, name })), 'role-name-invalid');
    const odd = ['constructor', '__proto__', 'toString', '../x', '/x', '..', '?', '#', '%2e%2e', 'CON'];
    const delegations = read(withRoles(...odd.map((name) => ({ ...role, name }))));
    assert.deepEqual(names(delegations, 'x'), odd);
    for (const name of odd) assert.equal(keysForRole(delegations, name)?.threshold, 1);
    assert.equal(keysForRole(delegations, 'valueOf'), undefined);
  });

  it('SPEC-34, DEL-17: hash prefixes are true prefixes of the SHA-256 of the path', () => {
    const hash = pathHash('file.txt');
    assert.ok(hash.startsWith('aadf327c8267c09d6fffd87a1a80'), 'the vector, made with sha256sum');
    for (const length of [1, 2, 3, 63, 64]) {
      const delegations = read(
        withRoles({ ...role, paths: undefined, path_hash_prefixes: [hash.slice(0, length)] }),
      );
      assert.deepEqual(names(delegations, 'file.txt'), ['r']);
      assert.deepEqual(names(delegations, 'other.txt'), []);
    }
    const inside = read(withRoles({ ...role, paths: undefined, path_hash_prefixes: [hash.slice(1, 9)] }));
    assert.deepEqual(names(inside, 'file.txt'), []);
    for (const prefix of ['', 'A', 'g', 'a'.repeat(65), 'a\n', 1, null])
      refuses(
        () => read(withRoles({ ...role, paths: undefined, path_hash_prefixes: [prefix] })),
        'document-invalid',
        'path_hash_prefixes',
      );
  });

  it('PAR-34: 2,000 delegations, and 2,000 paths of one, are too many', () => {
    const many = Array.from({ length: 2000 }, (_, index) => ({ ...role, name: `r${index}` }));
    refuses(() => read(withRoles(...many)), 'count-limit', '2000 roles');
    for (const member of ['paths', 'path_hash_prefixes']) {
      const full = { ...role, paths: undefined, [member]: Array.from({ length: 2000 }, () => 'a') };
      refuses(() => read(withRoles(full)), 'count-limit', '2000 entries');
    }
  });

  it('bounds the length of a pattern, since matching costs its length times that of the path', () => {
    const longest = 'a'.repeat(1024);
    assert.deepEqual(read(withRoles({ ...role, paths: [longest] })).roles[0]?.paths, [longest]);
    refuses(() => read(withRoles({ ...role, paths: [`${longest}a`] })), 'count-limit', 'paths[0]', '1025');
  });

  it('refuses delegations of the wrong shape', () => {
    for (const delegations of [
      null,
      [],
      'x',
      {},
      { keys },
      { roles: [role] },
      { keys, roles: {} },
      { keys: [], roles: [] },
      { keys, roles: [null] },
    ])
      refuses(() => read(delegations), 'document-invalid', 'signed.delegations');
    for (const paths of [null, {}, 'x', [1], [null]]) refusesRole({ paths }, 'paths');
    assert.equal(readTargets(document(undefined)).delegations, undefined);
    assert.deepEqual(read({ keys: {}, roles: [] }).roles, []);
  });

  describe('succinct roles', () => {
    const succinct = (changes: object): Delegations =>
      read({ keys, succinct_roles: { ...bins, ...changes } });

    it('DEL-19: bit lengths are 1 to 32, and 2^32 names are never counted', () => {
      for (const bit_length of [0, -1, 33, 1024, '4', null, undefined])
        refuses(() => succinct({ bit_length }), 'document-invalid', 'bit_length');
      refuses(() => succinct({ bit_length: new Raw('1.5') }), 'json-invalid');
      const widest = succinct({ bit_length: 32 });
      assert.ok(cpuMilliseconds(() => rolesForPath(widest, parseTargetPath('file.txt'))) < 250);
      assert.deepEqual(names(widest, 'file.txt'), ['bin-aadf327c']);
      assert.equal(keysForRole(widest, 'bin-ffffffff')?.threshold, 1);
    });

    it('SPEC-34: the first bits of the hash number the bin, in digits of one width', () => {
      for (let bits = 1; bits <= 16; bits += 1) {
        const number = Number.parseInt(pathHash('file.txt').slice(0, 8), 16) >>> (32 - bits);
        const width = Math.ceil(bits / 4);
        assert.deepEqual(names(succinct({ bit_length: bits }), 'file.txt'), [
          `bin-${number.toString(16).padStart(width, '0')}`,
        ]);
      }
      assert.equal(rolesForPath(succinct({}), parseTargetPath('x'))[0]?.terminating, false);
    });

    it('knows the names of its bins and no others', () => {
      const delegations = succinct({ bit_length: 5 });
      for (const name of ['bin-00', 'bin-1f']) assert.ok(keysForRole(delegations, name));
      for (const name of [
        'bin-20',
        'bin-0',
        'bin-000',
        'bin-0g',
        'bin-1F',
        'bin',
        'bin-',
        'other-00',
        'x',
        'bin--1',
      ])
        assert.equal(keysForRole(delegations, name), undefined, name);
    });

    it('stands alone, with a name that can be a file', () => {
      refuses(
        () => read({ keys, roles: [], succinct_roles: bins }),
        'document-invalid',
        'either roles or succinct_roles',
      );
      refuses(() => succinct({ name_prefix: '' }), 'role-name-invalid');
      for (const name_prefix of [undefined, 1])
        refuses(() => succinct({ name_prefix }), 'document-invalid', 'name_prefix');
      for (const succinct_roles of [null, []])
        refuses(() => read({ keys, succinct_roles }), 'document-invalid');
    });
  });
});

describe('metadata/path-pattern', () => {
  it('DEL-14, SPEC-33: only * and ? are special, and neither crosses a slash', () => {
    const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ['a/*', ['a/b', 'a/.b', 'a/b.c'], ['a', 'a/b/c', 'b/a', 'A/b']],
      ['*', ['a', '.hidden', '*'], ['a/b']],
      ['?', ['a', '?', '*', 'é', '😀'], ['ab', 'a/b']],
      ['[ab]', ['[ab]'], ['a', 'b']],
      ['{a,b}', ['{a,b}'], ['a', 'b']],
      ['!x', ['!x'], ['y', 'x']],
      ['#x', ['#x'], ['x', 'y']],
      ['+(a)', ['+(a)'], ['a', 'aa']],
      ['*.img', ['a.img', '.img'], ['a/x.img', 'a.img.gz', 'a.IMG']],
      ['a*b*c', ['abc', 'aXbYc', 'abbc', 'abcbc'], ['ac', 'abcd', 'xabc']],
      ['img?bin', ['img.bin', 'img-bin'], ['imgbin', 'img..bin']],
      ['**', ['a', 'ab'], ['a/b']],
      ['**/x', ['a/x'], ['x', 'a/b/x']],
      ['*/*', ['a/b'], ['a', 'a/b/c']],
      ['a**', ['a', 'ab'], ['b']],
      ['', [], ['a']],
    ];
    for (const [pattern, yes, no] of rows) {
      for (const path of yes)
        assert.equal(matchesPattern(pattern, path), true, `${pattern} should match ${path}`);
      for (const path of no)
        assert.equal(matchesPattern(pattern, path), false, `${pattern} should not match ${path}`);
    }
    assert.equal(matchesPattern('\\*', 'x'), false);
    assert.equal(matchesPattern('a?', 'a'), false);
    assert.equal(matchesPattern('a/?', 'a/'), false);
  });

  it('agrees with a regular expression, for any small pattern', () => {
    const piece = fc.constantFrom('a', 'b', '/', '*', '?', '.', '😀');
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, (pattern, path) => {
        const source = [...pattern].map((part) => ({ '*': '[^/]*', '?': '[^/]', '.': '\\.' })[part] ?? part);
        assert.equal(matchesPattern(pattern, path), new RegExp(`^${source.join('')}$`, 'u').test(path));
      }),
      { numRuns: 2000 },
    );
  });

  it('costs at most the product of the lengths', () => {
    const text = 'a'.repeat(1000);
    for (const pattern of [
      '*a'.repeat(500),
      `${'*a'.repeat(20)}b`,
      `${'a*'.repeat(300)}b`,
      `${'?*'.repeat(300)}b`,
    ])
      assert.ok(cpuMilliseconds(() => matchesPattern(pattern, text)) < 250, pattern.slice(0, 10));
  });
});
