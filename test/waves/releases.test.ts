import assert from 'node:assert/strict';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import { beginOf, type Manifest } from '../../src/waves/release.ts';
import {
  addRelease,
  emptyManifest,
  type NewRelease,
  offeredAgain,
  removeRelease,
  setMaxVersion,
  setMigrations,
  setWaves,
} from '../../src/waves/releases.ts';

const start = Date.parse('2030-01-01T00:00:00Z');
const images = { boot: 'b', root: 'r', hash: 'h' };

function release(version: string, more: Partial<NewRelease> = {}): NewRelease {
  return { variant: 'demo', arch: 'x86_64', version, waves: new Map(), images, ...more };
}

function maxVersions(manifest: Manifest): readonly string[] {
  return manifest.updates.map((one) => `${one.variant} ${one.version} ≤ ${one.maxVersion}`);
}

describe('releases: adding', () => {
  it('gives max_version by default: the version itself, or the higher one in force', () => {
    const first = addRelease(emptyManifest, release('1.1.0'));
    assert.deepEqual(maxVersions(first), ['demo 1.1.0 ≤ 1.1.0']);
    const second = addRelease(first, release('1.2.0'));
    assert.deepEqual(maxVersions(second), ['demo 1.1.0 ≤ 1.2.0', 'demo 1.2.0 ≤ 1.2.0']);
    const older = addRelease(second, release('1.0.5'));
    assert.deepEqual(maxVersions(older), ['demo 1.1.0 ≤ 1.2.0', 'demo 1.2.0 ≤ 1.2.0', 'demo 1.0.5 ≤ 1.2.0']);
    assert.deepEqual(maxVersions(first), ['demo 1.1.0 ≤ 1.1.0'], 'the manifest that came in is unchanged');
  });

  it('writes a stated max_version onto every release of the same variant and architecture, and no other', () => {
    const others = addRelease(
      addRelease(emptyManifest, release('5.0.0', { variant: 'other' })),
      release('5.0.0', { arch: 'aarch64' }),
    );
    const manifest = addRelease(
      addRelease(others, release('1.1.0')),
      release('1.2.0', { maxVersion: '1.3.0' }),
    );
    assert.deepEqual(maxVersions(manifest), [
      'other 5.0.0 ≤ 5.0.0',
      'demo 5.0.0 ≤ 5.0.0',
      'demo 1.1.0 ≤ 1.3.0',
      'demo 1.2.0 ≤ 1.3.0',
    ]);
  });

  it('states the spread: linear unless asked otherwise', () => {
    const [first] = addRelease(emptyManifest, release('1.1.0')).updates;
    assert.equal(first?.spread, 'linear');
    const [second] = addRelease(emptyManifest, release('1.1.0', { spread: 'shipped' })).updates;
    assert.equal(second?.spread, 'shipped');
    const waves = new Map([[0, start]]);
    const added = addRelease(emptyManifest, release('1.1.0', { waves, lastWaveEnds: start }));
    assert.equal(added.updates[0]?.lastWaveEnds, start);
    assert.deepEqual(parseManifest(formatManifest(added)), added);
  });

  it('takes the layout of one image', () => {
    const manifest = addRelease(emptyManifest, release('1.1.0', { images: { image: 'disk.img' } }));
    assert.deepEqual(parseManifest(formatManifest(manifest)), manifest);
  });

  it('keeps what it does not know', () => {
    const unknown = new Map([['severity', 'high']]);
    const manifest = addRelease({ ...emptyManifest, unknown }, release('1.1.0', { unknown }));
    assert.equal(manifest.unknown, unknown);
    assert.equal(manifest.updates[0]?.unknown, unknown);
  });

  const wrong: readonly (readonly [title: string, more: Partial<NewRelease>, message: RegExp])[] = [
    ['a version with v', { version: 'v1.1.0' }, /version: found "v1\.1\.0"/],
    ['a version that is listed', { version: '1.0.0' }, /in the manifest already/],
    ['a version that differs in build metadata only', { version: '1.0.0+b' }, /in the manifest already/],
    ['a max_version that is none', { maxVersion: 'latest' }, /maxVersion: found "latest"/],
    ['a max_version below the version', { maxVersion: '1.0.9' }, /maxVersion: found 1\.0\.9/],
    ['no images', { images: {} }, /images: found none, expected boot, hash, root or image/],
    ['an image too many', { images: { ...images, image: 'x' } }, /images: found boot, hash, image, root/],
    ['waves that do not start at 0', { waves: new Map([[1, start]]) }, /waves: found key 1/],
    [
      'a key beyond the fleet',
      {
        waves: new Map([
          [0, start],
          [2048, start + 1],
        ]),
      },
      /waves: found key 2048/,
    ],
    [
      'a key that is no integer',
      {
        waves: new Map([
          [0, start],
          [1.5, start + 1],
        ]),
      },
      /waves: found key 1\.5/,
    ],
    ['a negative key', { waves: new Map([[-1, start]]) }, /waves: found key -1/],
    [
      'equal times',
      {
        waves: new Map([
          [0, start],
          [20, start],
        ]),
      },
      /at key 20, expected after 2030/,
    ],
    [
      'falling times',
      {
        waves: new Map([
          [20, start],
          [0, start + 1],
        ]),
      },
      /at key 20, expected after 2030/,
    ],
    ['a time that is none', { waves: new Map([[0, Number.NaN]]) }, /waves: found time NaN/],
    ['an end without waves', { lastWaveEnds: start }, /lastWaveEnds: found 1893456000000/],
    [
      'an end that is no time',
      { waves: new Map([[0, start]]), lastWaveEnds: Number.NaN },
      /lastWaveEnds: found NaN/,
    ],
    [
      'an end before the last wave',
      { waves: new Map([[0, start]]), lastWaveEnds: start - 1 },
      /lastWaveEnds: /,
    ],
    [
      'an end with the spread that ignores it',
      { waves: new Map([[0, start]]), lastWaveEnds: start, spread: 'shipped' },
      /with spread shipped/,
    ],
  ];
  for (const [title, more, message] of wrong) {
    it(`refuses ${title}`, () => {
      const manifest = addRelease(emptyManifest, release('1.0.0'));
      assert.throws(() => addRelease(manifest, release('1.1.0', more)), { code: 'release-invalid', message });
    });
  }

  it('refuses a manifest whose max_version in force is none', () => {
    const manifest = addRelease(emptyManifest, release('1.0.0'));
    const broken = { ...manifest, updates: manifest.updates.map((one) => ({ ...one, maxVersion: 'x' })) };
    assert.throws(() => addRelease(broken, release('1.1.0')), {
      code: 'release-invalid',
      message: /1\.0\.0: maxVersion/,
    });
  });
});

describe('releases: changing', () => {
  const manifest = addRelease(addRelease(emptyManifest, release('1.0.0')), release('1.1.0'));
  const id = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };

  it('removes one release and leaves max_version alone', () => {
    assert.deepEqual(maxVersions(removeRelease(manifest, id)), ['demo 1.0.0 ≤ 1.1.0']);
    assert.throws(() => removeRelease(manifest, { ...id, version: '1.2.0' }), { code: 'release-invalid' });
    assert.throws(() => removeRelease(manifest, { ...id, version: 'x' }), { code: 'release-invalid' });
    assert.throws(() => removeRelease(manifest, { ...id, arch: 'aarch64' }), { code: 'release-invalid' });
  });

  it('gives one release other waves and forgets the old ones', () => {
    const waves = new Map([
      [0, start],
      [20, start + 1000],
    ]);
    const first = setWaves(manifest, id, { waves, lastWaveEnds: start + 5000 });
    assert.deepEqual(first.updates[1]?.waves, waves);
    assert.equal(first.updates[1]?.lastWaveEnds, start + 5000);
    assert.equal(first.updates[0], manifest.updates[0]);
    const second = setWaves(first, id, { waves, spread: 'shipped' });
    assert.equal(second.updates[1]?.spread, 'shipped');
    assert.ok(second.updates[1] !== undefined && !('lastWaveEnds' in second.updates[1]));
    const foreign = parseManifest(
      formatManifest({ ...manifest, updates: manifest.updates.map(({ spread: _spread, ...rest }) => rest) }),
    );
    assert.equal(setWaves(foreign, id, { waves }).updates[1]?.spread, 'linear');
  });

  it('refuses waves for a release that is not there, where upstream would open it for everyone', () => {
    assert.throws(() => setWaves(manifest, { ...id, version: '1.1.1' }, { waves: new Map() }), {
      code: 'release-invalid',
      message: /1\.1\.1: found no such release/,
    });
  });

  it('calls hosts back by lowering max_version, of one variant and architecture', () => {
    const two = addRelease(manifest, release('1.1.0', { arch: 'aarch64' }));
    const fleet = { variant: 'demo', arch: 'x86_64' };
    assert.deepEqual(
      setMaxVersion(two, fleet, '1.0.0').updates.map((one) => one.maxVersion),
      ['1.0.0', '1.0.0', '1.1.0'],
    );
    assert.throws(() => setMaxVersion(two, fleet, 'v1.0.0'), { code: 'release-invalid' });
    assert.throws(() => setMaxVersion(two, { ...fleet, variant: 'Demo' }, '1.0.0'), {
      code: 'release-invalid',
    });
  });

  it('sets no highest version that every release is above', () => {
    assert.throws(() => setMaxVersion(manifest, { variant: 'demo', arch: 'x86_64' }, '0.0.1'), {
      code: 'release-invalid',
      message: /found no release up to 0\.0\.1/,
    });
  });

  it('tells which releases a higher highest version brings back', () => {
    const fleet = { variant: 'demo', arch: 'x86_64' };
    const other = addRelease(manifest, release('1.1.0', { arch: 'aarch64' }));
    const lowered = setMaxVersion(other, fleet, '1.0.0');
    const versions = (before: Manifest, after: Manifest) =>
      offeredAgain(before, after).map(({ arch, version }) => `${arch} ${version}`);
    assert.deepEqual(versions(lowered, other), ['x86_64 1.1.0']);
    assert.deepEqual(versions(lowered, addRelease(lowered, release('1.2.0'))), ['x86_64 1.1.0']);
    assert.deepEqual(versions(other, lowered), [], 'going down offers nothing');
    assert.deepEqual(versions(lowered, setMaxVersion(lowered, fleet, '1.0.5')), [], 'still above it');
  });

  it('says when a release without waves was opened, in whole seconds, and when any begins', () => {
    const id = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
    const open = addRelease(emptyManifest, release('1.0.0', { opened: start + 1999 }));
    assert.equal(open.updates[0]?.opened, start + 1000);
    const set = setWaves(open, id, { waves: new Map([[0, start]]), opened: start });
    assert.equal(set.updates[0] && 'opened' in set.updates[0], false, 'waves say it themselves');
    const again = setWaves(set, id, { waves: new Map(), opened: start + 5000 });
    assert.equal(again.updates[0]?.opened, start + 5000);
    const waves = new Map([
      [0, start],
      [9, start + 1000],
    ]);
    assert.equal(beginOf({ waves: new Map() }), undefined);
    assert.equal(beginOf({ waves }), start);
    const held = new Map([[0, start + 9e9]]);
    assert.equal(beginOf({ waves: held, pause: { at: start, waves } }), start, 'at the second of its pause');
    assert.equal(beginOf({ waves: held, pause: { at: start - 1000, waves } }), undefined);
  });

  it('replaces all migrations', () => {
    const hops = [{ from: '1.0.0', to: '1.1.0', targets: ['m'] }];
    assert.deepEqual(setMigrations(manifest, hops).migrations, hops);
    assert.deepEqual(setMigrations(setMigrations(manifest, hops), []).migrations, []);
  });
});
