import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { clearInactive, markInactiveValid } from '../../src/agent/boot-flags.ts';
import { FileSlots } from '../../src/agent/file-slots.ts';
import { provisionSlots } from '../../src/agent/provision.ts';
import { writeImage } from '../../src/agent/slot-image.ts';
import type { ImagePlace } from '../../src/agent/slots.ts';
import {
  agentOn,
  boot,
  imageIn,
  noise,
  provisionedDisk,
  releaseOf,
  runningRelease,
  type Scene,
  scene,
  slotSize,
  slotsDirectory,
} from '../support/agent-scene.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';

async function overwrite(disk: MemoryFileSystem, path: string, text: string): Promise<void> {
  const handle = await disk.open(path, 2);
  await handle.truncate(0);
  await handle.write([new TextEncoder().encode(text)], 0);
  await handle.close();
}

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe('file slots', () => {
  let { disk, shelf, agent }: Scene = {} as Scene;
  let slots: FileSlots;

  beforeEach(async () => {
    ({ disk, shelf, agent } = await scene());
    slots = new FileSlots({ directory: slotsDirectory, slotSize, fileSystem: disk });
    await agent.check();
  });

  async function open(kind = 'root'): Promise<ImagePlace> {
    const inactive = await slots.inactive();
    await inactive.empty();
    return await inactive.open(kind);
  }

  it('keep flags and contents, and bring them back', async () => {
    const flags = markInactiveValid(clearInactive(await slots.readFlags()));
    await slots.writeFlags(flags);
    assert.deepEqual(await slots.readFlags(), flags);
    const content = await slots.readContent('a');
    assert.deepEqual(content?.release, runningRelease);
    assert.deepEqual(Object.keys(content?.images ?? {}), ['boot', 'root', 'hash']);
    assert.equal(await slots.readContent('b'), undefined);
  });

  it('SLT-09: an inactive slot that is a link is refused, and nothing is changed', async () => {
    await disk.removeFolder(`${slotsDirectory}/slot-b`);
    disk.symlink('slot-a', `${slotsDirectory}/slot-b`);
    const before = await imageIn(disk, 'a', 'root');
    await assert.rejects(agent.prepare(), { code: 'not-a-plain-file' });
    assert.deepEqual(await imageIn(disk, 'a', 'root'), before);
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('SLT-09: an image or a record that is a link is refused before the slot is cleared', async () => {
    await agent.prepare();
    const flags = await slots.readFlags();
    for (const name of ['root.img', 'content.json']) {
      await disk.unlink(`${slotsDirectory}/slot-b/${name}`);
      disk.symlink(`../slot-a/${name}`, `${slotsDirectory}/slot-b/${name}`);
      await agent.check();
      await assert.rejects(agent.prepare(), { code: 'not-a-plain-file' });
      assert.deepEqual(await slots.readFlags(), flags);
      await disk.unlink(`${slotsDirectory}/slot-b/${name}`);
    }
  });

  it('SLT-09: an image that is a second name of one in the active slot is not written through', async () => {
    const before = await imageIn(disk, 'a', 'root');
    await disk.link(`${slotsDirectory}/slot-a/root.img`, `${slotsDirectory}/slot-b/root.img`);
    await agent.prepare();
    assert.deepEqual(await imageIn(disk, 'a', 'root'), before);
  });

  it('SLT-09: an inactive slot that is the active one by another name is refused', async () => {
    const real = disk.status;
    const active = await disk.status(`${slotsDirectory}/slot-a`);
    disk.status = async (path) => (path.endsWith('/slot-b') ? active : await real.call(disk, path));
    await assert.rejects(agent.prepare(), { code: 'slot-invalid' });
  });

  it('SLT-09: a missing slot, and missing slots, are refused by name', async () => {
    await disk.removeFolder(`${slotsDirectory}/slot-b`);
    await assert.rejects(agent.prepare(), { code: 'slot-invalid', message: /slot-b is missing/ });
    await disk.unlink(`${slotsDirectory}/boot-flags.json`);
    await assert.rejects(agent.status(), { code: 'slot-invalid', message: /tidegate-agent init/ });
  });

  it('damaged flags are an error that says what to do, and nothing is written', async () => {
    const path = `${slotsDirectory}/boot-flags.json`;
    const good = await disk.open(path, 0);
    const bytes = new Uint8Array((await disk.status(path)).length);
    await good.read(bytes, 0);
    await good.close();
    const text = new TextDecoder().decode(bytes);
    const bad = [
      ...['', '{}', '[]', 'null', 'garbage', text.slice(0, -20)],
      ...[text.replace('"priority": 1', '"priority": 2'), text.replace('boot flags 1', 'boot flags 2')],
    ];
    for (const one of bad) {
      await overwrite(disk, path, one);
      for (const work of ['status', 'check', 'confirm', 'prepare'] as const)
        await assert.rejects(agent[work](), {
          code: 'state-damaged',
          message: /Put the file back|delete it/,
        });
    }
    await overwrite(disk, path, text);
    assert.equal((await agent.prepare()).update_state, 'Staged');
  });

  it('flags with values out of range are damaged too', async () => {
    const flags = await slots.readFlags();
    for (const b of [
      { priority: 16, tries: 0, successful: false },
      { priority: 0, tries: -1, successful: false },
      { priority: 0.5, tries: 0, successful: false },
    ]) {
      await slots.writeFlags({ ...flags, b });
      await assert.rejects(slots.readFlags(), { code: 'state-damaged' });
    }
  });

  it('a damaged record of the inactive slot keeps nobody from going on; of the active one it is told', async () => {
    await agent.prepare();
    await overwrite(disk, `${slotsDirectory}/slot-b/content.json`, 'garbage');
    assert.equal((await agent.status()).update_state, 'Available');
    await agent.confirm();
    assert.equal((await agent.prepare()).update_state, 'Staged');
    await overwrite(disk, `${slotsDirectory}/slot-a/content.json`, 'garbage');
    await assert.rejects(agent.status(), { code: 'state-damaged' });
  });

  it('SLT-06: an image that is known not to fit is refused before anything is cleared', async () => {
    await agent.prepare();
    const flags = await slots.readFlags();
    shelf.put('big.img', noise(10_000, 1));
    shelf.put('small.img', noise(100, 1));
    shelf.releases = [releaseOf('1.2.0', { boot: 'small.img', root: 'big.img', hash: 'small.img' })];
    const small = agentOn(disk, shelf, 8192);
    await small.check();
    await assert.rejects(small.prepare(), {
      code: 'image-invalid',
      message: /at least 10100 bytes, expected at most 8192/,
    });
    assert.deepEqual(await slots.readFlags(), flags);
  });

  it('SLT-06: a signed length in the slot is known before, also of a compressed image', async () => {
    shelf.put(
      'claims.img.zst',
      noise(100, 1),
      new Map([['tidegate', new Map([['image_length', 5_000_000n]])]]),
    );
    shelf.releases = [releaseOf('1.2.0', { image: 'claims.img.zst' })];
    await agent.check();
    await assert.rejects(agent.prepare(), { code: 'image-invalid', message: /signed length 5000000/ });
    shelf.put('claims.img.zst', noise(100, 1), new Map([['tidegate', new Map([['image_length', -1n]])]]));
    await assert.rejects(agent.prepare(), { code: 'image-invalid', message: /image_length: found -1/ });
  });

  it('SLT-06: a slot size that is no multiple of a block is refused', () => {
    for (const size of [0, -4096, 4097, 4096.5, Number.NaN])
      assert.throws(() => new FileSlots({ directory: slotsDirectory, slotSize: size }), {
        code: 'config-invalid',
      });
  });

  it('an image of an unknown kind has no place', async () => {
    for (const kind of ['', '../boot', 'A', 'a/b', 'content.json'])
      await assert.rejects(open(kind), { code: 'slot-invalid' });
  });

  it('SLT-05: an image one byte short or long is refused', async () => {
    for (const [length, message] of [
      [9, /found 9 bytes, expected the signed 10/],
      [11, /found at least 11 bytes, expected the signed 10/],
    ] as const) {
      const place = await open();
      const work = writeImage(place, chunksOf(noise(length, 1)), { expectedLength: 10 });
      await assert.rejects(work, { code: 'length-mismatch', message });
      await place.close();
    }
  });

  it('SLT-04: more than fits is stopped at the size of the slot, naming both', async () => {
    const place = await open();
    let given = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        given += 1;
        yield new Uint8Array(1024 * 1024);
      }
    }
    await assert.rejects(writeImage(place, endless(), { expectedLength: undefined }), {
      code: 'image-invalid',
      message: /expected at most 4194304 in this slot \(no signed length\)/,
    });
    assert.equal(given, 5);
    await place.close();
  });

  it('SLT-04: images that fit one by one and not together are stopped at the size of the slot', async () => {
    const images = {
      boot: 'together-boot.img.gz',
      root: 'together-root.img.gz',
      hash: 'together-hash.img.gz',
    };
    for (const path of Object.values(images)) shelf.put(path, gzipSync(new Uint8Array(slotSize / 2)));
    shelf.releases = [releaseOf('1.2.0', images)];
    await agent.check();
    await assert.rejects(agent.prepare(), {
      code: 'image-invalid',
      message: /expected at most 0 in this slot \(no signed length\)/,
    });
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('what is read back is what was written, or it is an error', async () => {
    const place = await open();
    const handle = {
      ...place.handle,
      sync: async () => {
        await place.handle.sync();
        await place.handle.write([Uint8Array.of(0xff)], 500);
      },
    };
    const work = writeImage({ ...place, handle }, chunksOf(new Uint8Array(1000)), { expectedLength: 1000 });
    await assert.rejects(work, { code: 'read-back-mismatch' });
    await place.close();
  });

  it('SLT-19: what is hashed is what lies in the slot, whatever bears its name meanwhile', async () => {
    const path = `${slotsDirectory}/slot-b/root.img`;
    shelf.onChunk = async (image, index) => {
      if (!image.includes('root') || index !== 30) return;
      await disk.unlink(path);
      const other = await disk.open(path, 0o302, 0o644);
      await other.write([noise(2_500_000, 99)], 0);
      await other.close();
    };
    await assert.rejects(agent.prepare(), { code: 'slot-invalid', message: /replaced while it was written/ });
    assert.equal((await agent.status()).update_state, 'Available');
    assert.equal((await boot(disk)).slot, 'a');
  });

  it('writes in pieces, also when the disk takes fewer bytes than asked', async () => {
    const place = await open();
    const handle = {
      ...place.handle,
      write: (chunks: readonly Uint8Array[], position: number) => {
        const [first = new Uint8Array()] = chunks;
        return place.handle.write([first.subarray(0, 777)], position);
      },
    };
    const chunks = [noise(700, 1), noise(900, 2), noise(10, 3)];
    const written = await writeImage({ ...place, handle }, chunksOf(...chunks), { expectedLength: 1610 });
    assert.equal(written.length, 1610);
    assert.deepEqual(await imageIn(disk, 'b', 'root'), new Uint8Array(Buffer.concat(chunks)));
    await place.close();
  });
});

describe('setting slots up', () => {
  it('is done once, in the slot that runs', async () => {
    const disk = await provisionedDisk();
    const options = { directory: slotsDirectory, slotSize, release: runningRelease, fileSystem: disk };
    await assert.rejects(provisionSlots(options), { code: 'slot-invalid', message: /set up already/ });
    await disk.unlink(`${slotsDirectory}/boot-flags.json`);
    const slots = await provisionSlots({ ...options, slot: 'b' });
    assert.equal((await slots.readFlags()).active, 'b');
    assert.equal((await boot(disk)).slot, 'b');
  });

  it('names an image file that does not exist and a version that is none', async () => {
    const disk = new MemoryFileSystem();
    const options = { directory: slotsDirectory, slotSize, release: runningRelease, fileSystem: disk };
    await assert.rejects(provisionSlots({ ...options, images: { image: '/missing.img' } }), {
      code: 'not-found',
    });
    const release = { ...runningRelease, version: 'v1' };
    await assert.rejects(provisionSlots({ ...options, release }), { code: 'config-invalid' });
    assert.equal(disk.openHandles, 0);
  });
});
