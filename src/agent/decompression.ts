/**
 * From the bytes of an image file to the bytes of the slot.
 * - How a file is compressed is said by the end of its signed name: .zst, .gz, .lz4, anything else as it is. Nothing is
 *   guessed from the content: a slot gets what the signer named.
 * - The decoded bytes are bounded by whoever consumes them; a header that claims more than the bound, or more memory
 *   than `zstdWindowLimit`, or a dictionary, is refused before the first byte is decoded.
 * - Frames one after another make one image, wherever chunks happen to be cut. Node's zstd stream ends for good when
 *   something follows a frame within the same chunk; a new one then goes on from where it stopped.
 */
import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { TidegateError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeLz4 } from './lz4-frame.ts';
import { readZstdHeader, ZSTD_HEADER_LIMIT } from './zstd-header.ts';

export type Compression = 'none' | 'zstd' | 'gzip' | 'lz4';

/** What `zstd --ultra -22` and `--long` ask for: the largest window that decoders take without being told to. */
const zstdWindowLog = 27;
const zstdWindowLimit = 2 ** zstdWindowLog;

const OUTPUT_CHUNK = 1024 * 1024;
const endings: readonly (readonly [string, Compression])[] = [
  ['.zst', 'zstd'],
  ['.gz', 'gzip'],
  ['.lz4', 'lz4'],
];

export function compressionOf(targetPath: string): Compression {
  return endings.find(([ending]) => targetPath.endsWith(ending))?.[1] ?? 'none';
}

/**
 * The decoded bytes. What the source throws goes through as it is; damage is image-invalid.
 *
 * @param limit bytes that may come out, for claims in headers
 */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  limit: number,
): AsyncIterable<Uint8Array> {
  switch (compression) {
    case 'none':
      return source;
    case 'lz4':
      return decodeLz4(source, limit);
    case 'gzip':
      return decode(source, 'gzip', () => createGunzip({ chunkSize: OUTPUT_CHUNK }));
    case 'zstd':
      return decodeZstd(source, limit);
  }
}

async function* decodeZstd(source: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source);
  try {
    const head = await reader.read(ZSTD_HEADER_LIMIT);
    checkZstdHeader(head, limit);
    yield* decode(withHead(head.slice(), reader), 'zstd', () =>
      createZstdDecompress({
        chunkSize: OUTPUT_CHUNK,
        params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog },
      }),
    );
  } finally {
    await reader.close();
  }
}

function checkZstdHeader(head: Uint8Array, limit: number): void {
  const header = readZstdHeader(head);
  if (header === undefined) return;
  const { windowSize, contentSize, needsDictionary } = header;
  if (needsDictionary) throw invalid('zstd', 'the frame needs a dictionary, expected none');
  if (contentSize !== undefined && contentSize > BigInt(limit))
    throw invalid('zstd', `the frame claims ${contentSize} bytes, expected at most ${limit}`);
  if (windowSize > BigInt(zstdWindowLimit)) {
    throw invalid(
      'zstd',
      `the frame needs a window of ${windowSize} bytes, expected at most ${zstdWindowLimit}`,
    );
  }
}

async function* withHead(head: Uint8Array, reader: ByteReader): AsyncGenerator<Uint8Array> {
  yield head;
  yield* reader.rest();
}

type Engine = Gunzip | ZstdDecompress;

/** One engine for each frame that ends inside a chunk; frames that end with their chunk share one. */
async function* decode(
  source: AsyncIterable<Uint8Array>,
  format: 'gzip' | 'zstd',
  create: () => Engine,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let rest = nothing;
  try {
    do {
      const engine = create();
      const feeding = feed(rest, chunks, engine);
      // Its failure is looked at below, where the engine's own is known too.
      feeding.catch(() => undefined);
      try {
        for await (const chunk of engine) yield chunk as Uint8Array;
        rest = await feeding;
      } catch (error) {
        throw zlibError(format, await causeOf(error, feeding));
      } finally {
        engine.destroy();
        await feeding.catch(() => undefined);
      }
    } while (rest.byteLength > 0);
  } finally {
    await chunks.return?.();
  }
}

/** The engine ended before the source: by an error of its own, or because the consumer left. */
class EngineStopped extends Error {
  override readonly name = 'EngineStopped';
}

const nothing: Uint8Array = new Uint8Array();

function causeOf(error: unknown, feeding: Promise<unknown>): Promise<unknown> {
  return feeding.then(
    () => error,
    (reason: unknown) => (reason instanceof EngineStopped ? error : reason),
  );
}

/** Feeds until the source is at its end, or the engine at its own: then the bytes that it has left. */
async function feed(
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
  engine: Engine,
): Promise<Uint8Array> {
  try {
    for (let chunk = first; ; ) {
      const left = await write(chunk, engine);
      if (left.byteLength > 0) return left;
      const { done, value } = await chunks.next();
      if (done === true) break;
      chunk = value;
    }
    engine.end();
    return nothing;
  } catch (error) {
    engine.destroy(error instanceof Error ? error : undefined);
    throw error;
  }
}

/** The bytes that were not taken: none, unless the engine has come to its end. */
function write(bytes: Uint8Array, engine: Engine): Promise<Uint8Array> {
  if (bytes.byteLength === 0) return Promise.resolve(nothing);
  const before = engine.bytesWritten;
  return new Promise((resolve, reject) => {
    // An engine at its end calls back, or only ends; a destroyed one may only close.
    const settled = (): void => {
      engine.off('end', settled).off('close', settled);
      const taken = engine.bytesWritten - before;
      if (taken > 0) resolve(bytes.subarray(taken));
      else reject(new EngineStopped('the decoder takes no more bytes'));
    };
    engine.once('end', settled).once('close', settled);
    engine.write(bytes, (error) => {
      if (!error) settled();
    });
    if (engine.destroyed) settled();
  });
}

/** zlib's own errors are about the data; all others are the source's. */
function zlibError(format: string, error: unknown): unknown {
  const isZlib = error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZSTD)/.test(String(error.code));
  return isZlib ? invalid(format, error.message, error) : error;
}

function invalid(format: string, reason: string, cause?: unknown): TidegateError {
  return new TidegateError('image-invalid', `${format}: ${reason}.`, { format, reason }, { cause });
}
