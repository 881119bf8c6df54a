import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { type Compression, compressionOf, decompress } from '../../src/agent/decompression.ts';
import { readZstdHeader } from '../../src/agent/zstd-header.ts';
import { TidegateError } from '../../src/errors.ts';
import { noise } from '../support/agent-scene.ts';
import { lz4Contents } from '../support/lz4-content.ts';

const LIMIT = 2 ** 40;

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

const one = noise(300_000, 1);
const two = Buffer.concat([noise(1_000, 2), Buffer.alloc(200_000, 7)]);
const both = Buffer.concat([one, two]);
const zstdSkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

describe('decompression', () => {
  it('is chosen by the end of the signed name alone', () => {
    const names: readonly (readonly [string, Compression])[] = [
      ['root.img.zst', 'zstd'],
      ['root.img.gz', 'gzip'],
      ['root.ext4.lz4', 'lz4'],
      ['root.img', 'none'],
      ['root.zst.img', 'none'],
    ];
    for (const [name, compression] of names) assert.equal(compressionOf(name), compression);
  });

  it('hands on as it is what is not compressed, also when it looks compressed', async () => {
    const bytes = zstdCompressSync(one);
    assert.ok((await collect(decompress(pieces(bytes, 1000), 'none', LIMIT))).equals(bytes));
  });

  it('decodes lz4, bounded by what may come out', async () => {
    const bytes = readFileSync(join(import.meta.dirname, 'lz4', 'text-checked.lz4'));
    const found = await collect(decompress(pieces(bytes, 1000), 'lz4', LIMIT));
    assert.ok(found.equals(lz4Contents.text()));
    await assert.rejects(collect(decompress(pieces(bytes, 1000), 'lz4', 1000)), {
      code: 'image-invalid',
      message: /claims \d+ bytes, expected at most 1000/,
    });
  });

  const formats: readonly (readonly [Compression, (bytes: Uint8Array) => Buffer])[] = [
    ['zstd', (bytes) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
    ['gzip', gzipSync],
  ];
  for (const [format, compress] of formats) {
    it(`decodes ${format}, one frame or several, wherever chunks are cut`, async () => {
      const frames = Buffer.concat([compress(one), compress(two)]);
      const first = compress(one).length;
      for (const size of [frames.length, first, first - 1, first + 1, 65_536, 7_777]) {
        const found = await collect(decompress(pieces(frames, size), format, LIMIT));
        assert.ok(found.equals(both), `pieces of ${size}: ${found.length} of ${both.length} bytes`);
      }
    });

    it(`SLT-04: refuses damaged, shortened and prolonged ${format}`, async () => {
      const good = compress(two);
      const bent = Buffer.from(good);
      bent[good.length >> 1] = (bent[good.length >> 1] ?? 0) ^ 0xff;
      const bad = [
        bent,
        good.subarray(0, -1),
        good.subarray(0, 3),
        Buffer.concat([good, Buffer.from('rubbish')]),
      ];
      for (const bytes of [...bad, Buffer.from('rubbish that is long enough'), Buffer.alloc(0)])
        await assert.rejects(collect(decompress(pieces(bytes, 65_536), format, LIMIT)), {
          code: 'image-invalid',
        });
    });

    it(`lets the error of the source through ${format}, and closes the source when the consumer leaves`, async () => {
      let closed = 0;
      async function* source(fails: boolean): AsyncGenerator<Uint8Array> {
        try {
          const bytes = compress(one);
          yield bytes.subarray(0, bytes.length - 10);
          if (fails) throw new TidegateError('hash-mismatch', 'not the signed hash');
          yield bytes.subarray(bytes.length - 10);
        } finally {
          closed += 1;
        }
      }
      await assert.rejects(collect(decompress(source(true), format, LIMIT)), { code: 'hash-mismatch' });
      for await (const _ of decompress(source(false), format, LIMIT)) break;
      assert.equal(closed, 2);
    });
  }

  it('decodes zstd with skippable frames between', async () => {
    const small = noise(2_000, 3);
    const bytes = Buffer.concat([
      zstdSkippable,
      zstdCompressSync(small),
      zstdSkippable,
      zstdSkippable,
      zstdCompressSync(two),
    ]);
    for (const size of [bytes.length, 11, 12, 13, 500]) {
      const found = await collect(decompress(pieces(bytes, size), 'zstd', LIMIT));
      assert.ok(found.equals(Buffer.concat([small, two])), `pieces of ${size}`);
    }
  });

  it('SLT-04: refuses a zstd header that claims too much, before the first byte', async () => {
    const cases: readonly (readonly [number[], RegExp])[] = [
      [[0xa0, 0, 0, 0, 1, 0, 0, 0, 0], /claims 16777216 bytes, expected at most 1000000/],
      [[0xe0, 0, 0, 0, 0, 0, 0x5b, 0, 0], /claims 100055558127616 bytes/],
      [[0x00, 0xa0], /window of 1073741824 bytes/],
      [[0x01, 0x50, 9], /dictionary/],
    ];
    for (const [rest, message] of cases) {
      const bytes = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, ...rest, 0, 0, 0, 0]);
      let chunks = 0;
      const work = async (): Promise<void> => {
        for await (const _ of decompress(pieces(bytes, 100), 'zstd', 1_000_000)) chunks += 1;
      };
      await assert.rejects(work(), { code: 'image-invalid', message });
      assert.equal(chunks, 0);
    }
  });

  it('SLT-04: a bomb is decoded no further than somebody reads', async () => {
    const bomb = zstdCompressSync(Buffer.alloc(64 * 1024 * 1024));
    let seen = 0;
    for await (const chunk of decompress(pieces(bomb, 65_536), 'zstd', LIMIT)) {
      seen += chunk.byteLength;
      if (seen > 2_000_000) break;
    }
    assert.ok(seen < 4_000_000, `${seen} bytes`);
  });
});

describe('zstd frame header', () => {
  it('says window, size and dictionary of what the library writes', () => {
    const small = readZstdHeader(zstdCompressSync(Buffer.alloc(100)));
    assert.deepEqual(small, { windowSize: 100n, contentSize: 100n, needsDictionary: false });
    const size = 300_000n;
    assert.equal(readZstdHeader(zstdCompressSync(one))?.contentSize, size);
    const params = { [constants.ZSTD_c_contentSizeFlag]: 0, [constants.ZSTD_c_windowLog]: 20 };
    const unsized = readZstdHeader(zstdCompressSync(Buffer.alloc(3_000_000, 3), { params }));
    assert.deepEqual(unsized, { windowSize: 1_048_576n, contentSize: undefined, needsDictionary: false });
    const medium = readZstdHeader(zstdCompressSync(Buffer.alloc(500)));
    assert.equal(medium?.contentSize, 500n);
  });

  it('is none without the magic, or where it is cut short', () => {
    assert.equal(readZstdHeader(Buffer.from('hello world')), undefined);
    const bytes = zstdCompressSync(one);
    for (const length of [0, 4, 5, 6]) assert.equal(readZstdHeader(bytes.subarray(0, length)), undefined);
  });
});
