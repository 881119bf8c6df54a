/**
 * Images on their way to hosts are compressed with zstd; people's own may also be gzip or plain. What an image holds
 * is measured here apart from the agent's code, so that what a slot holds afterwards can be held against it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { compressionOf, decompress } from '../../src/agent/decompression.ts';

export interface Content {
  readonly length: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const chunkLength = 1024 * 1024;

/** The same bytes give the same file: one level, one thread (zstd's own threads cut as they come), the length stated. */
export async function compress(from: string, to: string, signal: AbortSignal): Promise<void> {
  const handle = await open(from);
  const { size } = await handle.stat();
  const zstd = createZstdCompress({
    chunkSize: chunkLength,
    pledgedSrcSize: size,
    params: {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const source = handle.createReadStream({ highWaterMark: chunkLength });
  await pipeline(source, zstd, createWriteStream(to, { flags: 'wx' }), { signal });
}

/** What a host gets out of a published image; written to a new file where one is named. */
export async function expand(from: string, to: string | undefined, signal: AbortSignal): Promise<Content> {
  const hash = createHash('sha256');
  let length = 0;
  const expanded = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of expandedBytes(from)) {
      hash.update(chunk);
      length += chunk.byteLength;
      yield chunk;
    }
  };
  const end = to === undefined ? new Writable({ write: (_c, _e, done) => done() }) : newFile(to);
  await pipeline(expanded, end, { signal });
  return { length, sha256: hash.digest('hex') };
}

function newFile(path: string): Writable {
  return createWriteStream(path, { flags: 'wx' });
}

/** The end of the name says how a file is compressed, as for hosts. */
function expandedBytes(path: string): AsyncIterable<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: chunkLength });
  switch (compressionOf(path)) {
    case 'zstd':
      return source.pipe(createZstdDecompress({ chunkSize: chunkLength }));
    case 'gzip':
      return source.pipe(createGunzip({ chunkSize: chunkLength }));
    case 'lz4':
      // Node.js itself reads no lz4, so here the agent's own reader has to do.
      return decompress(source, 'lz4', Number.MAX_SAFE_INTEGER);
    case 'none':
      return source;
  }
}

/** Reads a file once through one buffer: gigabytes pass here, and pieces of their own would keep the collector busy. */
export async function measure(path: string): Promise<Content> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkLength);
  const file = await open(path);
  try {
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, length);
      if (bytesRead === 0) return { length, sha256: hash.digest('hex') };
      hash.update(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
  } finally {
    await file.close();
  }
}
