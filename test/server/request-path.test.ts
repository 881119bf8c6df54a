import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseRequestPath } from '../../src/server/request-path.ts';
import { absenceCacheControl, servedName } from '../../src/server/served-name.ts';
import { traversals } from '../support/traversals.ts';

const servable = (target: string): string | undefined => {
  const path = parseRequestPath(target);
  return 'name' in path ? servedName(path.name)?.name : undefined;
};

describe('server/request-path', () => {
  it('SRV-01: no form of traversal becomes a name that is served', () => {
    for (const target of traversals) assert.equal(servable(target), undefined, target);
    for (const file of ['1.root.json', `${'a'.repeat(64)}.img`, 'timestamp.json']) {
      for (const target of traversals.filter((form) => form.includes('secret'))) {
        const aimed = target.replace('secret', file);
        const name = servable(aimed);
        // A segment that only looks like ".." is a name like any other, and no way out.
        assert.ok(
          name === undefined || !name.split('/').some((part) => /^\.{0,2}$|[\\\0]/.test(part)),
          aimed,
        );
      }
    }
  });

  it('SRV-02: encoded slashes and empty segments are refused, whatever stands around them', () => {
    for (const target of [
      '/a%2fb',
      '/%2f',
      '/a%2F%2Fb',
      '/metadata/..%2f..%2fsecret',
      '/a//b',
      '//',
      '//a',
    ]) {
      assert.deepEqual(parseRequestPath(target), { refused: 400 }, target);
    }
  });

  it('SRV-04: NUL, broken escapes, bad UTF-8, raw high bytes and overlong paths are refused', () => {
    const targets = [
      '/%00',
      '/a%00b',
      '/%',
      '/%z',
      '/%zz',
      '/%2',
      '/%ff',
      '/%80',
      '/%c3',
      '/%ed%a0%80',
      '/\xff',
    ];
    for (const target of [
      ...targets,
      '/a b',
      '/\x7f',
      '/a#b',
      `/${'a'.repeat(8192)}`,
      `/${'a/'.repeat(2048)}`,
    ]) {
      assert.deepEqual(parseRequestPath(target), { refused: 400 }, target);
    }
    assert.deepEqual(parseRequestPath(`/${'a'.repeat(256)}`), { refused: 400 });
    assert.deepEqual(parseRequestPath(`/${'a'.repeat(255)}`), { name: 'a'.repeat(255) });
  });

  it('SRV-05: folders, dotfiles and the machinery of a store do not exist', () => {
    const targets = [
      '/',
      '/metadata/',
      '/.git/config',
      '/.env',
      '/a/.env',
      '/%2eenv',
      '/.tidegate-lock/',
      '/...',
    ];
    for (const target of targets) assert.deepEqual(parseRequestPath(target), { refused: 404 }, target);
  });

  it('SRV-06: nothing that a browser takes for another host is a name', () => {
    for (const target of ['//evil.com/%2f..', '/\\evil.com', '/%5cevil.com', '//evil.com', '/%2f/evil.com']) {
      assert.deepEqual(parseRequestPath(target), { refused: 400 }, target);
    }
  });

  it('SRV-25: query and spelling do not change the name', () => {
    for (const target of [
      '/m/1.root.json',
      '/m/1.root.json?',
      '/m/1.root.json?v=../..%2f',
      '/%6d/%31.root%2ejson',
    ]) {
      assert.deepEqual(parseRequestPath(target), { name: 'm/1.root.json' }, target);
    }
  });

  it('every name that is served is reached by its own encoded spelling, and only names come out', () => {
    const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const name = segments.join('/');
        if (!name.isWellFormed()) return;
        const path = parseRequestPath(`/${segments.map(encodeURIComponent).join('/')}`);
        if ('name' in path) assert.equal(path.name, name);
      }),
    );
  });
});

describe('server/served-name', () => {
  const hash = '0123456789abcdef'.repeat(4);

  it('serves versioned metadata and targets named by hash for ever, the timestamp for seconds', () => {
    const immutable = 'public, max-age=31536000, immutable, no-transform';
    for (const name of ['1.root.json', 'a/b/12.targets.json', '3.my-role_1.json', '1.a%2Fb.json']) {
      const served = servedName(name);
      assert.deepEqual([served?.cacheControl, served?.contentType], [immutable, 'application/json'], name);
    }
    for (const name of [`targets/${hash}.disk.img.lz4`, `${hash}${hash}.x`, `${hash}.a.json.gz`]) {
      const served = servedName(name);
      assert.deepEqual(
        [served?.cacheControl, served?.contentType],
        [immutable, 'application/octet-stream'],
        name,
      );
    }
    assert.equal(servedName(`${hash}.manifest.json`)?.contentType, 'application/json');
    const timestamp = servedName('metadata/timestamp.json');
    assert.match(timestamp?.cacheControl ?? '', /^public, max-age=10,.*no-transform$/);
    assert.equal(timestamp?.immutable, false);
  });

  it('SRV-05: serves nothing else that a store may hold', () => {
    const names = [
      'root.json',
      '0.root.json',
      '01.root.json',
      '1.json',
      '1.root.json~',
      'timestamp.json.bak',
    ];
    const others = ['package.json', 'id_rsa', 'tidegate.toml', `${hash}`, `${hash}.`, `${hash.slice(1)}.x`];
    const wrong = [`${hash}.a~`, `${hash.toUpperCase()}.x`, '1.a%2fb.json', '1..json', '1.a b.json'];
    for (const name of [...names, ...others, ...wrong]) assert.equal(servedName(name), undefined, name);
  });

  it('lets only the absence of the next root be remembered', () => {
    assert.equal(absenceCacheControl('metadata/3.root.json'), 'public, max-age=10');
    for (const name of ['3.targets.json', 'timestamp.json', `${hash}.x`]) {
      assert.equal(absenceCacheControl(name), 'no-store');
    }
  });
});
