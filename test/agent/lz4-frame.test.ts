import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { decodeBlock } from '../../src/agent/lz4-block.ts';
import { decodeLz4 } from '../../src/agent/lz4-frame.ts';
import { XxHash32, xxh32 } from '../../src/agent/xxh32.ts';
import { lz4Contents } from '../support/lz4-content.ts';

const LIMIT = 2 ** 40;
const encoder = new TextEncoder();

function fixture(name: string): Uint8Array {
  return readFileSync(join(import.meta.dirname, 'lz4', `${name}.lz4`));
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.slice(start, start + size);
}

async function decoded(bytes: Uint8Array, size = 65_536, limit = LIMIT): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decodeLz4(pieces(bytes, size), limit)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A frame header with the given flag and descriptor bytes, its checksum right. */
function header(flags: number, descriptor: number, ...more: number[]): number[] {
  const sum = (xxh32(Uint8Array.of(flags, descriptor, ...more)) >>> 8) & 0xff;
  return [0x04, 0x22, 0x4d, 0x18, flags, descriptor, ...more, sum];
}

const skippable = [0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7];

describe('xxh32', () => {
  it('gives the published values', () => {
    const values: readonly (readonly [string, number])[] = [
      ['', 0x02cc5d05],
      ['a', 0x550d7456],
      ['abc', 0x32d153ff],
      ['Nobody inspects the spammish repetition', 0xe2293b2f],
    ];
    for (const [text, value] of values) assert.equal(xxh32(encoder.encode(text)), value, text);
  });

  it('does not depend on where the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (parts) => {
        const hash = new XxHash32();
        for (const part of parts) hash.update(part);
        assert.equal(hash.digest(), xxh32(Buffer.concat(parts)));
      }),
    );
  });
});

describe('LZ4 frames', () => {
  const names = ['text-independent', 'text-linked', 'text-checked', 'text-high', 'text-large-block'];
  for (const name of [...names, 'noise', 'empty']) {
    it(`decodes ${name}, wherever it is cut`, async () => {
      const content = lz4Contents[name.split('-')[0] as keyof typeof lz4Contents]();
      for (const size of [1_000_000, 4099, 61]) {
        const found = await decoded(fixture(name), size);
        assert.ok(found.equals(content), `${name} in pieces of ${size}`);
      }
    });
  }

  it('decodes frames one after another, and passes over skippable ones', async () => {
    const noise = fixture('noise');
    const both = Buffer.concat([Buffer.from(skippable), noise, Buffer.from(skippable), noise]);
    const content = lz4Contents.noise();
    assert.ok((await decoded(both, 1000)).equals(Buffer.concat([content, content])));
  });

  it('refuses every frame that is cut short', async () => {
    const bytes = fixture('text-checked');
    for (const length of [0, 3, 4, 6, 10, 14, 15, 18, 500, bytes.length - 5, bytes.length - 1])
      await assert.rejects(decoded(bytes.subarray(0, length)), { code: 'image-invalid' }, `${length} bytes`);
    await assert.rejects(decoded(Uint8Array.from(skippable).subarray(0, 10)), { code: 'image-invalid' });
  });

  it('SLT-04: finds every flipped bit of a checked frame', async () => {
    const bytes = fixture('text-checked');
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (index, bit) => {
        const bent = Buffer.from(bytes);
        bent[index] = (bent[index] ?? 0) ^ (1 << bit);
        await assert.rejects(decoded(bent), { code: 'image-invalid' });
      }),
      { numRuns: 40 },
    );
    for (let index = 0; index < 19; index += 1) {
      const bent = Buffer.from(bytes);
      bent[index] = (bent[index] ?? 0) ^ 1;
      await assert.rejects(decoded(bent), { code: 'image-invalid' }, `byte ${index}`);
    }
  });

  const refused: readonly (readonly [string, number[], RegExp])[] = [
    ['a dictionary', header(0x61, 0x40, 1, 0, 0, 0), /dictionary/],
    ['another version', header(0x20, 0x40), /version/],
    ['a reserved flag', header(0x62, 0x40), /reserved/],
    ['a reserved bit of the descriptor', header(0x60, 0xc0), /reserved/],
    ['an undefined block size', header(0x60, 0x30), /block size/],
    ['a wrong header checksum', [...header(0x60, 0x40).slice(0, -1), 0x00], /checksum of the frame header/],
    ['a block larger than the frame allows', [...header(0x60, 0x40), 0x01, 0x00, 0x01, 0x00], /65537 bytes/],
    ['less content than claimed', [...header(0x68, 0x40, 9, 0, 0, 0, 0, 0, 0, 0), 0, 0, 0, 0], /0 bytes/],
    [
      'more content than claimed',
      [...header(0x68, 0x40, 1, 0, 0, 0, 0, 0, 0, 0), 2, 0, 0, 0x80, 65, 65, 0, 0, 0, 0],
      /2 bytes/,
    ],
    ['other bytes', [1, 2, 3, 4], /0x04030201/],
    ['bytes after the frame', [...header(0x60, 0x40), 0, 0, 0, 0, 9, 9, 9, 9], /0x09090909/],
  ];
  for (const [what, bytes, message] of refused) {
    it(`SLT-04: refuses ${what}`, async () => {
      await assert.rejects(decoded(Uint8Array.from(bytes)), { code: 'image-invalid', message });
    });
  }

  it('SLT-04: refuses the legacy format by name', async () => {
    await assert.rejects(decoded(fixture('legacy')), { code: 'image-invalid', message: /legacy/ });
  });

  it('SLT-04: refuses a claim of more than fits before the first byte', async () => {
    const claim = header(0x68, 0x70, 0, 0, 0, 0, 0, 0x5b, 0, 0);
    let chunks = 0;
    const work = async (): Promise<void> => {
      for await (const _ of decodeLz4(pieces(Uint8Array.from(claim), 100), 1_000_000)) chunks += 1;
    };
    await assert.rejects(work(), { code: 'image-invalid', message: /100055558127616 .* 1000000/ });
    assert.equal(chunks, 0);
  });

  it('closes its source when the consumer leaves, and lets its error through', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield fixture('text-linked');
        throw new Error('the line broke');
      } finally {
        closed = true;
      }
    }
    for await (const _ of decodeLz4(source(), LIMIT)) break;
    assert.equal(closed, true);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield fixture('text-linked').subarray(0, 100);
      throw new Error('the line broke');
    }
    const work = async (): Promise<void> => {
      for await (const _ of decodeLz4(broken(), LIMIT));
    };
    await assert.rejects(work(), /the line broke/);
  });
});

describe('LZ4 blocks', () => {
  it('decode literals, short, long and overlapping matches', () => {
    const output = new Uint8Array(100);
    // "abc", then 4 + 15 + 3 bytes from 3 back, then "z".
    const end = decodeBlock(Uint8Array.of(0x3f, 97, 98, 99, 3, 0, 3, 0x10, 122), output, 0, 100);
    assert.equal(Buffer.from(output.subarray(0, end)).toString(), `${'abc'.repeat(9).slice(0, 25)}z`);
  });

  it('are refused where they leave their bounds', () => {
    const cases: readonly (readonly [number[], RegExp])[] = [
      [[0x40, 1], /beyond the block/],
      [[0xf0], /inside a length/],
      [[0x00, 1], /inside a match/],
      [[0x10, 65, 0, 0], /before the beginning/],
      [[0x10, 65, 2, 0, 0x00], /before the beginning/],
      [[0x1f, 65, 1, 0, 255, 0, 0x00], /larger than its frame/],
      [[0x10, 65, 1, 0], /end with literals/],
      [[0xf0, 90, ...Array<number>(105).fill(1)], /larger than its frame/],
    ];
    for (const [bytes, message] of cases)
      assert.throws(
        () => decodeBlock(Uint8Array.from(bytes), new Uint8Array(200), 0, 100),
        message,
        `${bytes}`,
      );
  });

  it('SLT-04: no bytes make it write beyond its limit or end otherwise than in order', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(40), (input, start) => {
        const output = new Uint8Array(128).fill(0xee);
        try {
          const end = decodeBlock(input, output, start, 100);
          assert.ok(end >= start && end <= 100);
        } catch (error) {
          assert.ok(error instanceof RangeError);
        }
        assert.ok(output.subarray(100).every((byte) => byte === 0xee));
        assert.ok(output.subarray(0, start).every((byte) => byte === 0xee));
      }),
      { numRuns: 2000 },
    );
  });
});
