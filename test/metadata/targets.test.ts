import assert from 'node:assert/strict';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { type Target, targetOf } from '../../src/metadata/targets.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { changed, documentOf, readTargets } from '../support/reading.ts';
import { cpuMilliseconds, limits, refuses } from '../support/trusting.ts';
import { Raw } from '../support/written-json.ts';

const targets = documentOf('targets');
const sha256 = 'a'.repeat(64);
const sha512 = 'b'.repeat(128);
const path = 'x.img';

const withTarget = (target: unknown, name = path): unknown => changed(targets, ['targets', name], target);

function read(target: unknown, name = path): Target | undefined {
  return targetOf(readTargets(withTarget(target, name)), parseTargetPath(name));
}

const refusesTarget = (target: unknown, ...mentions: readonly string[]): void =>
  refuses(
    () => readTargets(withTarget(target)),
    'document-invalid',
    'x.json: signed.targets.x.img',
    ...mentions,
  );

describe('metadata/targets', () => {
  it('reads a target, custom and all', () => {
    const target = read({ length: 3, hashes: { sha256 }, custom: { version: '1' }, more: 1 });
    assert.deepEqual(target, { path, length: 3, hashes: { sha256 }, custom: new Map([['version', '1']]) });
    assert.equal(read({ length: 0, hashes: { sha256 } })?.custom, undefined);
    assert.equal(targetOf(readTargets(targets), parseTargetPath('absent')), undefined);
    assert.equal(targetOf(readTargets(targets), parseTargetPath('constructor')), undefined);
  });

  it('SPEC-27, PAR-16: a target without a usable hash is refused when the role is read', () => {
    for (const hashes of [{}, null, [], undefined, 'x', { sha256: null }, { sha256: '' }])
      refusesTarget({ length: 3, hashes }, 'hash');
    refusesTarget({ length: 3, hashes: {} }, 'at least one usable hash');
  });

  it('PAR-17: md5, sha1, shake128 or unknown alone are refused; beside SHA-256 they are passed over', () => {
    for (const weak of ['md5', 'sha1', 'shake128', 'blake2b-256', 'whirlpool', 'SHA256'])
      refusesTarget({ length: 3, hashes: { [weak]: sha256 } }, 'at least one usable hash');
    const target = read({ length: 3, hashes: { md5: 'zz', sha256, sha512 } });
    assert.deepEqual(target?.hashes, { sha256, sha512 });
    assert.deepEqual(read({ length: 3, hashes: { sha512 } })?.hashes, { sha512 });
  });

  it('PAR-18: hashes are lower-case hexadecimal of the exact length, each of them', () => {
    const wrong = [
      sha256.toUpperCase(),
      'a'.repeat(63),
      'a'.repeat(65),
      `${'a'.repeat(63)}g`,
      `${'a'.repeat(63)}\n`,
      1,
      null,
    ];
    for (const digest of wrong) {
      refusesTarget({ length: 3, hashes: { sha256: digest } }, 'sha256', '64 lower-case hexadecimal');
      refusesTarget({ length: 3, hashes: { sha256: digest, sha512 } }, 'sha256');
    }
    refusesTarget({ length: 3, hashes: { sha256, sha512: 'b'.repeat(127) } }, 'sha512', '128');
  });

  it('PAR-19: lengths are integers from 0, honest big ones too', () => {
    for (const length of [-1, '10', null, true, undefined, 2 ** 53, [], {}])
      refusesTarget({ length, hashes: { sha256 } }, 'length');
    for (const text of ['1.5', '1e308', '1e3', '-0'])
      refuses(() => readTargets(withTarget({ length: new Raw(text), hashes: { sha256 } })), 'json-invalid');
    for (const length of [0, 2 ** 31 + 5, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
      assert.equal(read({ length, hashes: { sha256 } })?.length, length);
      assert.equal(read({ length, hashes: { sha256, sha512 } })?.length, length);
    }
  });

  it('SPEC-29: takes custom of any kind, as other clients do; writers give an object', () => {
    for (const custom of ['text', ['list'], null, 1, true])
      assert.deepEqual(read({ length: 1, hashes: { sha256 }, custom })?.custom, custom);
  });

  it('refuses a target that is no object, and targets that are none', () => {
    for (const target of [null, [], 'x', 1]) refusesTarget(target, 'an object');
    for (const value of [null, [], undefined])
      refuses(() => readTargets(changed(targets, ['targets'], value)), 'document-invalid', 'signed.targets');
  });

  it('DEL-20: paths that could leave their folder are refused with the whole role', () => {
    for (const name of [
      '../../m/x',
      '/etc/passwd',
      'a\\b',
      '.',
      '..',
      '',
      'a/',
      'a\0',
      'a\nb',
      'a//b',
      'a'.repeat(4096),
    ])
      refuses(
        () => readTargets(withTarget({ length: 1, hashes: { sha256 } }, name)),
        'document-invalid',
        'cannot leave',
      );
  });

  it('PAR-34: 1 MB of custom in a target is too much', () => {
    for (const custom of [
      'x'.repeat(1_000_000),
      Array.from({ length: 1_000_000 }, () => 0),
      { ['n'.repeat(70_000)]: 1 },
    ])
      for (const hashes of [{ sha256 }, { sha256, sha512 }])
        refuses(() => read({ length: 1, hashes, custom }), 'count-limit', 'signed.targets.x.img.custom');
    const fits = { text: 'x'.repeat(60_000), list: [1, null, { deep: true }] };
    assert.ok(read({ length: 1, hashes: { sha256 }, custom: fits })?.custom);
    assert.ok(read({ length: 1, hashes: { sha256, sha512 }, custom: fits })?.custom);
  });

  it('PAR-21: custom may hold __proto__ and constructor without effect', () => {
    const custom = new Raw('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    assert.ok(read({ length: 1, hashes: { sha256 }, custom })?.custom instanceof Map);
    assert.equal((Object.prototype as { polluted?: unknown }).polluted, undefined);
    const named = read({ length: 1, hashes: { sha256 } }, '__proto__');
    assert.equal(named?.length, 1);
  });

  it('costs in proportion to the number of targets', () => {
    const many = (count: number): unknown => {
      const listed = Array.from({ length: count }, (_, index) => [
        `image-${index}.img`,
        { length: index, hashes: { sha256 } },
      ]);
      return { ...targets, targets: Object.fromEntries(listed) };
    };
    const [small, large] = [many(2000), many(20_000)];
    readTargets(small);
    const base = Math.max(
      5,
      cpuMilliseconds(() => readTargets(small)),
    );
    assert.ok(cpuMilliseconds(() => readTargets(large)) < base * 10 * 6);
    assert.ok(imageBytes('x', 33).length === 33);
  });

  it('honours stricter limits', () => {
    const strict = { ...limits, maxCustomSize: 5 };
    refuses(
      () => readTargets(withTarget({ length: 1, hashes: { sha256 }, custom: 'abcdef' }), strict),
      'count-limit',
    );
  });
});
