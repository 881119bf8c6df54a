import assert from 'node:assert/strict';
import fc from 'fast-check';
import { maxManifestBytes } from '../../src/waves/limits.ts';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import type { Manifest, Release } from '../../src/waves/release.ts';
import { missingImages, requireImages, spreadOf } from '../../src/waves/release.ts';
import { spreads } from '../../src/waves/wave.ts';
import {
  bytesOf,
  type Json,
  type JsonMembers,
  manifestJson,
  textOfBytes,
  updateJson,
} from './manifest-fixtures.ts';

function parseUpdate(members: JsonMembers): Release {
  const [release] = parseManifest(bytesOf(manifestJson(updateJson(members)))).updates;
  assert.ok(release);
  return release;
}

const minimal = `{
  "updates": [
    {
      "variant": "demo-k8s",
      "arch": "x86_64",
      "version": "1.1.0",
      "max_version": "1.1.0",
      "waves": {
        "0": "2030-01-01T01:00:00Z",
        "20": "2030-01-01T04:00:00Z"
      },
      "images": {
        "boot": "a-boot.ext4.lz4",
        "root": "a-root.ext4.lz4",
        "hash": "a-root.verity.lz4"
      }
    }
  ],
  "migrations": {
    "(1.0.0, 1.1.0)": [
      "migrate_v1.1.0_example.lz4"
    ]
  }
}
`;

describe('manifest: reading', () => {
  it('reads what Bottlerocket writes', () => {
    assert.deepEqual(parseManifest(bytesOf(minimal)), {
      updates: [
        {
          variant: 'demo-k8s',
          arch: 'x86_64',
          version: '1.1.0',
          maxVersion: '1.1.0',
          waves: new Map([
            [0, Date.UTC(2030, 0, 1, 1)],
            [20, Date.UTC(2030, 0, 1, 4)],
          ]),
          images: { boot: 'a-boot.ext4.lz4', root: 'a-root.ext4.lz4', hash: 'a-root.verity.lz4' },
        },
      ],
      migrations: [{ from: '1.0.0', to: '1.1.0', targets: ['migrate_v1.1.0_example.lz4'] }],
    });
    assert.deepEqual(parseManifest(bytesOf({ updates: [], migrations: {} })), {
      updates: [],
      migrations: [],
    });
  });

  const times: readonly (readonly [string, number])[] = [
    ['2019-8-06T15:00:00Z', Date.UTC(2019, 7, 6, 15)],
    ['2030-01-01T01:00:00.5Z', Date.UTC(2030, 0, 1, 1, 0, 0, 500)],
    ['2030-01-01T01:00:00.123000000Z', Date.UTC(2030, 0, 1, 1, 0, 0, 123)],
    ['2030-01-01T01:00:00.123456789Z', Date.UTC(2030, 0, 1, 1, 0, 0, 124)],
    ['2030-01-01T01:00:00+02:00', Date.UTC(2029, 11, 31, 23)],
    ['2030-01-01T01:00:00-01:30', Date.UTC(2030, 0, 1, 2, 30)],
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ];
  for (const [text, time] of times) {
    it(`reads the time ${text}`, () => {
      assert.deepEqual([...parseUpdate({ waves: { '0': text } }).waves], [[0, time]]);
    });
  }

  it('reads wave keys in any order, with leading zeros and beyond the fleet', () => {
    const waves = {
      '858993459': '2030-01-04T00:00:00Z',
      '0020': '2030-01-02T00:00:00Z',
      '4294967295': '2030-01-04T00:00:00Z',
      '0': '2030-01-01T00:00:00Z',
    };
    assert.deepEqual([...parseUpdate({ waves }).waves.keys()], [0, 20, 858_993_459, 4_294_967_295]);
  });

  it('reads its own additions', () => {
    const release = parseUpdate({ tidegate: { spread: 'linear', last_wave_ends: '2030-01-01T04:00:00Z' } });
    assert.equal(release.spread, 'linear');
    assert.equal(release.lastWaveEnds, Date.UTC(2030, 0, 1, 4));
    assert.equal(release.unknown, undefined);
  });

  it('reads a release without a stated spread as the tools that wrote it mean it', () => {
    assert.equal(spreadOf(parseUpdate({})), 'shipped');
    assert.equal(spreadOf(parseUpdate({ tidegate: {} })), 'shipped');
    for (const spread of spreads) assert.equal(spreadOf(parseUpdate({ tidegate: { spread } })), spread);
  });

  it('reads the layout of one image', () => {
    assert.deepEqual(parseUpdate({ images: { image: 'disk.img.zst' } }).images, { image: 'disk.img.zst' });
  });

  it('reads pairs of migrations as loosely as upstream', () => {
    const pairs = { 'x (1.0.0,1.1.0) y': [], '(1.1.0,   1.2.0-rc.1+b)': ['a', 'b'] };
    const { migrations } = parseManifest(bytesOf({ updates: [], migrations: pairs }));
    assert.deepEqual(migrations, [
      { from: '1.0.0', to: '1.1.0', targets: [] },
      { from: '1.1.0', to: '1.2.0-rc.1+b', targets: ['a', 'b'] },
    ]);
  });

  it('finds pairs in long hostile keys in linear time', () => {
    const key = `${'('.repeat(400_000)}${'(1,'.repeat(400_000)}`;
    const begin = performance.now();
    assert.throws(() => parseManifest(bytesOf({ updates: [], migrations: { [key]: [] } })), {
      code: 'manifest-invalid',
    });
    assert.ok(performance.now() - begin < 1000);
  });
});

describe('manifest: refusing', () => {
  const time = '2030-01-01T00:00:00Z';
  const images = { boot: 'b', root: 'r', hash: 'h' };
  const broken: readonly (readonly [title: string, document: Json, where: string])[] = [
    ['a list', [], 'document'],
    ['no updates', { migrations: {} }, 'updates'],
    ['updates that are an object', { updates: {}, migrations: {} }, 'updates'],
    ['no migrations', { updates: [] }, 'migrations'],
    ['migrations that are a list', { updates: [], migrations: [] }, 'migrations'],
    ['an update that is text', manifestJson('x'), 'updates[0]'],
    ['a second update that is null', manifestJson(updateJson(), null), 'updates[1]'],
    ['a variant that is a number', manifestJson(updateJson({ variant: 1 })), 'updates[0].variant'],
    ['an empty variant', manifestJson(updateJson({ variant: '' })), 'updates[0].variant'],
    ['control characters', manifestJson(updateJson({ variant: 'a\u001b[2J' })), 'updates[0].variant'],
    ['a version that is a number', manifestJson(updateJson({ version: 1 })), 'updates[0].version'],
    ['a version with v', manifestJson(updateJson({ version: 'v1.1.0' })), 'updates[0].version'],
    ['a version in white space', manifestJson(updateJson({ version: '1.1.0 ' })), 'updates[0].version'],
    ['a version of two parts', manifestJson(updateJson({ version: '1.1' })), 'updates[0].version'],
    [
      'a version with leading zeros',
      manifestJson(updateJson({ max_version: '1.01.0' })),
      'updates[0].max_version',
    ],
    ['waves that are a list', manifestJson(updateJson({ waves: [] })), 'updates[0].waves'],
    ['a time that is a number', manifestJson(updateJson({ waves: { '0': 1 } })), 'updates[0].waves["0"]'],
    ['images that are text', manifestJson(updateJson({ images: 'x' })), 'updates[0].images'],
    [
      'an image that is a number',
      manifestJson(updateJson({ images: { ...images, hash: 1 } })),
      'updates[0].images.hash',
    ],
    [
      'a missing image',
      manifestJson(updateJson({ images: { boot: 'b', root: 'r' } })),
      'updates[0].images.hash',
    ],
    ['a fourth image', manifestJson(updateJson({ images: { ...images, kernel: 'k' } })), 'updates[0].images'],
    ['mixed layouts', manifestJson(updateJson({ images: { ...images, image: 'i' } })), 'updates[0].images'],
    ['additions that are text', manifestJson(updateJson({ tidegate: 'x' })), 'updates[0].tidegate'],
    [
      'an unknown spread',
      manifestJson(updateJson({ tidegate: { spread: 'cubic' } })),
      'updates[0].tidegate.spread',
    ],
    [
      'an end that is no time',
      manifestJson(updateJson({ tidegate: { last_wave_ends: 5 } })),
      'updates[0].tidegate.last_wave_ends',
    ],
    [
      'an end before the last wave',
      manifestJson(updateJson({ tidegate: { last_wave_ends: time } })),
      'updates[0].tidegate.last_wave_ends',
    ],
    ['a migration without a pair', { updates: [], migrations: { '1.0.0': [] } }, 'migrations'],
    ['a migration from no version', { updates: [], migrations: { '(1.0, 1.1.0)': [] } }, 'migrations'],
    ['a migration to no version', { updates: [], migrations: { '(1.0.0, latest)': [] } }, 'migrations'],
    [
      'migrations that are text',
      { updates: [], migrations: { '(1.0.0, 1.1.0)': 'x' } },
      'migrations["(1.0.0, 1.1.0)"]',
    ],
    [
      'a target that is null',
      { updates: [], migrations: { '(1.0.0, 1.1.0)': ['a', null] } },
      'migrations["(1.0.0, 1.1.0)"][1]',
    ],
    [
      'one hop twice',
      { updates: [], migrations: { '(1.0.0,1.1.0)': [], '(1.0.0, 1.1.0)': [] } },
      'migrations["(1.0.0, 1.1.0)"]',
    ],
  ];
  for (const [title, document, where] of broken) {
    it(`MAN-01: refuses ${title}, naming ${where}`, () => {
      assert.throws(
        () => parseManifest(bytesOf(document)),
        (error: Error & { details: { where?: string } }) => {
          assert.equal(error.details.where, where);
          assert.ok(error.message.startsWith(`manifest.json: ${where}: found `), error.message);
          return (error as Error & { code?: string }).code === 'manifest-invalid';
        },
      );
    });
  }

  it('MAN-01: refuses an update without any one of its members, and says which', () => {
    for (const member of ['variant', 'arch', 'version', 'max_version', 'waves', 'images']) {
      const update = Object.fromEntries(Object.entries(updateJson()).filter(([name]) => name !== member));
      assert.throws(() => parseManifest(bytesOf(manifestJson(update))), {
        code: 'manifest-invalid',
        message: new RegExp(`^manifest\\.json: updates\\[0\\]\\.${member}: found nothing`),
      });
    }
  });

  it('MAN-01: refuses 50 MB before it reads them', () => {
    const begin = performance.now();
    assert.throws(() => parseManifest(new Uint8Array(50_000_000)), { code: 'length-limit' });
    assert.throws(() => parseManifest(new Uint8Array(maxManifestBytes + 1)), { code: 'length-limit' });
    assert.ok(performance.now() - begin < 200);
  });

  it('MAN-01: refuses text that is not strict JSON', () => {
    for (const text of [
      '',
      '<html>',
      minimal.replace('"arch"', '"variant"'),
      `${minimal}x`,
      minimal.replace('"1.1.0"', '1.1'),
    ]) {
      assert.throws(() => parseManifest(bytesOf(text)), { code: 'json-invalid' });
    }
  });

  it('MAN-03: refuses wave keys that are no unsigned 32-bit integers', () => {
    for (const key of ['-1', '4294967296', '99999999999', '1.5', '', 'a', ' 1', '+1', '1e1', '__proto__']) {
      const text = JSON.stringify(manifestJson(updateJson({ waves: { KEY: time } }))).replace('KEY', key);
      assert.throws(() => parseManifest(bytesOf(text)), {
        code: 'manifest-invalid',
        message: /updates\[0\]\.waves/,
      });
    }
  });

  it('MAN-03: refuses one seed twice, also in two spellings', () => {
    assert.throws(
      () => parseManifest(bytesOf(manifestJson(updateJson({ waves: { '1': time, '01': time } })))),
      {
        code: 'manifest-invalid',
        message: /each seed once/,
      },
    );
  });

  it('MAN-03: refuses times that fall from key to key, and takes equal ones', () => {
    const later = '2030-01-01T00:00:01Z';
    assert.throws(() => parseUpdate({ waves: { '0': later, '20': time } }), {
      code: 'manifest-invalid',
      message: /updates\[0\]\.waves\["20"\]: found "2030-01-01T00:00:00Z"/,
    });
    assert.equal(parseUpdate({ waves: { '0': time, '20': time } }).waves.size, 2);
  });

  it('MAN-03: refuses what is no time', () => {
    const bad = [
      '2030-02-30T00:00:00Z',
      '2030-13-01T00:00:00Z',
      '2030-00-01T00:00:00Z',
      '2030-01-01T24:00:00Z',
      '2030-01-01T00:60:00Z',
      '2030-01-01T00:00:60Z',
      '2030-01-01',
      '2030-01-01T00:00:00',
      'tomorrow',
      '',
      '10000-01-01T00:00:00Z',
      '1969-12-31T23:59:59Z',
      '0050-01-01T00:00:00Z',
      '0070-01-01T00:00:00Z',
      '2030-01-00T00:00:00Z',
      '2030-04-31T00:00:00Z',
      '2030-01-01T00:00:00.Z',
      '2030-01-01T00:00:00.1234567890Z',
      '9999-12-31T23:59:59.5Z',
      '2030-01-01T00::00Z',
      '2030-01-T00:00:00Z',
      '2030-01-01T00:00:00+24:00',
      '2030-01-01T00:00:00-14:60',
      '2030-01-01T00:00:00+99:99',
    ];
    for (const text of bad) {
      assert.throws(() => parseUpdate({ waves: { '0': text } }), { code: 'manifest-invalid' }, text);
    }
  });

  it('MAN-06: refuses one variant, architecture and version twice, also when only build metadata differs', () => {
    for (const version of ['1.1.0', '1.1.0+other']) {
      assert.throws(() => parseManifest(bytesOf(manifestJson(updateJson(), updateJson({ version })))), {
        code: 'manifest-invalid',
        message: /updates\[1\]/,
      });
    }
    const others = [updateJson(), updateJson({ arch: 'aarch64' }), updateJson({ variant: 'Demo-k8s' })];
    assert.equal(parseManifest(bytesOf(manifestJson(...others))).updates.length, 3);
  });

  it('survives any single broken byte with a coded error or a manifest', () => {
    const bytes = bytesOf(minimal);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const altered = Uint8Array.from(bytes);
        altered[at] = (altered[at] ?? 0) ^ change;
        try {
          formatManifest(parseManifest(altered));
        } catch (error) {
          assert.match(String((error as { code?: string }).code), /^(manifest-invalid|json-invalid)$/);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

describe('manifest: writing', () => {
  it('writes what it reads, byte for byte', () => {
    assert.equal(textOfBytes(formatManifest(parseManifest(bytesOf(minimal)))), minimal);
  });

  it('writes what a real updog reads: every member, padded Z times, integer keys in order', () => {
    const manifest: Manifest = {
      updates: [
        {
          ...parseUpdate({}),
          waves: new Map([
            [102, Date.UTC(2030, 0, 2)],
            [20, Date.UTC(2030, 0, 1, 4, 0, 0, 500)],
            [0, Date.UTC(2030, 0, 1, 1)],
          ]),
          spread: 'linear',
          lastWaveEnds: Date.UTC(2030, 0, 3),
        },
      ],
      migrations: [{ from: '1.0.0', to: '1.1.0', targets: [] }],
    };
    const text = textOfBytes(formatManifest(manifest));
    assert.ok(text.endsWith('}\n'));
    assert.match(text, /\n {2}"updates": \[\n {4}\{\n {6}"variant"/);
    const read = JSON.parse(text);
    const [update] = read.updates;
    const members = ['variant', 'arch', 'version', 'max_version', 'waves', 'images', 'tidegate'];
    assert.deepEqual(Object.keys(update), members);
    assert.ok(text.indexOf('"0"') < text.indexOf('"20"') && text.indexOf('"20"') < text.indexOf('"102"'));
    assert.deepEqual(update.waves, {
      '0': '2030-01-01T01:00:00Z',
      '20': '2030-01-01T04:00:00.500Z',
      '102': '2030-01-02T00:00:00Z',
    });
    assert.deepEqual(update.tidegate, { spread: 'linear', last_wave_ends: '2030-01-03T00:00:00Z' });
    assert.deepEqual(read.migrations, { '(1.0.0, 1.1.0)': [] });
    assert.deepEqual(Object.keys(update.images), ['boot', 'root', 'hash']);
  });

  it('writes waves and migrations that are empty', () => {
    const text = textOfBytes(
      formatManifest(parseManifest(bytesOf({ updates: [updateJson({ waves: {} })], migrations: {} }))),
    );
    assert.deepEqual(JSON.parse(text).updates[0].waves, {});
    assert.deepEqual(JSON.parse(text).migrations, {});
  });

  it('keeps members it does not know, at every level, and drops datastore_versions', () => {
    const document = {
      ...manifestJson(
        updateJson({
          status: 'Ready',
          severity: { level: 3, big: 12345678901234 },
          tidegate: { spread: 'linear', halo: [1, 'x', null, true] },
        }),
        updateJson({ version: '1.0.0', tidegate: { halo: {} } }),
      ),
      datastore_versions: { '1.0.0': '0.1' },
      notes: { '2': 'b', '10': 'a' },
    };
    const text = textOfBytes(formatManifest(parseManifest(bytesOf(document))));
    const { datastore_versions: dropped, ...kept } = document;
    assert.ok(dropped);
    assert.deepEqual(JSON.parse(text), kept);
    assert.equal(textOfBytes(formatManifest(parseManifest(bytesOf(text)))), text);
  });

  it('refuses to write what it would not read', () => {
    const good = parseManifest(bytesOf(minimal));
    const release = parseUpdate({});
    const bad: readonly Manifest[] = [
      { ...good, updates: [{ ...release, version: 'v1' }] },
      { ...good, updates: [release, release] },
      { ...good, updates: [{ ...release, waves: new Map([[0, Number.NaN]]) }] },
      { ...good, updates: [{ ...release, waves: new Map([[0.5, 0]]) }] },
      { ...good, updates: [{ ...release, lastWaveEnds: 1 }] },
      { ...good, migrations: [...good.migrations, ...good.migrations] },
    ];
    for (const manifest of bad) {
      assert.throws(() => formatManifest(manifest), { code: 'manifest-invalid' });
    }
  });

  it('does not let kept members stand for known ones', () => {
    const good = parseManifest(bytesOf(minimal));
    const top = new Map([['updates', 'x']]);
    const unknown = new Map([
      ['variant', 'x'],
      ['tidegate', 'x'],
    ]);
    const updates = good.updates.map((release) => ({ ...release, unknown }));
    assert.deepEqual(parseManifest(formatManifest({ ...good, unknown: top, updates })), good);
  });

  it('is stable for any manifest: parse after format gives the same again', () => {
    const text = fc.stringMatching(/^[a-z0-9._-]{1,20}$/);
    const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((parts) => parts.join('.'));
    const waves = fc
      .uniqueArray(fc.nat(2047), { maxLength: 6 })
      .map(
        (keys) =>
          new Map(keys.sort((a, b) => a - b).map((key, index) => [key, 1_893_456_000_000 + index * 60_000])),
      );
    const release: fc.Arbitrary<Release> = fc.record(
      {
        variant: text,
        arch: fc.constantFrom('x86_64', 'aarch64'),
        version,
        maxVersion: version,
        waves,
        images: fc.oneof(
          fc.record({ boot: text, root: text, hash: text }, { noNullPrototype: true }),
          fc.record({ image: text }, { noNullPrototype: true }),
        ),
        spread: fc.constantFrom(...spreads),
      },
      {
        requiredKeys: ['variant', 'arch', 'version', 'maxVersion', 'waves', 'images'],
        noNullPrototype: true,
      },
    );
    const updates = fc.uniqueArray(release, {
      maxLength: 8,
      selector: (one) => `${one.variant} ${one.arch} ${one.version}`,
    });
    fc.assert(
      fc.property(updates, (list) => {
        const manifest: Manifest = { updates: list, migrations: [] };
        assert.deepEqual(parseManifest(formatManifest(manifest)), manifest);
      }),
    );
  });
});

describe('manifest: images', () => {
  const manifest = parseManifest(
    bytesOf(manifestJson(updateJson(), updateJson({ version: '1.2.0', images: { image: 'sub/disk.img' } }))),
  );

  it('MAN-02: tells which images no trusted role lists', () => {
    const targets = new Set(['a-boot.ext4.lz4', 'a-root.verity.lz4', 'disk.img']);
    const missing = missingImages(manifest, (path) => targets.has(path));
    assert.deepEqual(
      missing.map(({ release, kind, path }) => [release.version, kind, path]),
      [
        ['1.1.0', 'root', 'a-root.ext4.lz4'],
        ['1.2.0', 'image', 'sub/disk.img'],
      ],
    );
    assert.deepEqual(
      missingImages(manifest, () => true),
      [],
    );
  });

  it('MAN-02: refuses a release with a missing image by code', () => {
    const [release] = manifest.updates;
    assert.ok(release);
    requireImages(release, () => true);
    assert.throws(() => requireImages(release, (path) => path === 'a-boot.ext4.lz4'), {
      code: 'manifest-image-missing',
      message: /demo-k8s x86_64 1\.1\.0: image root: found no target "a-root\.ext4\.lz4".*2 missing/,
    });
  });
});
