import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { type ArchiveEntry, archive } from '../../scripts/demo/ustar.ts';

function file(name: string, content: string, executable = false): ArchiveEntry {
  const bytes = Buffer.from(content);
  return { type: 'file', name, length: bytes.byteLength, executable, read: () => bytes };
}

function pack(entries: readonly ArchiveEntry[]): Buffer {
  return Buffer.concat([...archive(entries)]);
}

/** What tar(1) reads, a verdict that is not ours: "mode owner size date name" of each entry. */
function listed(bytes: Uint8Array): readonly string[] {
  const options = ['--list', '--verbose', '--numeric-owner', '--utc', '--quoting-style=literal', '-f', '-'];
  const result = spawnSync('tar', options, { input: bytes, encoding: 'utf8', maxBuffer: 1e8 });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trimEnd().split('\n');
}

describe('demo/ustar', () => {
  const segment = 'a-folder-with-a-long-name';
  const entries = [
    file('b/program', 'binary', true),
    file('a.txt', 'text'),
    { type: 'link', name: 'b/link', to: '../a.txt' },
    file(`${`${segment}/`.repeat(4)}and-a-file-with-a-long-name`, 'prefix'),
    file(`${'x'.repeat(180)}.txt`, 'pax'),
    file(`${`${segment}/`.repeat(12)}über`, 'pax'),
  ] as const satisfies readonly ArchiveEntry[];

  it('gives the same bytes for the same entries in any order', () => {
    const expected = pack(entries);
    fc.assert(
      fc.property(fc.shuffledSubarray([...entries], { minLength: entries.length }), (shuffled) => {
        assert.ok(pack(shuffled).equals(expected));
      }),
      { numRuns: 50 },
    );
  });

  it('is read by tar with fixed owners and times, sorted', function () {
    if (process.platform !== 'linux') this.skip();
    const lines = listed(pack(entries));
    assert.deepEqual(
      lines.map((line) => line.split(/\s+/).slice(0, 5).join(' ')),
      [
        '-rw-r--r-- 0/0 3 1970-01-01 00:00',
        '-rw-r--r-- 0/0 6 1970-01-01 00:00',
        '-rw-r--r-- 0/0 4 1970-01-01 00:00',
        'lrwxr-xr-x 0/0 0 1970-01-01 00:00',
        '-rwxr-xr-x 0/0 6 1970-01-01 00:00',
        '-rw-r--r-- 0/0 3 1970-01-01 00:00',
      ],
    );
    const names = lines.map((line) => line.split(/\s+/).slice(5).join(' '));
    assert.equal(names[1], `${`${segment}/`.repeat(4)}and-a-file-with-a-long-name`);
    assert.equal(names[0], `${`${segment}/`.repeat(12)}über`);
    assert.equal(names[3], 'b/link -> ../a.txt');
    assert.equal(names[5], `${'x'.repeat(180)}.txt`);
  });

  it('gives back every content', function () {
    if (process.platform !== 'linux') this.skip();
    const folder = mkdtempSync(join(tmpdir(), 'ustar-'));
    try {
      const path = join(folder, 'packed.tar');
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
          const entry: ArchiveEntry = {
            type: 'file',
            name: 'content',
            length: bytes.length,
            executable: false,
            read: () => bytes,
          };
          writeFileSync(path, pack([entry, file('other', 'x')]));
          const result = spawnSync('tar', ['-xOf', path, 'content']);
          assert.ok(result.stdout.equals(Buffer.from(bytes)));
        }),
        { numRuns: 15 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a file that changed while it was packed', () => {
    const entry: ArchiveEntry = {
      type: 'file',
      name: 'grown',
      length: 3,
      executable: false,
      read: () => Buffer.from('four'),
    };
    assert.throws(() => pack([entry]), /grown changed while it was packed/);
  });
});
