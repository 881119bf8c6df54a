/** The header of a zstd frame (RFC 8878, Frame_Header), as far as it says what decoding would cost. */

const MAGIC = 0xfd2fb528;
/** Magic, descriptor, window, dictionary id and content size at their longest. */
export const ZSTD_HEADER_LIMIT = 18;

export interface ZstdHeader {
  /** Bytes of memory that decoding needs. */
  readonly windowSize: bigint;
  /** Undefined when the frame does not say it. */
  readonly contentSize: bigint | undefined;
  readonly needsDictionary: boolean;
}

const dictionaryIdLengths = [0, 1, 2, 4] as const;
const contentSizeLengths = [0, 2, 4, 8] as const;

/** Undefined when the bytes do not begin with the header of a frame with content. */
export function readZstdHeader(bytes: Uint8Array): ZstdHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 5 || view.getUint32(0, true) !== MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0b10_0000) !== 0;
  const sizeFlag = descriptor >>> 6;
  const idLength = dictionaryIdLengths[(descriptor & 0b11) as 0 | 1 | 2 | 3];
  const sizeLength = isSingleSegment && sizeFlag === 0 ? 1 : contentSizeLengths[sizeFlag as 0 | 1 | 2 | 3];
  const idStart = isSingleSegment ? 5 : 6;
  if (bytes.byteLength < idStart + idLength + sizeLength) return undefined;
  const size = littleEndian(bytes, idStart + idLength, sizeLength);
  const contentSize = sizeLength === 0 ? undefined : sizeLength === 2 ? size + 256n : size;
  return {
    windowSize: isSingleSegment ? (contentSize ?? 0n) : windowSize(view.getUint8(5)),
    contentSize,
    needsDictionary: littleEndian(bytes, idStart, idLength) !== 0n,
  };
}

/** A power of two and eighths of it. */
function windowSize(descriptor: number): bigint {
  const base = 1n << BigInt(10 + (descriptor >>> 3));
  return base + (base / 8n) * BigInt(descriptor & 0b111);
}

function littleEndian(bytes: Uint8Array, start: number, length: number): bigint {
  return bytes.subarray(start, start + length).reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
