/**
 * Makes one image as long as another without spoiling it: what follows it means nothing to its decompression. So a host
 * that relied on length and form alone would take it. Pure.
 */
import { compressionOf } from '../../src/agent/decompression.ts';

/** zstd and lz4 share the frame that every reader skips. */
const skippedFrame = 0x184d2a50;
const skippedHead = 8;
/** A gzip member of nothing, with a file name of no bytes. */
const emptyMember = 21;

/** @param path how the image is compressed is said by its name */
export function filledUp(image: Uint8Array, length: number, path: string): Uint8Array {
  const filled = Buffer.alloc(length);
  filled.set(image.subarray(0, length));
  const rest = filled.subarray(Math.min(length, image.byteLength));
  const compression = compressionOf(path);
  if ((compression === 'zstd' || compression === 'lz4') && rest.byteLength >= skippedHead) {
    rest.writeUInt32LE(skippedFrame, 0);
    rest.writeUInt32LE(rest.byteLength - skippedHead, 4);
  }
  if (compression === 'gzip' && rest.byteLength >= emptyMember) {
    rest.set([0x1f, 0x8b, 8, 8]);
    rest.fill('x', 10, rest.byteLength - 11);
    rest[rest.byteLength - 10] = 3;
  }
  return filled;
}
