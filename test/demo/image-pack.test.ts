import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compress, expand, measure } from '../../scripts/demo/compression.ts';
import { installedEntries, packImage } from '../../scripts/demo/image-pack.ts';

const { signal } = new AbortController();

/** A tree as npm leaves it: a plain package with one nested in it, and a compiler of this kind of machine. */
function makeTree(folder: string): void {
  const files = {
    'node_modules/plain/index.js': 'export {};',
    'node_modules/plain/node_modules/nested/index.js': 'export default 1;',
    'node_modules/plain/.cache/leftover': 'changes from day to day',
    'node_modules/@typescript/machine/bin/tsc': 'machine code',
    'node_modules/other-machine/program': 'not for images',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const packages = {
    'node_modules/plain': {},
    'node_modules/plain/node_modules/nested': {},
    'node_modules/@typescript/machine': { os: ['linux'] },
    'node_modules/other-machine': { os: ['linux'], cpu: ['x64'] },
    'node_modules/not-installed': {},
  };
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

describe('demo/image-pack', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-pack-'));
    makeTree(join(folder, 'one'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('takes the packages that npm lists, and nothing that lies beside them', () => {
    const { base, extended } = installedEntries(join(folder, 'one'));
    const names = base.map((entry) => entry.name).sort();
    // Node.js itself fills up an image that would be too small.
    assert.deepEqual(names, [
      'bin/node',
      'node_modules/plain/index.js',
      'node_modules/plain/node_modules/nested/index.js',
    ]);
    assert.deepEqual(
      extended.slice(base.length).map((entry) => entry.name),
      ['node_modules/@typescript/machine/bin/tsc'],
    );
  });

  it('packs and compresses the same files to the same bytes, wherever and whenever they were installed', async () => {
    cpSync(join(folder, 'one'), join(folder, 'two'), { recursive: true });
    utimesSync(join(folder, 'two', 'node_modules/plain/index.js'), 1, 1);
    const small = (tree: string) =>
      installedEntries(join(folder, tree)).extended.filter((entry) => entry.name !== 'bin/node');
    const packed = ['one', 'two'].map((tree) => packImage(small(tree), join(folder, `${tree}.img`)));
    assert.deepEqual(packed[0], packed[1]);
    const compressed = [];
    for (const tree of ['one', 'two']) {
      const to = join(folder, `${tree}.zst`);
      await compress(join(folder, `${tree}.img`), to, signal);
      compressed.push(readFileSync(to).toString('hex'));
    }
    assert.equal(compressed[0], compressed[1]);
  });

  it('measures what an image holds, compressed or not', async () => {
    const bytes = Buffer.from('an image, an image, an image');
    const plain = join(folder, 'plain.img');
    const packed = join(folder, 'packed.img.zst');
    writeFileSync(plain, bytes);
    await compress(plain, packed, signal);
    const expected = await measure(plain);
    assert.equal(expected.length, bytes.length);
    assert.deepEqual(await expand(plain, undefined, signal), expected);
    assert.deepEqual(await expand(packed, join(folder, 'expanded'), signal), expected);
    assert.ok(readFileSync(join(folder, 'expanded')).equals(bytes));
  });
});
