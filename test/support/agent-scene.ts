/** A host with two file slots that runs 1.0.0, and a shelf that offers 1.1.0: what most tests of the agent start from. */
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Agent } from '../../src/agent/agent.ts';
import { FileSlots } from '../../src/agent/file-slots.ts';
import { provisionSlots } from '../../src/agent/provision.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import type { Release } from '../../src/waves/release.ts';
import { ImageShelf } from './image-shelf.ts';
import { MemoryFileSystem } from './memory-file-system.ts';
import { type Booted, powerOn } from './slots.ts';

export const slotsDirectory = '/slots';
export const slotSize = 4 * 1024 * 1024;
export const hostFacts = { variant: 'demo', arch: 'x86_64', seed: 7 };
export const runningRelease = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
export const START = Date.UTC(2030, 0, 1);

/** Bytes that compress badly, the same for the same seed. */
export function noise(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2_654_435_761 + 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}

export function releaseOf(version: string, images: Readonly<Record<string, string>>): Release {
  const { variant, arch } = hostFacts;
  return { variant, arch, version, maxVersion: '9.0.0', waves: new Map(), images };
}

/** Puts boot, root and hash of a version on the shelf; root is the largest and takes several writes. */
export function shelveRelease(shelf: ImageShelf, version: string, rootLength = 2_500_000): Release {
  const images = {
    boot: `${version}-boot.img.zst`,
    root: `${version}-root.img`,
    hash: `${version}-hash.img.gz`,
  };
  const seed = Number(version.replaceAll('.', ''));
  shelf.put(images.boot, zstdCompressSync(noise(20_000, seed)));
  shelf.put(images.root, noise(rootLength, seed + 1));
  shelf.put(images.hash, gzipSync(noise(3_000, seed + 2)));
  const release = releaseOf(version, images);
  shelf.releases = [...shelf.releases, release];
  return release;
}

/** A disk whose slot a runs 1.0.0, everything synced. */
export async function provisionedDisk(): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeFolder('/state', 0o700);
  await disk.makeFolder('/images', 0o755);
  for (const [kind, length] of [
    ['boot', 10_000],
    ['root', 50_000],
    ['hash', 1_000],
  ] as const) {
    const handle = await disk.open(`/images/${kind}.img`, 0o302, 0o644);
    await handle.write([noise(length, length)], 0);
    await handle.sync();
    await handle.close();
  }
  await provisionSlots({
    directory: slotsDirectory,
    slotSize,
    release: runningRelease,
    images: Object.fromEntries(['boot', 'root', 'hash'].map((kind) => [kind, `/images/${kind}.img`])),
    fileSystem: disk,
  });
  for (const folder of ['/', '/state', '/images', slotsDirectory]) {
    const handle = await disk.open(folder, 0o200000);
    await handle.sync();
    await handle.close();
  }
  return disk;
}

export function agentOn(fs: FileSystem, shelf: ImageShelf, size = slotSize): Agent {
  return new Agent({
    client: shelf,
    slots: new FileSlots({ directory: slotsDirectory, slotSize: size, fileSystem: fs }),
    host: hostFacts,
    stateDirectory: '/state/agent',
    clock: () => shelf.now,
    fileSystem: fs,
  });
}

export async function boot(
  fs: FileSystem,
  staysUp?: (release: { version: string }) => boolean,
): Promise<Booted> {
  return await powerOn({ directory: slotsDirectory, fileSystem: fs }, staysUp);
}

export interface Scene {
  readonly disk: MemoryFileSystem;
  readonly shelf: ImageShelf;
  readonly agent: Agent;
}

export async function scene(): Promise<Scene> {
  const disk = await provisionedDisk();
  const shelf = new ImageShelf();
  shelveRelease(shelf, '1.1.0');
  return { disk, shelf, agent: agentOn(disk, shelf) };
}

/** The bytes of an image as it lies in a slot. */
export async function imageIn(fs: FileSystem, slot: 'a' | 'b', kind: string): Promise<Uint8Array> {
  const path = join(slotsDirectory, `slot-${slot}`, `${kind}.img`);
  const { length } = await fs.status(path);
  const handle = await fs.open(path, 0);
  const bytes = new Uint8Array(length);
  await handle.read(bytes, 0);
  await handle.close();
  return bytes;
}
