import assert from 'node:assert/strict';
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

describe('tidegate root embed', () => {
  let session: CommandLine;
  let inSession: (name: string) => string;

  beforeEach(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    inSession = (name) => join(session.directory, name);
    writeFileSync(inSession('disk-1.0.0.img'), 'an image');
    for (const line of ['init acme --insecure-development-keys', 'release add disk-1.0.0.img', 'publish']) {
      assert.equal((await session.type(line)).status, 0, line);
    }
  });

  afterEach(() => session.end());

  it('SGN-41: writes the public root, says what to compare, and passes the check of a build', async () => {
    const typed = await session.type('root embed --output root.json');
    assert.equal(typed.status, 0, typed.beside);
    assert.match(
      typed.out,
      /^root 1 of acme\n {2}sha256 {5}[0-9a-f]{64}\n {2}expires .*\n {2}threshold {2}2 of 3 keys\n/,
    );
    assert.equal(typed.out.match(/^ {2}key {8}([a-z]{5}-){7}[a-z]{5}$/gm)?.length, 3);
    assert.ok(typed.out.split('\n').every((line) => line.length <= 80));
    const bytes = readFileSync(inSession('root.json'));
    assert.deepEqual(bytes, readFileSync(inSession('acme/repository/metadata/1.root.json')));
    assert.equal(statSync(inSession('root.json')).mode & 0o777, 0o644);
    for (const line of [
      'root embed --check root.json',
      'root embed --check root.json --url acme/repository',
    ]) {
      const checked = await session.type(line);
      assert.deepEqual([checked.status, checked.out.includes('this root may be embedded')], [0, true], line);
    }
    const data = (await session.type('root embed --json')).json() as {
      version: number;
      keys: unknown[];
      state: string;
    };
    assert.deepEqual([data.version, data.keys.length, data.state], [1, 3, 'shown']);
  });

  it('leaves a file alone that is right already, and writes nothing when it is only tried', async () => {
    await session.type('root embed --output root.json');
    utimesSync(inSession('root.json'), 1, 1);
    assert.match((await session.type('root embed --output root.json')).out, /is this root already/);
    assert.equal(statSync(inSession('root.json')).mtimeMs, 1000);
    assert.match((await session.type('root embed --output other.json --dry-run')).out, /nothing was written/);
    assert.throws(() => statSync(inSession('other.json')));
  });

  it('SGN-41: fails a build whose root is another one, or too old, with a status of its own', async () => {
    await session.type('root embed --output root.json');
    await session.type('init other --insecure-development-keys');
    writeFileSync(inSession('foreign.json'), readFileSync(inSession('other/roots/1.root.json')));
    const status = async (line: string) => (await session.type(`root embed ${line}`)).status;
    assert.equal(await status('--check foreign.json'), 85);
    assert.equal(await status('--check disk-1.0.0.img'), 65);
    assert.equal(await status('--check none.json'), 64);
    assert.equal(await status('--check root.json --output x.json'), 64);
    assert.equal(await status('--url acme/repository'), 64);
    assert.equal(await status('--check root.json -w other'), 69);
    session.now += (364 + 365) * 86_400_000;
    assert.equal(await status('--check root.json'), 82);
  });
});
