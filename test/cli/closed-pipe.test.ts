/** Real processes whose readers leave: what was begun is finished, and the exit status tells the truth. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');

describe('tidegate: a reader that leaves early', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine(Date.now());
    writeFileSync(join(session.directory, 'disk.img'), 'an image');
    await session.type('init acme --insecure-development-keys');
    await session.type('release add disk.img --version 1.0.0 -w acme');
  });

  afterEach(() => session.end());

  /** The exit status of a command whose output and notes nobody reads. */
  async function unread(...argv: readonly string[]): Promise<unknown> {
    const child = spawn(process.execPath, [launcher, ...argv], { cwd: session.directory, stdio: 'pipe' });
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    const [status] = await once(child, 'exit');
    return status;
  }

  it('publishes all the same', async () => {
    assert.equal(await unread('publish', '-w', 'acme'), 0);
    assert.ok(existsSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json')));
  });

  it('goes on when its output goes to a full disk, and says so at the end', async function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const argv = [launcher, 'publish', '-w', 'acme'];
    const child = spawn(process.execPath, argv, { cwd: session.directory, stdio: ['ignore', full, 'pipe'] });
    const [beside, [status]] = await Promise.all([text(child.stderr ?? assert.fail()), once(child, 'exit')]);
    closeSync(full);
    assert.match(beside, /^error \[disk-full\] the work was done, and its output could not be written/);
    assert.equal(status, 74);
    assert.ok(existsSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json')));
  });

  it('still fails what fails', async () => {
    assert.equal(await unread('publish', '-w', 'elsewhere'), 78);
  });
});
