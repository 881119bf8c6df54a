/** Memory that a store uses again while a target is on its way: the simulator overwrites each piece at once. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, imageBytes } from '../support/fixture-repository.ts';

describe('reused chunks', () => {
  let scene: ClientScene;
  beforeEach(() => {
    scene = new ClientScene();
  });
  afterEach(() => scene.close());

  const expected = imageBytes(fixtureImages.boot, 9000);

  async function streamed(reuseChunks: boolean, bend?: (bytes: Uint8Array) => Uint8Array): Promise<Buffer[]> {
    const { repository } = scene;
    const client = scene.client();
    await client.refresh();
    repository.tamper = (name, bytes) =>
      bend !== undefined && bytes !== undefined && name.startsWith('targets/') ? bend(bytes) : bytes;
    const pieces: Buffer[] = [];
    try {
      for await (const piece of client.stream(fixtureImages.boot, { reuseChunks }))
        pieces.push(Buffer.from(piece));
    } catch (error) {
      assert.ok(Buffer.concat(pieces).length < expected.length, 'a whole wrong file was handed on');
      throw error;
    }
    return pieces;
  }

  for (const reuse of [true, false]) {
    it(`hands on every piece as it came, the last one too (reuse ${reuse})`, async () => {
      const pieces = await streamed(reuse);
      assert.ok(pieces.length > 2);
      assert.deepEqual(new Uint8Array(Buffer.concat(pieces)), expected);
    });

    it(`keeps back the last piece of a wrong file (reuse ${reuse})`, async () => {
      const flipped = (bytes: Uint8Array) => bytes.with(3, (bytes[3] ?? 0) ^ 1);
      await assert.rejects(streamed(reuse, flipped), { code: 'hash-mismatch' });
      await assert.rejects(
        streamed(reuse, (bytes) => bytes.subarray(0, -1)),
        { code: 'length-mismatch' },
      );
    });
  }

  it('leaves pieces alone when nobody allowed it', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of scene.client().stream(fixtureImages.boot)) pieces.push(piece);
    assert.deepEqual(new Uint8Array(Buffer.concat(pieces)), expected);
  });

  it('downloads whole files from a store that reuses its memory', async () => {
    const destination = join(scene.folder, 'boot.img');
    await scene.client().download(fixtureImages.boot, destination);
    assert.deepEqual(new Uint8Array(readFileSync(destination)), expected);
  });
});
