/** How a large file is cut into parts, and the checksum that a bucket computes over them. Pure but for the hash. */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';

const MEBIBYTE = 1024 * 1024;

/** Sizes in bytes; parts in flight bound the memory of an upload: each is held until it is stored. */
export interface S3Sizes {
  /** Largest file that one PUT carries. */
  readonly singlePut: number;
  /** A part, but for files that would have more than 10,000 of them. */
  readonly part: number;
  readonly partsInFlight: number;
  /** Largest file whose bytes are always read back after the write: metadata. */
  readonly readBack: number;
}

export const defaultS3Sizes: S3Sizes = {
  singlePut: 64 * MEBIBYTE,
  part: 16 * MEBIBYTE,
  partsInFlight: 8,
  readBack: MEBIBYTE,
};

/** What S3 takes. */
const mostParts = 10_000;
const largestPart = 5 * 1024 * MEBIBYTE;

export interface Part {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
  /** Base64. */
  readonly sha256: string;
}

/**
 * Bytes of every part but the last: the same for everybody who uploads a file of this length, so that the checksum
 * over the parts says whether two files are the same.
 *
 * @throws length-limit for more than a bucket takes
 */
export function partSizeFor(length: number, { part }: S3Sizes = defaultS3Sizes): number {
  if (length <= part * mostParts) return part;
  const size = Math.ceil(length / mostParts / MEBIBYTE) * MEBIBYTE;
  if (size <= largestPart) return size;
  const limit = largestPart * mostParts;
  throw new TidegateError(
    'length-limit',
    `A file of ${length} bytes is more than a bucket takes, ${limit}.`,
    {
      found: length,
      limit,
    },
  );
}

/** The SHA-256 over the digests of the parts, as S3 writes it: base64, a hyphen, the number of parts. */
export function compositeChecksum(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const digest of parts) hash.update(Buffer.from(digest, 'base64'));
  return `${hash.digest('base64')}-${parts.length}`;
}

/** Lower-case hex to base64, which S3 writes. */
export function base64Of(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

/** The composite checksum of a stream that is cut into parts of this size. */
export async function compositeOf(chunks: AsyncIterable<Uint8Array>, partSize: number): Promise<string> {
  const parts: string[] = [];
  let hash = createHash('sha256');
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength; ) {
      const piece = chunk.subarray(at, at + partSize - filled);
      hash.update(piece);
      at += piece.byteLength;
      filled += piece.byteLength;
      if (filled < partSize) continue;
      parts.push(hash.digest('base64'));
      hash = createHash('sha256');
      filled = 0;
    }
  }
  if (filled > 0 || parts.length === 0) parts.push(hash.digest('base64'));
  return compositeChecksum(parts);
}
