import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { readDrafts, removeDraft } from '../../../src/signer/release/draft.ts';
import { readImage } from '../../../src/signer/release/image-file.ts';
import { completeRelease, imageName } from '../../../src/signer/release/image-names.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { type MemoryFileSystem, powerCuts } from '../../support/memory-file-system.ts';
import {
  addVersion,
  copyOf,
  directory,
  open,
  planAndPublish,
  putFile,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

const id = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };

describe('signer/release/add-release', () => {
  it('reads an image once, in steps, and keeps what it found', async () => {
    const workspace = await open(await workspaceDisk());
    const path = await putFile(workspace.fileSystem, '/images/os.img', new Uint8Array(2_500_000).fill(7));
    const seen: number[] = [];
    const progress = ({ bytes, total }: { bytes: number; total: number }) => {
      assert.equal(total, 2_500_000);
      seen.push(bytes);
    };
    const draft = await addRelease(workspace, { version: '1.0.0', images: { image: path } }, { progress });
    assert.ok(seen.length > 2 && seen.at(-1) === 2_500_000);
    const [image] = draft.images;
    assert.deepEqual([image?.kind, image?.target, image?.length], ['image', 'os.img', 2_500_000]);
    assert.deepEqual(await readDrafts(workspace), [draft]);
  });

  it('ends when it is cancelled, and nothing is added', async () => {
    const workspace = await open(await workspaceDisk());
    const path = await putFile(workspace.fileSystem, '/images/os.img', new Uint8Array(4_000_000));
    const abort = new AbortController();
    const run = { signal: abort.signal, progress: () => abort.abort() };
    await assert.rejects(addRelease(workspace, { version: '1.0.0', images: { image: path } }, run), {
      code: 'cancelled',
    });
    assert.deepEqual(await readDrafts(workspace), []);
  });

  it('SGN-37: refuses an image of 0 bytes, a folder, and one that does not exist', async () => {
    const workspace = await open(await workspaceDisk());
    const empty = await putFile(workspace.fileSystem, '/images/empty-1.0.0.img', '');
    const add = (image: string) => addRelease(workspace, { version: '1.0.0', images: { image } });
    await assert.rejects(add(empty), { code: 'release-invalid', message: /is empty/ });
    await assert.rejects(add('/images'), { code: 'not-a-plain-file' });
    await assert.rejects(add('/images/none.img'), { code: 'not-found' });
  });

  it("SGN-37: refuses a pipe without waiting for it, and follows the operator's own links", async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-image-'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await assert.rejects(readImage(nodeFileSystem, join(folder, 'pipe')), { code: 'not-a-plain-file' });
    await putFile(nodeFileSystem, join(folder, 'image'), 'bytes');
    execFileSync('ln', ['-s', 'image', join(folder, 'latest')]);
    assert.equal((await readImage(nodeFileSystem, join(folder, 'latest'))).length, 5);
    rmSync(folder, { recursive: true });
  });

  it('an image that grows while it is read is refused', async () => {
    const disk = await workspaceDisk();
    const path = await putFile(disk, '/images/os.img', new Uint8Array(3_000_000));
    let looks = 0;
    const status = async (name: string) => {
      looks += 1;
      if (looks === 2) await putFile(disk, path, new Uint8Array(3_000_001));
      return await disk.status(name);
    };
    const changing = new Proxy(disk, {
      get: (target, name: keyof MemoryFileSystem) => {
        if (name === 'status') return status;
        const member = target[name];
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    await assert.rejects(readImage(changing, path), { code: 'release-invalid', message: /changed while/ });
    assert.ok(looks >= 2);
  });

  it('DEL-20, DEL-22: refuses names that some client would ask for differently', async () => {
    const workspace = await open(await workspaceDisk());
    const names = [
      'a b.img',
      'a%2fb.img',
      'a?b',
      'a#b',
      '.hidden',
      '-leading',
      '~tilde',
      'ä.img',
      'a\\b',
      `${'x'.repeat(181)}`,
    ];
    for (const name of names) {
      const image = await putFile(workspace.fileSystem, `/images/${name}`, 'bytes');
      const adding = addRelease(workspace, { version: '1.0.0', images: { image } });
      await assert.rejects(adding, { code: 'target-path-invalid' }, name);
    }
    const image = await putFile(workspace.fileSystem, '/images/manifest.json', 'bytes');
    await assert.rejects(addRelease(workspace, { version: '1.0.0', images: { image } }), {
      code: 'name-taken',
    });
  });

  it('refuses other bytes under a name that a draft or a published release has', async () => {
    const workspace = await open(await workspaceDisk());
    const path = await putFile(workspace.fileSystem, '/images/os.img', 'first');
    await addRelease(workspace, { version: '1.0.0', images: { image: path } });
    await putFile(workspace.fileSystem, path, 'second');
    const again = () => addRelease(workspace, { version: '1.1.0', images: { image: path } });
    await assert.rejects(again(), { code: 'name-taken', message: /a draft/ });
    await putFile(workspace.fileSystem, path, 'first');
    await planAndPublish(workspace, start);
    await putFile(workspace.fileSystem, path, 'second');
    await assert.rejects(again(), { code: 'name-taken', message: /published/ });
    await addRelease(workspace, { version: '1.1.0', images: { image: path }, naming: 'standard' });
    assert.equal((await readDrafts(workspace))[0]?.images[0]?.target, 'os-demo-x86_64-1.1.0-image.img');
    await putFile(workspace.fileSystem, path, 'first');
    await addRelease(workspace, { version: '1.2.0', images: { image: path } });
  });

  it('refuses a release that is a draft or published already, until the draft is taken back', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0');
    await assert.rejects(addVersion(workspace, '1.0.0'), {
      code: 'release-invalid',
      message: /draft already/,
    });
    assert.equal(await removeDraft(workspace, id), 'removed');
    assert.equal(await removeDraft(workspace, id), 'absent');
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    await assert.rejects(addVersion(workspace, '1.0.0'), {
      code: 'release-invalid',
      message: /published already/,
    });
  });

  it('refuses images that are not those of the layout, versions that are none, and unknown fleets', async () => {
    const single = await open(await workspaceDisk());
    const image = await putFile(single.fileSystem, '/images/os.img', 'bytes');
    const bad = [
      { images: {}, version: '1.0.0' },
      { images: { image, boot: image }, version: '1.0.0' },
      { images: { kernel: image }, version: '1.0.0' },
      { images: { image }, version: 'v1.0.0' },
      { images: { image } },
      { images: { image }, version: '1.0.0', maxVersion: '1' },
      { images: { image }, version: '1.0.0', variant: 'other' },
      { images: { image }, version: '1.0.0', arch: 'arm' },
      { images: { image }, version: '1.0.0', startTime: Number.NaN },
    ];
    for (const options of bad) {
      await assert.rejects(addRelease(single, options), { code: 'release-invalid' }, JSON.stringify(options));
    }
    const bottlerocket = await open(await workspaceDisk({ template: 'bottlerocket' }));
    const only = { images: { image }, version: '1.0.0' };
    await assert.rejects(addRelease(bottlerocket, only), {
      code: 'release-invalid',
      message: /boot, root, hash/,
    });
  });

  it('PUB-27: power fails at any call: the draft is whole or absent, and adding it again works', async () => {
    const good = await workspaceDisk();
    await putFile(good, '/images/os-demo-x86_64-1.0.0.img', 'image');
    const images = { image: '/images/os-demo-x86_64-1.0.0.img' };
    const recorder = new FileSystemReplay(copyOf(good));
    const draft = await addRelease(await open(recorder), { images });
    for (const cut of recorder.calls.keys()) {
      const disk = copyOf(good);
      await open(new FileSystemReplay(disk, { cut }))
        .then((workspace) => addRelease(workspace, { images }))
        .catch(() => undefined);
      const workspace = await open(
        disk.powerCut(powerCuts[cut % 4] ?? { unsyncedBytes: 'lost', unsyncedNames: 'lost' }),
      );
      const found = await readDrafts(workspace);
      assert.ok(found.length <= 1);
      if (found.length === 0) await addRelease(workspace, { images });
      const names = (await readDrafts(workspace)).map(({ images: [image] }) => image?.sha256);
      assert.deepEqual(names, [draft.images[0]?.sha256], `cut at ${cut}`);
    }
  });

  it('a draft that was damaged is named', async () => {
    const workspace = await open(await workspaceDisk());
    await addVersion(workspace, '1.0.0');
    const path = `${directory}/drafts/demo~x86_64~1.0.0.json`;
    for (const text of [
      '{"format": 2}',
      '{"format": 1}',
      '{"format": 1, "spread": "linear", "images": [1]}',
    ]) {
      await putFile(workspace.fileSystem, path, text);
      await assert.rejects(planPublication(workspace, { now: start }), {
        code: 'workspace-invalid',
        message: /demo~x86_64/,
      });
    }
  });
});

describe('signer/release/image-names', () => {
  const fleets = [
    { variant: 'aws-k8s-1.29', arch: 'x86_64' },
    { variant: 'aws-k8s-1.29', arch: 'aarch64' },
    { variant: 'metal', arch: 'x86_64' },
  ];

  it("reads variant, architecture and version from names in Bottlerocket's manner", () => {
    const names = ['boot.ext4.lz4', 'root.ext4.lz4', 'root.verity.lz4'].map(
      (ending) => `/build/bottlerocket-aws-k8s-1.29-aarch64-1.26.1-943d9a41-${ending}`,
    );
    assert.deepEqual(completeRelease({}, names, fleets), {
      variant: 'aws-k8s-1.29',
      arch: 'aarch64',
      version: '1.26.1',
    });
    assert.deepEqual(completeRelease({}, ['metal-x86_64-2.0.0.img'], fleets), {
      variant: 'metal',
      arch: 'x86_64',
      version: '2.0.0',
    });
  });

  it('reads a version alone from other names, when there is exactly one and it is certain', () => {
    const [, , metal] = fleets;
    const versionOf = (file: string) => completeRelease({}, [file], metal ? [metal] : []).version;
    for (const file of [
      'disk-1.2.3.img',
      'disk-v1.2.3.img.zst',
      '1.2.3.img',
      'os_1.2.3_x86.img',
      'os-1.2.3-root.img',
    ])
      assert.equal(versionOf(file), '1.2.3', file);
    const unsure = [
      '1.2.3-rc.1',
      '1.2.3-beta',
      '1.2.3+5',
      '1.2.3rc1',
      '1.2',
      '1.2.3.4',
      'a1.2.3',
      '1.2.3-on-6.1.0',
    ];
    for (const part of unsure) {
      const expected = {
        code: 'release-invalid',
        message: /no file name tells it for certain; give --version/,
      };
      assert.throws(() => versionOf(`disk-${part}.img`), expected, part);
      if (part.startsWith('1.2.3') && part !== '1.2.3-on-6.1.0')
        assert.throws(() => versionOf(`os-metal-x86_64-${part}-abc123-boot.ext4.lz4`), expected, part);
    }
  });

  it('what is stated wins, what is missing or contradicts itself is refused', () => {
    const stated = { variant: 'metal', arch: 'x86_64', version: '3.0.0' };
    assert.deepEqual(completeRelease(stated, ['metal-x86_64-2.0.0.img'], fleets), stated);
    const names = ['os-metal-x86_64-1.0.0-boot', 'os-metal-x86_64-1.0.1-root'];
    assert.throws(() => completeRelease({}, names, fleets), {
      code: 'release-invalid',
      message: /1\.0\.0 and 1\.0\.1/,
    });
    assert.throws(() => completeRelease({ version: '1.0.0' }, ['os.img'], fleets), { message: /variant/ });
    assert.throws(() => completeRelease({}, ['os-metal-x86_64-1.0.img'], fleets), {
      code: 'release-invalid',
    });
    const only = completeRelease({ version: '1.0.0' }, ['os.img'], fleets.slice(2));
    assert.equal(only.variant, 'metal');
  });

  it("gives names in Bottlerocket's manner", () => {
    const release = { variant: 'metal', arch: 'x86_64', version: '1.0.0' };
    const name = (kind: string, path: string) =>
      imageName('standard', { repository: 'example/os', release, kind, path });
    assert.equal(name('boot', '/b/boot.img.lz4'), 'os-metal-x86_64-1.0.0-boot.ext4.lz4');
    assert.equal(name('root', '/b/root'), 'os-metal-x86_64-1.0.0-root.ext4');
    assert.equal(name('hash', '/b/hash.lz4'), 'os-metal-x86_64-1.0.0-root.verity.lz4');
    assert.equal(name('image', '/b/disk-7.8.9.img.zst'), 'os-metal-x86_64-1.0.0-image.img.zst');
    assert.equal(imageName('kept', { repository: 'r', release, kind: 'image', path: '/b/os.img' }), 'os.img');
  });
});
