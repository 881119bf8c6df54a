/**
 * Images on their way to hosts are compressed with zstd; people's own may also be gzip or plain. What an image holds
 * is measured here apart from the agent's code, so that what a slot holds afterwards can be held against it.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { type Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createZstdCompress, createZstdDecompress } from 'node:zlib';

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
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      length += chunk.byteLength;
      done(null, to === undefined ? undefined : chunk);
    },
  });
  const source = createReadStream(from, { highWaterMark: chunkLength });
  const end: Writable[] = to === undefined ? [] : [createWriteStream(to, { flags: 'wx' })];
  if (to === undefined) measure.resume();
  const stages: readonly (Readable | Writable | Transform)[] = [
    source,
    ...(await decompressors(from)),
    measure,
    ...end,
  ];
  await pipeline(stages, { signal });
  return { length, sha256: hash.digest('hex') };
}

async function decompressors(path: string): Promise<readonly Transform[]> {
  const start = (await readStart(path, 4)).toString('hex');
  if (start === '28b52ffd') return [createZstdDecompress({ chunkSize: chunkLength })];
  return start.startsWith('1f8b') ? [createGunzip({ chunkSize: chunkLength })] : [];
}

async function readStart(path: string, length: number): Promise<Buffer> {
  const handle = await open(path);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** The first bytes of a file; all of it when no length is given. */
export async function measure(path: string, length?: number): Promise<Content> {
  const hash = createHash('sha256');
  let found = 0;
  const range = length === undefined ? {} : { end: Math.max(0, length - 1) };
  for await (const chunk of createReadStream(path, { ...range, highWaterMark: chunkLength })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    found += bytes.byteLength;
  }
  return { length: found, sha256: hash.digest('hex') };
}
