/**
 * One image into its place: bounded, written and hashed in one pass with flat memory, synced, then read back through
 * the same handle and hashed again. What is read back may come from the operating system's memory and not from the
 * medium; it finds short or misplaced writes, other writers and faults of the file system, and costs one more pass.
 */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { checkCancelled } from '../storage/cancel.ts';
import { onDisk } from '../storage/disk-error.ts';
import type { FileHandle } from '../storage/file-system.ts';
import type { ImagePlace } from './slots.ts';

/** Small chunks are gathered until one call to the disk is worth it. */
const GATHERED = 1024 * 1024;

export interface WriteImageOptions {
  /** The signed number of bytes, where one is signed. */
  readonly expectedLength: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told the bytes written so far. */
  readonly progress?: ((bytes: number) => void) | undefined;
}

export interface WrittenImage {
  readonly length: number;
  readonly sha256: string;
}

/**
 * Codes image-invalid (more bytes than fit), length-mismatch (not the signed number), read-back-mismatch, cancelled,
 * disk-full, disk-error, and whatever the chunks throw. The place stays open.
 */
export async function writeImage(
  place: ImagePlace,
  chunks: AsyncIterable<Uint8Array>,
  options: WriteImageOptions,
): Promise<WrittenImage> {
  const writer = new ImageWriter(place, options);
  try {
    for await (const chunk of chunks) await writer.write(chunk);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const written = await writer.finish();
  await place.settle(written.length);
  const found = await readBack(place, written.length, options.signal);
  if (found === written.sha256) return written;
  throw new TidegateError(
    'read-back-mismatch',
    `${place.path}: read back sha256 ${found}, expected ${written.sha256} as written. Suspect the disk.`,
    { path: place.path, found, expected: written.sha256 },
  );
}

class ImageWriter {
  readonly #place: ImagePlace;
  readonly #options: WriteImageOptions;
  readonly #hash = createHash('sha256');
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #received = 0;
  #position = 0;
  /** The write under way; the next one waits for it. */
  #writing: Promise<void> = Promise.resolve();

  constructor(place: ImagePlace, options: WriteImageOptions) {
    this.#place = place;
    this.#options = options;
  }

  async write(chunk: Uint8Array): Promise<void> {
    checkCancelled(`writing ${this.#place.path}`, this.#options.signal);
    this.#received += chunk.byteLength;
    this.#requireFit();
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.byteLength;
    if (this.#gatheredBytes >= GATHERED) await this.#flush();
  }

  async finish(): Promise<WrittenImage> {
    const { handle, path } = this.#place;
    const { expectedLength } = this.#options;
    if (expectedLength !== undefined && this.#received !== expectedLength) {
      await this.abandon();
      throw wrongLength(this.#place, this.#received, expectedLength);
    }
    await this.#flush();
    await this.#writing;
    await onDisk('sync', path, () => handle.sync());
    return { length: this.#position, sha256: this.#hash.digest('hex') };
  }

  /** Waits for the write under way, so that nobody closes the file beneath it. */
  async abandon(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  #requireFit(): void {
    const { capacity } = this.#place;
    const { expectedLength } = this.#options;
    if (this.#received > capacity) throw tooLarge(this.#place, this.#received, expectedLength);
    if (expectedLength !== undefined && this.#received > expectedLength)
      throw wrongLength(this.#place, this.#received, expectedLength);
  }

  async #flush(): Promise<void> {
    const { handle, path } = this.#place;
    const chunks = this.#gathered;
    if (chunks.length === 0) return;
    await this.#writing;
    const start = this.#position;
    this.#writing = onDisk('write', path, () => writeAll(handle, chunks, start));
    this.#writing.catch(() => undefined);
    for (const chunk of chunks) this.#hash.update(chunk);
    this.#position += this.#gatheredBytes;
    this.#options.progress?.(this.#position);
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }
}

/** More bytes than fit, known before or while they come. */
export function tooLarge(
  place: { readonly path: string; readonly capacity: number },
  found: number,
  expected: number | undefined,
): TidegateError {
  const signed = expected === undefined ? 'no signed length' : `signed length ${expected}`;
  const text = `${place.path}: found at least ${found} bytes, expected at most ${place.capacity} in this slot (${signed}).`;
  return new TidegateError('image-invalid', text, {
    path: place.path,
    found,
    capacity: place.capacity,
    signed: expected ?? null,
  });
}

function wrongLength({ path, capacity }: ImagePlace, found: number, expected: number): TidegateError {
  const least = found > expected ? 'at least ' : '';
  const text = `${path}: found ${least}${found} bytes, expected the signed ${expected} (${capacity} would fit).`;
  return new TidegateError('length-mismatch', text, { path, found, expected, capacity });
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], start: number): Promise<void> {
  let rest = chunks;
  let position = start;
  while (rest.length > 0) {
    const count = await handle.write(rest, position);
    position += count;
    rest = withoutFirst(rest, count);
  }
}

function withoutFirst(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let left = count;
  const first = chunks.findIndex((chunk) => {
    if (left < chunk.byteLength) return true;
    left -= chunk.byteLength;
    return false;
  });
  const [partial, ...others] = first < 0 ? [] : chunks.slice(first);
  return partial === undefined ? [] : [partial.subarray(left), ...others];
}

async function readBack(
  { handle, path }: ImagePlace,
  length: number,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(GATHERED);
  let position = 0;
  while (position < length) {
    checkCancelled(`reading ${path} back`, signal);
    const count = await onDisk('read back', path, () =>
      handle.read(buffer.subarray(0, Math.min(buffer.byteLength, length - position)), position),
    );
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    position += count;
  }
  return hash.digest('hex');
}
