/**
 * The first content of a pair of file slots: the release that runs, in the slot that runs. Done once for each host,
 * by whoever makes its first disk. The flags are written last: until then there are no slots, and it can be repeated.
 */
import { join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { makeFolder } from '../storage/durable-file.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { acquireLock } from '../storage/lock.ts';
import { openPlainFile, statusIfAny } from '../storage/plain-file.ts';
import type { ReleaseId } from '../waves/release.ts';
import { parseVersion } from '../waves/version.ts';
import { cleared, factory, otherSlot, type SlotName } from './boot-flags.ts';
import { compressionOf, decompress } from './decompression.ts';
import { FileSlots, flagsFile, InactiveFileSlot } from './file-slots.ts';
import { writeImage } from './slot-image.ts';
import type { SlotImage } from './slots.ts';

export interface ProvisionOptions {
  readonly directory: string;
  readonly slotSize: number;
  readonly release: ReleaseId;
  /** The slot that runs; a by default. */
  readonly slot?: SlotName;
  /** Image files by kind, decompressed by their ending as in an update. Without any, images that lie there stay. */
  readonly images?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly fileSystem?: FileSystem;
}

const READ_CHUNK = 1024 * 1024;

/** Codes slot-invalid when there are slots already, config-invalid, and those of `writeImage`. */
export async function provisionSlots(options: ProvisionOptions): Promise<FileSlots> {
  const { directory, slotSize, release, slot = 'a', fileSystem: fs = nodeFileSystem, signal } = options;
  parseVersion(release.version, 'version of the running system');
  const slots = new FileSlots({ directory, slotSize, fileSystem: fs });
  await makeFolder(fs, directory, 0o755);
  const lock = await acquireLock(fs, join(directory, 'lock'), signal === undefined ? {} : { signal });
  try {
    await requireNone(fs, directory);
    for (const name of ['a', 'b'] as const) await makeFolder(fs, join(directory, `slot-${name}`), 0o755);
    const place = new InactiveFileSlot(fs, join(directory, `slot-${slot}`), slot, slotSize);
    const images = options.images ?? {};
    if (Object.keys(images).length > 0) await place.empty();
    await place.record({ release, images: await copyImages(fs, place, images, signal) });
    const other = otherSlot(slot);
    await slots.writeFlags({ active: slot, a: cleared, b: cleared, [slot]: factory, [other]: cleared });
    return slots;
  } finally {
    await lock.release();
  }
}

async function requireNone(fs: FileSystem, directory: string): Promise<void> {
  const { path } = flagsFile(directory);
  if ((await statusIfAny(fs, path)) === undefined) return;
  const text = `${path} exists: the slots are set up already. Nothing was changed.`;
  throw new TidegateError('slot-invalid', text, { path });
}

async function copyImages(
  fs: FileSystem,
  slot: InactiveFileSlot,
  images: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, SlotImage>>> {
  const copied: Record<string, SlotImage> = {};
  for (const [kind, path] of Object.entries(images)) {
    const place = await slot.open(kind);
    try {
      const bytes = decompress(readFile(fs, path), compressionOf(path), place.capacity);
      copied[kind] = await writeImage(place, bytes, { expectedLength: undefined, signal });
    } finally {
      await place.close();
    }
  }
  return copied;
}

async function* readFile(fs: FileSystem, path: string): AsyncGenerator<Uint8Array> {
  const file = await openPlainFile(fs, path);
  if (file === undefined) throw new TidegateError('not-found', `${path} does not exist.`, { path });
  try {
    for (let position = 0; ; ) {
      const buffer = new Uint8Array(READ_CHUNK);
      const count = await file.handle.read(buffer, position);
      if (count === 0) return;
      position += count;
      yield buffer.subarray(0, count);
    }
  } finally {
    await file.handle.close();
  }
}
