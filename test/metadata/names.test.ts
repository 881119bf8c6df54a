import assert from 'node:assert/strict';
import fc from 'fast-check';
import { metadataFileName, snapshotEntryName, targetFileName } from '../../src/metadata/file-names.ts';
import { printable } from '../../src/metadata/printable.ts';
import { checkPortableRoleName, checkRoleName, encodeSegment } from '../../src/metadata/role-name.ts';
import { parsePortableTargetPath, parseTargetPath } from '../../src/metadata/target-path.ts';
import { checkStoreName } from '../../src/storage/store-name.ts';
import { encodedRole } from '../support/simulated-documents.ts';
import { refuses } from '../support/trusting.ts';

describe('metadata: names of roles', () => {
  it('DEL-08: names that could leave the folder become one harmless segment', () => {
    const names = [
      '../x',
      '/x',
      'a/b',
      '..',
      '.',
      '?',
      '#',
      '%2e%2e',
      'CON',
      'dot.',
      ' ',
      '\\',
      'é',
      "!'()*",
      '~',
      '-',
    ];
    for (const name of names) {
      const file = metadataFileName(checkRoleName(name), 3);
      assert.doesNotMatch(file, /[/\\?#]/, name);
      assert.equal(file, `3.${encodedRole(name)}.json`);
      checkStoreName(file);
      checkStoreName(metadataFileName(name));
      assert.equal(snapshotEntryName(name), `${name}.json`);
    }
  });

  it('DEL-08: empty, too long and control characters are refused', () => {
    for (const name of ['', 'a\0', 'a\nb', '\u007f', '\u001b[2J', '\ud800'])
      refuses(() => checkRoleName(name), 'role-name-invalid', 'role name');
    for (const name of ['a'.repeat(300), 'a'.repeat(201), '/'.repeat(67), 'é'.repeat(34)])
      refuses(() => checkRoleName(name), 'role-name-invalid', 'at most 200 bytes');
    for (const name of ['a'.repeat(200), '/'.repeat(66)])
      assert.ok(metadataFileName(checkRoleName(name), Number.MAX_SAFE_INTEGER).length <= 255 - 16);
  });

  it('encodes as other clients do, and never two names alike', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        assert.equal(encodeSegment(a), encodedRole(a));
        assert.equal(encodeSegment(a) === encodeSegment(b), a === b);
      }),
    );
  });

  it('SPEC-94: our own roles have names that no client treats specially', () => {
    for (const name of ['images', 'a', 'images-x86_64.v1', `a${'b'.repeat(79)}`])
      assert.equal(checkPortableRoleName(name), name);
    const wrong = ['', 'A', '1', '20', '-a', '.a', 'a/b', 'a b', 'é', 'a%', `a${'b'.repeat(80)}`, 'a\n'];
    for (const name of [...wrong, 'root', 'timestamp', 'snapshot', 'targets'])
      refuses(() => checkPortableRoleName(name), 'role-name-invalid', printable(name));
  });

  it('SPEC-86, SPEC-93: file names of the specification', () => {
    assert.equal(metadataFileName('timestamp'), 'timestamp.json');
    assert.equal(metadataFileName('root', 1), '1.root.json');
    assert.equal(metadataFileName('snapshot', 12), '12.snapshot.json');
  });
});

describe('metadata: target paths', () => {
  it('DEL-20, SPEC-28: paths that could leave their folder are refused', () => {
    const wrong = [
      '../../m/x',
      '/etc/passwd',
      'a\\b',
      '.',
      '..',
      '',
      'a/',
      'a//b',
      './a',
      'a/./b',
      'a/..',
      'a/../b',
      'a\0',
      'a\nb',
      '\u007f',
      '/',
      'a\u001f',
    ];
    for (const path of wrong) refuses(() => parseTargetPath(path), 'target-path-invalid', 'target path');
    refuses(() => parseTargetPath('\udc00'), 'target-path-invalid');
    for (const path of wrong) refuses(() => parsePortableTargetPath(path), 'target-path-invalid');
  });

  it('DEL-20: odd but harmless paths are read, and pass the stores', () => {
    const odd = [
      '%2e%2e/x',
      'a?b',
      'a#b',
      'a%2fb',
      '-rf',
      '~/x',
      'a b',
      'é',
      '...',
      '.a',
      'a..',
      'a/.b',
      '100%',
      '😀',
    ];
    for (const path of odd) {
      assert.equal(parseTargetPath(path), path);
      checkStoreName(targetFileName(parseTargetPath(path), 'abc'));
    }
  });

  it('DEL-22: paths that cannot be stored are refused', () => {
    refuses(() => parseTargetPath('a'.repeat(4096)), 'target-path-invalid', 'at most 1024');
    assert.ok(parseTargetPath('a'.repeat(1024)));
    refuses(() => parsePortableTargetPath('a'.repeat(256)), 'target-path-invalid', 'at most 180');
    assert.ok(parsePortableTargetPath('a'.repeat(180)));
  });

  it('our own targets have names that nobody encodes', () => {
    for (const path of ['manifest.json', 'a', '0', 'boot-1.2.3+x_y.img.zst'])
      assert.equal(parsePortableTargetPath(path), path);
    for (const path of ['a/b', '.hidden', '-a', '_a', 'a b', 'a%', 'a?', 'é', 'a~'])
      refuses(() => parsePortableTargetPath(path), 'target-path-invalid');
  });

  it('SPEC-77: the hash stands before the last segment', () => {
    assert.equal(targetFileName(parseTargetPath('x.img'), 'abc'), 'abc.x.img');
    assert.equal(targetFileName(parseTargetPath('d/e/x.img'), 'abc'), 'd/e/abc.x.img');
    assert.equal(targetFileName(parseTargetPath('d/x.img')), 'd/x.img');
  });
});

describe('metadata: text for messages', () => {
  it('is short, on one line, and hides nothing', () => {
    assert.equal(
      printable('a"b\\c\n\u001b\u0085\u200b\u202e\u2066\ufeff\u061c\u00ad'),
      'a\\"b\\\\c\\n\\u001b\\u0085\\u200b\\u202e\\u2066\\ufeff\\u061c\\u00ad',
    );
    assert.equal(printable('x'.repeat(81)), `${'x'.repeat(80)}…`);
    assert.equal(printable(`${'x'.repeat(79)}😀`), `${'x'.repeat(79)}\\ud83d…`);
    assert.equal(printable('é 日本'), 'é 日本');
  });
});
