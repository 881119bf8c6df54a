import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashFile } from '../../src/storage/file-content.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

describe('signer/refresh: beside an image that is hashed', () => {
  const length = 20 * 2 ** 30;
  let session: CommandLine;
  let image: string;

  before(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    // Without blocks of its own: nothing of its twenty gigabytes is on the disk.
    image = join(session.directory, 'image');
    writeFileSync(image, '');
    truncateSync(image, length);
    await session.type('init acme --insecure-development-keys');
    assert.equal((await session.type('publish')).status, 0);
  });

  after(() => session.end());

  it('SGN-38: a timestamp that is due is renewed while 20 GB are hashed in the same process', async () => {
    const enough = new AbortController();
    let hashed = 0;
    let begun = (): void => undefined;
    const underWay = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const hashing = hashFile(nodeFileSystem, image, {
      signal: enough.signal,
      progress: (bytes) => {
        hashed = bytes;
        begun();
      },
    });
    await underWay;
    const before = hashed;
    session.now += 86_400_000;
    const refreshed = await session.type('refresh');
    const during = hashed;
    enough.abort();
    await assert.rejects(hashing, { code: 'cancelled' });
    assert.match(refreshed.out, /refreshed: timestamp 2/);
    assert.ok(during > before, 'the hashing went on');
    assert.ok(during < length / 2, `renewed only after ${during} bytes`);
  });
});
