/**
 * LZ4 frames (lz4_Frame_format 1.6), the form of Bottlerocket's images, decoded as a stream.
 * - Version 1, blocks linked or not, stored or compressed, all checksums checked where there are any.
 * - Frames one after another make one image; skippable frames are passed over.
 * - Dictionaries, legacy frames and everything undefined are refused by name (code image-invalid).
 * - Memory: one block and the 64 KiB before it, at most 4 MiB each way, whatever a frame claims.
 */
import { TidegateError } from '../errors.ts';
import { ByteReader } from './byte-reader.ts';
import { decodeBlock } from './lz4-block.ts';
import { XxHash32, xxh32 } from './xxh32.ts';

const MAGIC = 0x184d2204;
const LEGACY_MAGIC = 0x184c2102;
const SKIPPABLE_MAGIC = 0x184d2a50;
const WINDOW = 64 * 1024;
const STORED = 0x8000_0000;
const blockSizes: ReadonlyMap<number, number> = new Map([
  [4, 64 * 1024],
  [5, 256 * 1024],
  [6, 1024 * 1024],
  [7, 4 * 1024 * 1024],
]);

interface FrameHeader {
  readonly independentBlocks: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentLength: bigint | undefined;
  readonly blockSize: number;
}

/**
 * The decoded bytes, in chunks that belong to the consumer. Code image-invalid for anything that is not whole frames,
 * and at once when a frame claims more than `limit` bytes.
 */
export async function* decodeLz4(
  source: AsyncIterable<Uint8Array>,
  limit: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(source);
  try {
    let frames = 0;
    for (;;) {
      const magic = await reader.read(4);
      if (magic.byteLength === 0 && frames > 0) return;
      const value = uint32(need(magic, 4));
      if ((value & ~0xf) >>> 0 === SKIPPABLE_MAGIC) await skipFrame(reader);
      else if (value === MAGIC) yield* decodeFrame(reader, limit);
      else throw wrongMagic(value);
      frames += 1;
    }
  } finally {
    await reader.close();
  }
}

async function* decodeFrame(reader: ByteReader, limit: number): AsyncGenerator<Uint8Array, void, undefined> {
  const header = await readHeader(reader);
  const { contentLength, contentChecksum } = header;
  if (contentLength !== undefined && contentLength > BigInt(limit)) {
    throw invalid(`the frame claims ${contentLength} bytes, expected at most ${limit}`);
  }
  const hash = contentChecksum ? new XxHash32() : undefined;
  let length = 0n;
  for await (const block of decodeBlocks(reader, header)) {
    hash?.update(block);
    length += BigInt(block.byteLength);
    if (contentLength !== undefined && length > contentLength) throw wrongLength(length, contentLength);
    yield block;
  }
  if (contentLength !== undefined && length !== contentLength) throw wrongLength(length, contentLength);
  if (hash !== undefined) checkSum(hash.digest(), await reader.read(4), 'content');
}

async function readHeader(reader: ByteReader): Promise<FrameHeader> {
  const [flags = 0, descriptor = 0] = need(await reader.read(2), 2);
  if (flags >>> 6 !== 1) throw invalid(`found frame version ${flags >>> 6}, expected 1`);
  if ((flags & 0b10) !== 0 || (descriptor & 0b1000_1111) !== 0) throw invalid('a reserved bit is set');
  if ((flags & 0b1) !== 0) throw invalid('the frame needs a dictionary, expected none');
  const blockSize = blockSizes.get((descriptor >>> 4) & 0b111);
  if (blockSize === undefined) throw invalid('the block size is not defined');
  const hasLength = (flags & 0b1000) !== 0;
  const more = need(await reader.read(hasLength ? 8 : 0), hasLength ? 8 : 0);
  const [sum] = need(await reader.read(1), 1);
  const expected = (xxh32(Uint8Array.of(flags, descriptor, ...more)) >>> 8) & 0xff;
  if (sum !== expected) throw invalid('the checksum of the frame header does not fit');
  return {
    independentBlocks: (flags & 0b10_0000) !== 0,
    blockChecksums: (flags & 0b1_0000) !== 0,
    contentChecksum: (flags & 0b100) !== 0,
    contentLength: hasLength ? viewOf(more).getBigUint64(0, true) : undefined,
    blockSize,
  };
}

/** The blocks of a frame, each a copy: the window goes on being used. */
async function* decodeBlocks(
  reader: ByteReader,
  { blockSize, blockChecksums, independentBlocks }: FrameHeader,
): AsyncGenerator<Uint8Array, void, undefined> {
  const window = new Uint8Array(WINDOW + blockSize);
  let kept = 0;
  for (;;) {
    const word = uint32(need(await reader.read(4), 4));
    if (word === 0) return;
    const length = word & ~STORED;
    if (length > blockSize) throw invalid(`found a block of ${length} bytes, expected at most ${blockSize}`);
    const block = need(await reader.read(length), length);
    if (blockChecksums) checkSum(xxh32(block), await reader.read(4), 'block');
    const end = word >= STORED ? store(block, window, kept) : decode(block, window, kept, kept + blockSize);
    yield window.slice(kept, end);
    kept = independentBlocks ? 0 : Math.min(end, WINDOW);
    if (end > kept && kept > 0) window.copyWithin(0, end - kept, end);
  }
}

function store(block: Uint8Array, window: Uint8Array, start: number): number {
  window.set(block, start);
  return start + block.byteLength;
}

function decode(block: Uint8Array, window: Uint8Array, start: number, limit: number): number {
  try {
    return decodeBlock(block, window, start, limit);
  } catch (error) {
    if (error instanceof RangeError) throw invalid(error.message);
    throw error;
  }
}

async function skipFrame(reader: ByteReader): Promise<void> {
  const length = uint32(need(await reader.read(4), 4));
  if ((await reader.skip(length)) !== length) throw truncated();
}

function checkSum(found: number, stored: Uint8Array, of: string): void {
  if (found !== uint32(need(stored, 4))) throw invalid(`the checksum of a ${of} does not fit`);
}

function need(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.byteLength < length) throw truncated();
  return bytes;
}

function uint32(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(0, true);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function wrongMagic(value: number): TidegateError {
  if (value === LEGACY_MAGIC) return invalid('found the legacy frame format, expected the current one');
  return invalid(`found 0x${value.toString(16).padStart(8, '0')}, expected the beginning of a frame`);
}

function wrongLength(found: bigint, expected: bigint): TidegateError {
  return invalid(`found ${found} bytes of content, expected ${expected} as the frame says`);
}

function truncated(): TidegateError {
  return invalid('the data ends inside a frame');
}

function invalid(reason: string): TidegateError {
  return new TidegateError('image-invalid', `lz4: ${reason}.`, { format: 'lz4', reason });
}
