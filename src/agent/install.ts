/**
 * One release into the inactive slot. The order is the safety:
 *
 * 1. Look first: the slot is fit to be written, every image is listed, and what is known of the lengths fits.
 * 2. Boot flags of the inactive slot cleared, durably. From here on it cannot boot.
 * 3. Its record and images removed.
 * 4. Each image: streamed through the checks of length and hash, decompressed, written, synced, read back.
 * 5. The record of what the slot holds, durably, after all images.
 * 6. Marked valid, durably. From here on it may be activated.
 *
 * Whatever ends it between 2 and 6 leaves an unbootable slot and the running system untouched.
 *
 * Decompression sees bytes before their hash is known, and may stumble over a forged file first. Then the rest of the
 * file is read all the same: an altered image is called that, and the signer is not blamed for it.
 */
import { isTidegateError, TidegateError } from '../errors.ts';
import { checkCancelled } from '../storage/cancel.ts';
import { type Release, releaseName } from '../waves/release.ts';
import { compressionOf, decompress } from './decompression.ts';
import type { ImageSource, ImageTarget } from './image-source.ts';
import { advance, type Situation } from './machine.ts';
import { tooLarge, writeImage } from './slot-image.ts';
import type { InactiveSlot, SlotImage, Slots } from './slots.ts';

/** How far an installation is. */
export interface InstallProgress {
  /** boot, root, hash or image */
  readonly kind: string;
  /** Number of this image, from 1, and of all. */
  readonly image: number;
  readonly images: number;
  /** Bytes of all images that came in so far, and that will, as they lie in the repository. */
  readonly received: number;
  readonly total: number;
  /** Bytes of this image that were written to the slot. */
  readonly written: number;
}

export interface InstallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: InstallProgress) => void) | undefined;
}

interface ListedImage {
  readonly kind: string;
  readonly path: string;
  readonly target: ImageTarget;
  /** Bytes in the slot, where that is signed. */
  readonly slotLength: number | undefined;
}

/** The situation with the slot valid. Codes as of `writeImage`, the source, and slot-invalid, not-a-plain-file. */
export async function installRelease(
  source: ImageSource,
  slots: Slots,
  release: Release,
  situation: Situation,
  options: InstallOptions = {},
): Promise<Situation> {
  const inactive = await slots.inactive();
  const images = await listImages(source, release, inactive, options.signal);
  checkCancelled(`preparing ${releaseName(release)}`, options.signal);
  const { situation: empty } = advance(situation, { type: 'prepare' });
  await slots.writeFlags(empty.flags);
  await inactive.empty();
  const written = await writeImages(source, inactive, images, options);
  const { variant, arch, version } = release;
  await inactive.record({ release: { variant, arch, version }, images: written });
  const { situation: valid } = advance(empty, { type: 'prepared', release: { variant, arch, version } });
  await slots.writeFlags(valid.flags);
  return valid;
}

async function listImages(
  source: ImageSource,
  release: Release,
  slot: InactiveSlot,
  signal: AbortSignal | undefined,
): Promise<readonly ListedImage[]> {
  const images: ListedImage[] = [];
  let sum = 0;
  for (const [kind, path] of Object.entries(release.images)) {
    const target = await source.resolve(path, signal === undefined ? {} : { signal });
    const slotLength = slotLengthOf(path, target);
    sum += slotLength ?? 0;
    if (sum > slot.capacity) throw tooLarge({ path, capacity: slot.capacity }, sum, slotLength);
    images.push({ kind, path, target, slotLength });
  }
  return images;
}

/**
 * The signed number of bytes in the slot: the length of the target where it is not compressed, otherwise the member
 * `tidegate.image_length` of its `custom`, where the signer put one.
 */
function slotLengthOf(path: string, { length, custom }: ImageTarget): number | undefined {
  if (compressionOf(path) === 'none') return length;
  const own: unknown = custom instanceof Map ? custom.get('tidegate') : undefined;
  const value = own instanceof Map ? (own.get('image_length') as unknown) : undefined;
  if (value === undefined) return undefined;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  const text = `${path}: custom.tidegate.image_length: found ${String(value)}, expected a number of bytes.`;
  throw new TidegateError('image-invalid', text, { path, found: String(value) });
}

async function writeImages(
  source: ImageSource,
  slot: InactiveSlot,
  images: readonly ListedImage[],
  options: InstallOptions,
): Promise<Readonly<Record<string, SlotImage>>> {
  const total = images.reduce((sum, { target }) => sum + target.length, 0);
  const written: Record<string, SlotImage> = {};
  let before = 0;
  for (const [index, image] of images.entries()) {
    const report = (received: number, bytes: number): void =>
      options.progress?.({
        kind: image.kind,
        image: index + 1,
        images: images.length,
        received: before + received,
        total,
        written: bytes,
      });
    written[image.kind] = await writeOne(source, slot, image, options.signal, report);
    before += image.target.length;
  }
  return written;
}

async function writeOne(
  source: ImageSource,
  slot: InactiveSlot,
  { kind, path, slotLength }: ListedImage,
  signal: AbortSignal | undefined,
  report: (received: number, written: number) => void,
): Promise<SlotImage> {
  const place = await slot.open(kind);
  try {
    let received = 0;
    let written = 0;
    const progress = (bytes: number): void => {
      received = bytes;
      report(received, written);
    };
    const file = source.stream(path, signal === undefined ? { progress } : { progress, signal });
    const limit = Math.min(place.capacity, slotLength ?? place.capacity);
    const image = await whileGenuine(file, (chunks) =>
      writeImage(place, decompress(chunks, compressionOf(path), limit), {
        expectedLength: slotLength,
        signal,
        progress: (bytes) => {
          written = bytes;
          report(received, written);
        },
      }),
    );
    return { ...image, target: path };
  } finally {
    await place.close();
  }
}

/** Works on the bytes of a file; a fault in them is told only when the whole file proves to be the signed one. */
async function whileGenuine<T>(
  file: AsyncIterable<Uint8Array>,
  work: (chunks: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const chunks = file[Symbol.asyncIterator]();
  try {
    // Without `return`, so that whoever leaves early does not close the file.
    return await work({ [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }) });
  } catch (error) {
    if (isFaultOfBytes(error)) while ((await chunks.next()).done !== true);
    throw error;
  } finally {
    await chunks.return?.();
  }
}

function isFaultOfBytes(error: unknown): boolean {
  return isTidegateError(error) && (error.code === 'image-invalid' || error.code === 'length-mismatch');
}
