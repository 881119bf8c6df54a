/**
 * Image files of the operator: read once for length and SHA-256, and again when they are published, with flat memory.
 * The file may be reached through links, which are the operator's own; what is read is always a plain file.
 */
import { TidegateError } from '../errors.ts';
import { createDigest } from '../metadata/crypto.ts';
import { checkCancelled } from '../storage/cancel.ts';
import { onDisk } from '../storage/disk-error.ts';
import type { FileHandle, FileStatus, FileSystem } from '../storage/file-system.ts';
import { type OpenPlainFile, openPlainFile } from '../storage/plain-file.ts';
import type { StreamedContent } from '../storage/store.ts';

export interface ImageFile {
  /** The real path, links resolved. */
  readonly path: string;
  /** Bytes; never 0. */
  readonly length: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** When its content was last changed, in milliseconds since the epoch. */
  readonly modified: number;
}

export interface ReadImageOptions {
  /** Told bytes read and bytes of the whole file. */
  readonly progress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const chunkLength = 1024 * 1024;

/**
 * Reads an image once.
 *
 * @throws release-invalid when it is empty or changes meanwhile, not-found, not-a-plain-file, disk-error, cancelled
 */
export async function readImage(
  fs: FileSystem,
  given: string,
  options: ReadImageOptions = {},
): Promise<ImageFile> {
  const path = await onDisk('find', given, () => fs.realPath(given));
  const { handle, status } = await open(fs, path);
  try {
    if (status.length === 0) throw unfit(given, 'is empty, expected an image');
    const digest = createDigest('sha256');
    let read = 0;
    for await (const chunk of chunksOf(handle, path, options.signal)) {
      digest.update(chunk);
      read += chunk.byteLength;
      options.progress?.(read, status.length);
    }
    const after = await onDisk('look at', path, () => handle.status());
    if (read !== status.length || hasChanged(status, after)) {
      throw unfit(given, 'changed while it was read, expected a finished image');
    }
    return { path, length: read, sha256: digest.hex(), modified: millisecondsOf(status) };
  } finally {
    await handle.close();
  }
}

/** The image as it is to be written: the store compares it with the length and hash it had when it was added. */
export function imageContent(fs: FileSystem, { path, length, sha256 }: ImageFile): StreamedContent {
  return {
    length,
    sha256,
    open: async function* () {
      const { handle } = await open(fs, path);
      try {
        yield* chunksOf(handle, path, undefined);
      } finally {
        await handle.close();
      }
    },
  };
}

async function open(fs: FileSystem, path: string): Promise<OpenPlainFile> {
  const file = await openPlainFile(fs, path);
  if (file === undefined) throw new TidegateError('not-found', `${path} does not exist`, { path });
  return file;
}

/** Fresh chunks, each read while its forerunner is in use. */
async function* chunksOf(
  handle: FileHandle,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const readAt = async (position: number): Promise<Uint8Array> => {
    const buffer = Buffer.allocUnsafeSlow(chunkLength);
    return buffer.subarray(0, await onDisk('read', path, () => handle.read(buffer, position)));
  };
  let position = 0;
  let chunk = await readAt(0);
  while (chunk.byteLength > 0) {
    checkCancelled(`reading ${path}`, signal);
    position += chunk.byteLength;
    const next = readAt(position);
    // Awaited below; a consumer that leaves in between must not turn a failed read into an unhandled one.
    next.catch(() => undefined);
    try {
      yield chunk;
    } finally {
      await next.catch(() => undefined);
    }
    chunk = await next;
  }
}

function hasChanged(before: FileStatus, after: FileStatus): boolean {
  return before.length !== after.length || before.modified !== after.modified;
}

function millisecondsOf({ modified }: FileStatus): number {
  return Number(modified / 1_000_000n);
}

function unfit(path: string, problem: string): TidegateError {
  return new TidegateError('release-invalid', `${path} ${problem}`, { path });
}
