import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { exactBytes } from '../../src/client/target-stream.ts';
import { isTidegateError } from '../../src/errors.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { ClientScene, deadMark } from '../support/client-scene.ts';
import { fixtureImages, imageBytes } from '../support/fixture-repository.ts';
import { hashesOf } from '../support/simulated-documents.ts';

const image = fixtureImages.root;
const right = imageBytes(image, 9000);

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: Uint8Array; error: unknown }> {
  const list: Uint8Array[] = [];
  try {
    for await (const chunk of chunks) list.push(chunk);
    return { bytes: new Uint8Array(Buffer.concat(list)), error: undefined };
  } catch (error) {
    return { bytes: new Uint8Array(Buffer.concat(list)), error };
  }
}

describe('stream', () => {
  let scene: ClientScene;
  beforeEach(() => {
    scene = new ClientScene();
  });
  afterEach(() => scene.close());

  it('yields exactly the signed bytes and tells how far it is', async () => {
    const seen: [number, number][] = [];
    const { bytes, error } = await collected(
      scene.client().stream(image, { progress: (done, total) => seen.push([done, total]) }),
    );
    assert.equal(error, undefined);
    assert.deepEqual(bytes, right);
    assert.deepEqual(seen.at(-1), [9000, 9000]);
    assert.ok(seen.length > 1);
  });

  const wrong: Record<string, [string, (bytes: Uint8Array) => Uint8Array]> = {
    'one byte longer': ['length-mismatch', (bytes) => new Uint8Array([...bytes, 0])],
    'one byte shorter': ['length-mismatch', (bytes) => bytes.slice(1)],
    'first byte flipped': ['hash-mismatch', (bytes) => bytes.with(0, (bytes[0] ?? 0) ^ 1)],
    'last byte flipped': ['hash-mismatch', (bytes) => bytes.with(8999, (bytes[8999] ?? 0) ^ 128)],
  };
  for (const [what, [code, change]] of Object.entries(wrong)) {
    it(`NET-12: ${what}: throws at the end, and never yields all of a wrong file`, async () => {
      scene.repository.tamper = (name, bytes) =>
        name.startsWith('targets/') && bytes !== undefined ? change(bytes) : bytes;
      const { bytes, error } = await collected(scene.client().stream(image));
      assert.ok(error instanceof Error && 'code' in error && error.code === code);
      assert.ok(bytes.length < 9000);
    });
  }

  it('NET-12: a longer file without a stated length yields no surplus byte', async () => {
    const targets = {
      location: 'memory:unstated',
      read: () => assert.fail(),
      stat: () => assert.fail(),
      open: async (name: string) => ({
        name,
        length: undefined,
        etag: '',
        body: (async function* () {
          yield right;
          yield new Uint8Array(1);
        })(),
      }),
    };
    const { bytes, error } = await collected(scene.client({ targets }).stream(image));
    assert.ok(error instanceof Error && 'code' in error && error.code === 'length-mismatch');
    assert.equal(bytes.length, 0);
  });

  it('PAR-19: counts past 2 GiB, and ends at the byte that was signed', async () => {
    const piece = new Uint8Array(1024 * 1024);
    const path = parseTargetPath(image);
    const target = { path, length: 2 ** 31 + 5, hashes: {}, custom: undefined, role: 'targets' };
    for (const [surplus, code] of [
      [0, undefined],
      [1, 'length-mismatch'],
      [-1, 'length-mismatch'],
      [-(2 ** 31), 'length-mismatch'],
    ] as const) {
      const body = (async function* () {
        for (let rest = target.length + surplus; rest > 0; rest -= piece.byteLength)
          yield piece.subarray(0, Math.min(rest, piece.byteLength));
      })();
      const file = { name: image, length: undefined, etag: '', body };
      let [bytes, refusal]: [number, string | undefined] = [0, undefined];
      try {
        for await (const chunk of exactBytes(file, { ...target, names: [], urls: [] }, {}))
          bytes += chunk.byteLength;
      } catch (error) {
        if (!isTidegateError(error)) throw error;
        refusal = error.code;
      }
      assert.equal(refusal, code);
      assert.ok(bytes <= target.length && (code !== undefined || bytes === target.length));
    }
  });

  it('an empty target is an empty stream', async () => {
    scene.repository.addTarget('empty', new Uint8Array());
    scene.repository.publish();
    assert.deepEqual(await collected(scene.client().stream('empty')), {
      bytes: new Uint8Array(),
      error: undefined,
    });
  });

  it('can be left in the middle', async () => {
    for await (const chunk of scene.client().stream(image)) {
      assert.ok(chunk.length > 0);
      break;
    }
  });
});

describe('download', () => {
  let scene: ClientScene;
  let out: string;
  beforeEach(() => {
    scene = new ClientScene();
    out = join(scene.folder, 'out.img');
  });
  afterEach(() => scene.close());

  it('replaces a file that is not the target, with a mode fixed by code', async () => {
    writeFileSync(out, 'x'.repeat(9000));
    chmodSync(out, 0o777);
    const { from, location } = await scene.client().download(image, out);
    assert.deepEqual([from, location], ['network', 'memory:simulated/targets']);
    assert.deepEqual(new Uint8Array(readFileSync(out)), right);
    assert.equal(statSync(out).mode & 0o777, 0o644);
  });

  it('DSK-15: bytes that rotted since the last download are fetched again', async () => {
    const client = scene.client();
    await client.download(image, out);
    writeFileSync(out, right.with(4000, (right[4000] ?? 0) ^ 1));
    assert.equal((await client.download(image, out)).from, 'network');
    assert.deepEqual(new Uint8Array(readFileSync(out)), right);
  });

  it('DSK-11: a link or a folder at the destination is left alone', async () => {
    const victim = join(scene.folder, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, out);
    await assert.rejects(scene.client().download(image, out), { code: 'not-a-plain-file' });
    assert.equal(readFileSync(victim, 'utf8'), 'precious');
    mkdirSync(join(scene.folder, 'folder'));
    await assert.rejects(scene.client().download(image, join(scene.folder, 'folder')), {
      code: 'not-a-plain-file',
    });
  });

  it('DSK-14: partial files of dead processes beside the destination are cleared away', async () => {
    writeFileSync(join(scene.folder, `.tidegate-tmp-${deadMark()}-0123456789abcdef`), 'half');
    await scene.client().download(image, out);
    assert.deepEqual(readdirSync(scene.folder).sort(), ['out.img', 'state']);
  });

  it('a folder that does not exist is a disk error that names it', async () => {
    await assert.rejects(scene.client().download(image, join(scene.folder, 'no', 'out.img')), {
      code: 'disk-error',
      message: /no/,
    });
  });

  for (const [what, hashes, code] of [
    ['sha512 alone', ['sha512'], undefined],
    ['both', ['sha256', 'sha512'], undefined],
    ['right sha256, wrong sha512', ['sha256', 'wrong'], 'hash-mismatch'],
  ] as const) {
    it(`PAR-17: ${what}`, async () => {
      const sha512 = (await import('node:crypto')).createHash('sha512').update(right).digest('hex');
      const all = {
        ...hashesOf(right),
        sha512: hashes.includes('wrong' as never) ? '0'.repeat(128) : sha512,
      };
      const { sha256, ...without } = all;
      scene.repository.targets.targets[image] = {
        length: 9000,
        hashes: hashes[0] === 'sha512' ? without : all,
      };
      scene.repository.targetFiles.set(`${sha512}.${image}`, right);
      scene.repository.publish();
      const client = scene.client();
      if (code === undefined) await client.download(image, out);
      else await assert.rejects(client.download(image, out), { code });
      assert.ok(sha256.length === 64);
    });
  }

  it('finds a target that is stored under its SHA-512 only', async () => {
    const sha512 = (await import('node:crypto')).createHash('sha512').update(right).digest('hex');
    const { repository } = scene;
    repository.targets.targets[image] = { length: 9000, hashes: { ...hashesOf(right), sha512 } };
    repository.targetFiles.clear();
    repository.targetFiles.set(`${sha512}.${image}`, right);
    repository.publish();
    await scene.client().download(image, out);
    assert.deepEqual(new Uint8Array(readFileSync(out)), right);
  });
});
