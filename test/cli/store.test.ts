/** `tidegate store probe`, as typed. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

describe('tidegate store probe', () => {
  let session: CommandLine;
  beforeEach(() => {
    session = commandLine();
  });
  afterEach(() => session.end());

  it('shows what a folder promises, as a table and as data, and leaves it empty', async () => {
    mkdirSync(join(session.directory, 'public'));
    const { status, out } = await session.type('store probe public');
    assert.equal(status, 0);
    assert.match(out, /compare-and-swap, 16 at once +yes +1 of 16 were told that they replaced it/);
    assert.match(out, /several can publish there at once/);
    const data = (await session.type('store probe public --json')).json();
    assert.ok(typeof data === 'object' && data !== null && 'publishable' in data && 'rows' in data);
    assert.equal(data.publishable, true);
    const names = readdirSync(join(session.directory, 'public'), { recursive: true, withFileTypes: true });
    assert.deepEqual(
      names.filter((each) => each.isFile()),
      [],
    );
  });

  it('says with --dry-run what it would write', async () => {
    const { status, out } = await session.type('store probe s3://bucket/fleet?region=eu-central-1 --dry-run');
    assert.equal(status, 0);
    assert.match(out, /would write and remove files below \.probe\/ in s3:\/\/bucket\/fleet\//);
  });

  it('refuses what it cannot probe', async () => {
    for (const location of ['https://updates.example.org/', 's3://BUCKET/', 's3://bucket/?regoin=x'])
      assert.equal((await session.type(`store probe ${location}`)).status, 78, location);
    assert.equal((await session.type('store probe')).status, 64);
  });
});
