import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '../../../src/signer/release/image-file.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { putFile, workspaceDisk } from '../../support/workspace.ts';

describe('signer/release/image-file', () => {
  it('SGN-37: a sparse image is read as what it stands for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-sparse-'));
    const path = join(folder, 'sparse.img');
    const length = 32 * 1024 * 1024;
    writeFileSync(path, '');
    truncateSync(path, length);
    try {
      const image = await readImage(nodeFileSystem, path);
      assert.equal(image.length, length);
      assert.equal(image.sha256, createHash('sha256').update(new Uint8Array(length)).digest('hex'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('SGN-37: an image that cannot be read is named, with the reason', async () => {
    const disk = await workspaceDisk();
    const path = await putFile(disk, '/images/os.img', 'bytes');
    const recorder = new FileSystemReplay(disk);
    await readImage(recorder, path);
    const index = recorder.calls.findIndex(({ call }) => call === 'open');
    assert.ok(index >= 0);
    await assert.rejects(
      readImage(new FileSystemReplay(disk, { failure: { index, code: 'EACCES' } }), path),
      {
        code: 'disk-error',
        message: /os\.img/,
      },
    );
  });
});
