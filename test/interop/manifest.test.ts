/**
 * The list of releases, read as a Bottlerocket host does. There is no updog to be had outside an image of Bottlerocket,
 * and its crate update_metadata is on no registry: test/interop/read-manifest.py does what it is described to do, and
 * shares nothing with src/. The manifest comes to it through tuftool, where that is there. Run by .ci/interop.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choose } from '../../src/waves/choose.ts';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import { peers, readBy, wanted } from './peers.ts';
import { recorded } from './results.ts';
import { manifestScene, type Scene } from './scenes.ts';

interface Host {
  readonly variant: string;
  readonly arch: string;
  readonly version: string;
  readonly seed: number;
  readonly now: number;
  readonly ignore_waves: boolean;
  readonly version_lock: string;
}

const hour = 3_600_000;
const start = Date.UTC(2030, 0, 1);

/** Every version that may run, a spread of seeds, the edges of every wave of the default policy. */
function* hosts(): Generator<Host> {
  const seeds = [0, 1, 19, 20, 21, 102, 103, 307, 512, 819, 1228, 1843, 2046, 2047];
  const hours = [-1, 0, 1, 2.5, 4, 12, 24, 36, 48, 96, 120, 143.9, 144, 145, 168, 169];
  for (const version of ['0.9.0', '1.0.0', '1.1.0-rc.1', '1.1.0', '1.2.0', '2.0.0'])
    for (const seed of seeds)
      for (const after of hours)
        for (const [ignore_waves, version_lock] of [
          [false, 'latest'],
          [true, 'latest'],
          [false, 'v1.0.0'],
          [true, '1.2.0'],
        ] as const)
          yield {
            variant: 'demo',
            arch: 'x86_64',
            version,
            seed,
            now: start + after * hour,
            ignore_waves,
            version_lock,
          };
}

describe('interop: the manifest, as a Bottlerocket host reads it', function () {
  this.timeout(300_000);
  if (!wanted) {
    it('is what .ci/interop runs');
    return;
  }
  let scene: Scene;
  let work: string;
  let manifest: string;
  before(async () => {
    work = mkdtempSync(join(tmpdir(), 'tidegate-manifest-'));
    scene = await manifestScene();
    const [fallback] = peers;
    const tuftool = peers.find(({ name }) => name.startsWith('tuftool')) ?? fallback;
    assert.ok(tuftool !== undefined);
    const { contents } = await readBy(tuftool, scene, scene.roots[0] ?? '', ['manifest.json']);
    manifest = contents[0] ?? '';
  });
  after(() => {
    scene?.end();
    rmSync(work, { recursive: true, force: true });
  });

  function updog(text: string, asked: readonly Host[]) {
    const file = join(work, 'manifest.json');
    writeFileSync(file, text);
    const program = join(import.meta.dirname, 'read-manifest.py');
    const { status, stdout, stderr } = spawnSync('python3', [program, file], {
      input: JSON.stringify(asked),
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    return { status, stderr, taken: (): readonly (string | null)[] => JSON.parse(stdout) };
  }

  const place = (row: string) => ({ part: 'manifest', row, peer: 'read as updog does' }) as const;

  it('is taken by a strict reader, and each host takes what ours takes', async () => {
    await recorded(place('which release a host takes, at which time'), async () => {
      const asked = [...hosts()];
      const { status, stderr, taken } = updog(manifest, asked);
      assert.equal(status, 0, stderr);
      const ours = parseManifest(new TextEncoder().encode(manifest));
      const different = new Set(taken());
      assert.deepEqual([...different].toSorted(), ['1.0.0', '1.1.0', '1.2.0', null].toSorted());
      for (const [index, version] of taken().entries()) {
        const { now, ignore_waves, version_lock, ...host } = asked[index] ?? assert.fail();
        const choice = choose(ours, { ...host, ignoreWaves: ignore_waves, versionLock: version_lock }, now);
        const chosen = choice.kind === 'update' ? choice.release.version : null;
        assert.equal(chosen, version, JSON.stringify(asked[index]));
      }
    });
  });

  it('every image of a release is a target that every client gets', async () => {
    await recorded(place('the images that a release names'), async () => {
      const ours = parseManifest(new TextEncoder().encode(manifest));
      const names = ours.updates.flatMap(({ images }) => Object.values(images));
      assert.equal(names.length, 9);
      for (const peer of peers) {
        const { contents } = await readBy(peer, scene, scene.roots[0] ?? '', names);
        assert.deepEqual(
          contents,
          names.map((name) => scene.targets.get(name)),
        );
      }
    });
  });

  it('with migrations, as the writer of our library gives it, it is taken too', async () => {
    await recorded(place('migrations'), async () => {
      const ours = parseManifest(new TextEncoder().encode(manifest));
      const migrations = [
        { from: '1.0.0', to: '1.1.0', targets: ['migrate_v1.1.0_one.lz4', 'migrate_v1.1.0_two.lz4'] },
        { from: '1.1.0', to: '1.2.0', targets: [] },
      ];
      const text = new TextDecoder().decode(formatManifest({ ...ours, migrations }));
      assert.match(text, /"\(1\.0\.0, 1\.1\.0\)"/);
      const { status, stderr } = updog(text, []);
      assert.equal(status, 0, stderr);
    });
  });

  it('the strict reader refuses what is wrong: it looks', () => {
    const wrong: readonly (readonly [RegExp | string, string, RegExp])[] = [
      ['"version": "1.2.0"', '"version": "v1.2.0"', /no SemVer/],
      [/"waves": \{\s*"\d+"/, '"waves": { "01"', /unsigned 32-bit/],
      [/("waves": \{\s*"\d+": "[\d-]+)T(\d\d:\d\d:\d\d)Z/, '$1 $2', /no time/],
      ['"migrations"', '"hops"', /missing/],
      ['"boot"', '"kernel"', /boot, root and hash/],
      [/"arch": "[^"]*"/, '$&, $&', /twice/],
    ];
    for (const [from, to, why] of wrong) {
      const text = manifest.replace(from, to);
      assert.notEqual(text, manifest, `${from} is not in the manifest`);
      const { status, stderr } = updog(text, []);
      assert.equal(status, 1, `${to} was taken`);
      assert.match(stderr, why);
    }
  });
});
