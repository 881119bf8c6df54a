import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  allowedReleases,
  type Choice,
  choose,
  type Host,
  openReleases,
  parseVersionLock,
} from '../../src/waves/choose.ts';
import { formatManifest, parseManifest } from '../../src/waves/manifest.ts';
import type { Manifest, Release } from '../../src/waves/release.ts';

const now = Date.parse('2030-01-10T00:00:00Z');
const hour = 3_600_000;
const closed = new Map([[0, now + hour]]);
const opened = new Map([[0, now - hour]]);

function release(version: string, maxVersion: string, more: Partial<Release> = {}): Release {
  const images = { boot: `${version}-boot`, root: `${version}-root`, hash: `${version}-hash` };
  return { variant: 'aws-k8s', arch: 'x86_64', version, maxVersion, waves: new Map(), images, ...more };
}

function manifestOf(...updates: Release[]): Manifest {
  return { updates, migrations: [] };
}

function host(version: string, more: Partial<Host> = {}): Host {
  return { variant: 'aws-k8s', arch: 'x86_64', version, seed: 1000, ...more };
}

/** A choice in one line: what a table of vectors can hold. */
function brief(choice: Choice): string {
  const version = choice.release?.version ?? '';
  if (choice.kind === 'none') return `none: ${`${choice.reason} ${version}`.trim()}`;
  return `${version}${choice.downgrade ? ' (downgrade)' : ''}`;
}

const several = manifestOf(
  release('1.13.0', '1.20.0'),
  release('1.25.0', '1.20.0'),
  release('1.15.0', '1.20.0'),
  release('1.16.0', '1.20.0', { arch: 'aarch64' }),
);
const waiting = manifestOf(
  release('1.2.0', '1.2.0', { waves: closed }),
  release('1.1.0', '1.2.0', { waves: opened }),
);

describe('choose: vectors of Bottlerocket', () => {
  const vectors: readonly (readonly [name: string, manifest: Manifest, host: Host, expected: string])[] = [
    ['S1', manifestOf(release('1.25.0', '1.20.0')), host('1.18.0'), 'none: barrier 1.25.0'],
    [
      'S2',
      manifestOf(release('0.1.1', '0.1.2'), release('0.1.2', '0.1.2')),
      host('0.1.3'),
      '0.1.2 (downgrade)',
    ],
    ['S3', several, host('1.10.0'), '1.15.0'],
    ['S4 (as a lock)', several, host('1.10.0', { versionLock: '1.13.0' }), '1.13.0'],
    ['S5', several, host('1.15.0'), 'none: barrier 1.25.0'],
    ['S6', several, host('1.15.0', { versionLock: 'v1.13.0' }), '1.13.0 (downgrade)'],
    ['S7', several, host('1.13.0', { versionLock: '1.13.0' }), 'none: locked'],
    ['S8', several, host('1.10.0', { versionLock: '1.25.0' }), 'none: barrier 1.25.0'],
    ['S9', waiting, host('1.0.0'), '1.1.0'],
    ['S10', waiting, host('1.1.0'), 'none: wave 1.2.0'],
    ['S11', waiting, host('1.0.0', { ignoreWaves: true }), '1.2.0'],
    ['S12', manifestOf(release('1.2.0', '1.2.0', { waves: closed })), host('1.3.0'), 'none: wave 1.2.0'],
    ['S13', manifestOf(release('1.2.0-rc.1', '1.2.0')), host('1.1.0'), '1.2.0-rc.1'],
  ];
  for (const [name, manifest, who, expected] of vectors) {
    it(`${name}: ${expected}`, () => {
      assert.equal(brief(choose(manifest, who, now)), expected);
      const reversed = { ...manifest, updates: [...manifest.updates].reverse() };
      assert.equal(brief(choose(reversed, who, now)), expected);
    });
  }

  it('S10 and S12: the answer changes at the very millisecond it names', () => {
    const cases = [
      [waiting, host('1.1.0')],
      [manifestOf(release('1.2.0', '1.2.0', { waves: closed })), host('1.3.0')],
    ] as const;
    for (const [manifest, who] of cases) {
      const choice = choose(manifest, who, now);
      assert.ok(choice.kind === 'none');
      assert.equal(choice.opensAt, now + hour);
      assert.equal(choice.changesAt, now + hour);
      assert.deepEqual(choose(manifest, who, now + hour - 1), choice);
      assert.equal(choose(manifest, who, now + hour).kind, 'update');
    }
  });
});

describe('choose: reasons and times', () => {
  it('says current when nothing newer is listed', () => {
    assert.deepEqual(choose(manifestOf(release('1.1.0', '1.1.0')), host('1.1.0'), now), {
      kind: 'none',
      reason: 'current',
    });
  });

  it('says when a higher release will replace the one it offers', () => {
    const later = new Map([[0, now + 2 * hour]]);
    const manifest = manifestOf(
      release('1.3.0', '1.3.0', { waves: later }),
      release('1.2.0', '1.3.0', { waves: closed }),
      release('1.1.0', '1.3.0'),
    );
    const choice = choose(manifest, host('1.0.0'), now);
    assert.equal(brief(choice), '1.1.0');
    assert.equal(choice.changesAt, now + hour);
    assert.equal(brief(choose(manifest, host('1.0.0'), now + hour)), '1.2.0');
    assert.equal(choose(manifest, host('1.0.0'), now + hour).changesAt, now + 2 * hour);
    assert.equal('changesAt' in choose(manifest, host('1.0.0'), now + 2 * hour), false);
  });

  it('waits for the release that opens first, not for the highest', () => {
    const manifest = manifestOf(
      release('1.3.0', '1.3.0', { waves: new Map([[0, now + 2 * hour]]) }),
      release('1.2.0', '1.3.0', { waves: closed }),
    );
    const choice = choose(manifest, host('1.0.0'), now);
    assert.equal(brief(choice), 'none: wave 1.2.0');
    assert.equal(choice.changesAt, now + hour);
  });

  it('names the higher of two that open at one moment, and the higher one when it opens first', () => {
    for (const [lower, changesAt] of [
      [closed, now + hour],
      [new Map([[0, now + 2 * hour]]), now + hour],
    ] as const) {
      const manifest = manifestOf(
        release('1.2.0', '1.3.0', { waves: lower }),
        release('1.3.0', '1.3.0', { waves: closed }),
      );
      const choice = choose(manifest, host('1.0.0'), now);
      assert.equal(brief(choice), 'none: wave 1.3.0');
      assert.equal(choice.changesAt, changesAt);
      assert.equal(brief(choose(manifest, host('1.0.0'), changesAt)), '1.3.0');
    }
  });

  it('follows the spread and the end of the last wave that the release states', () => {
    const waves = new Map([
      [0, now],
      [1024, now + 1024],
    ]);
    const opening = (more: Partial<Release>, seed: number) => {
      const choice = choose(
        manifestOf(release('1.1.0', '1.1.0', { waves, ...more })),
        host('1.0.0', { seed }),
        now - 1,
      );
      return choice.kind === 'none' ? choice.opensAt : 'open';
    };
    assert.equal(opening({ spread: 'linear' }, 100), now + 100);
    assert.equal(opening({ spread: 'linear' }, 0), now);
    assert.equal(opening({}, 0), 'open');
    assert.equal(opening({}, 2000), now + 1024);
    assert.equal(opening({ spread: 'linear', lastWaveEnds: now + 2048 }, 2000), now + 2000);
  });

  it('keeps a lock in its wave, and to its version', () => {
    assert.equal(brief(choose(waiting, host('1.0.0', { versionLock: '1.2.0' }), now)), 'none: wave 1.2.0');
    assert.equal(brief(choose(waiting, host('1.0.0', { versionLock: '9.0.0' }), now)), 'none: locked');
    assert.equal(brief(choose(waiting, host('1.2.0', { versionLock: 'v1.1.0' }), now)), '1.1.0 (downgrade)');
    assert.equal(brief(choose(waiting, host('1.0.0', { versionLock: 'latest' }), now)), '1.1.0');
  });

  it('does not try a failed version again, but takes another one', () => {
    const manifest = manifestOf(release('1.2.0', '1.2.0'), release('1.1.0', '1.2.0'));
    const failed = (...failedVersions: string[]) =>
      brief(choose(manifest, host('1.0.0', { failedVersions }), now));
    assert.equal(failed(), '1.2.0');
    assert.equal(failed('1.2.0'), '1.1.0');
    assert.equal(failed('1.1.0'), '1.2.0');
    assert.equal(failed('1.2.0', '1.1.0'), 'none: failed 1.2.0');
    assert.throws(() => failed('v1'), { code: 'config-invalid' });
    const lock = { failedVersions: ['1.2.0'], versionLock: '1.2.0' };
    assert.equal(brief(choose(manifest, host('1.0.0', lock), now)), 'none: failed 1.2.0');
    const higher = manifestOf(release('1.3.0', '1.3.0', { waves: closed }), release('1.2.0', '1.3.0'));
    const choice = choose(higher, host('1.0.0', { failedVersions: ['1.2.0'] }), now);
    assert.equal(brief(choice), 'none: wave 1.3.0');
    assert.equal(choice.changesAt, now + hour);
  });

  it('lists what is open for a host, highest first, older ones too', () => {
    const versions = (who: Host) => openReleases(several, who, now).map((one) => one.version);
    assert.deepEqual(versions(host('1.15.0')), ['1.15.0', '1.13.0']);
    assert.deepEqual(
      openReleases(waiting, host('1.0.0'), now).map((one) => one.version),
      ['1.1.0'],
    );
    assert.deepEqual(versions(host('1.0.0', { variant: 'other' })), []);
  });
});

describe('choose: barriers', () => {
  const barrier = { barrier: true } as const;
  const chain = (more: Partial<Release> = {}): Manifest =>
    manifestOf(
      release('1.0.0', '1.5.0'),
      release('1.1.0', '1.5.0', { ...barrier, ...more }),
      release('1.2.0', '1.5.0'),
      release('1.3.0', '1.5.0', barrier),
      release('1.5.0', '1.5.0'),
    );
  const open = (manifest: Manifest, one: Host): readonly string[] =>
    openReleases(manifest, one, now).map(({ version }) => version);

  it('a host goes from barrier to barrier, and then to the highest', () => {
    const steps = ['1.0.0', '1.1.0', '1.3.0', '1.5.0'];
    for (const [index, version] of steps.slice(0, -1).entries())
      assert.equal(brief(choose(chain(), host(version), now)), steps[index + 1]);
    assert.equal(brief(choose(chain(), host('1.5.0'), now)), 'none: current');
    assert.deepEqual(open(chain(), host('1.0.0')), ['1.1.0', '1.0.0']);
    assert.deepEqual(open(chain(), host('1.3.0')), ['1.5.0', '1.3.0', '1.2.0', '1.1.0', '1.0.0']);
  });

  it('waits for a barrier that is closed, paused, above the highest version or has failed, and never jumps', () => {
    const low = host('1.0.0');
    assert.equal(brief(choose(chain({ waves: closed }), low, now)), 'none: wave 1.1.0');
    assert.equal(brief(choose(chain({ waves: closed }), host('1.0.0', { ignoreWaves: true }), now)), '1.1.0');
    const pause = { at: now - hour, waves: closed };
    assert.equal(brief(choose(chain({ waves: closed, pause }), low, now)), 'none: paused 1.1.0');
    const failedVersions = ['1.1.0'];
    assert.equal(brief(choose(chain(), host('1.0.0', { failedVersions }), now)), 'none: failed 1.1.0');
    const above = manifestOf(release('1.2.0', '1.0.5', barrier), release('1.3.0', '1.0.5'));
    assert.equal(brief(choose(above, low, now)), 'none: barrier 1.2.0');
    const gone = { ...chain(), withdrawn: [{ ...release('1.1.0', '1.5.0'), at: now }] };
    assert.equal(brief(choose(gone, low, now)), '1.3.0', 'one that is not there is none');
    // What is below a barrier that is closed may be taken.
    assert.equal(brief(choose(chain({ waves: closed }), host('0.9.0'), now)), '1.0.0');
  });

  it('a lock beyond a barrier waits for it, and going down barriers do not count', () => {
    const lock = (version: string, versionLock: string) =>
      brief(choose(chain(), host(version, { versionLock }), now));
    assert.equal(lock('1.0.0', '1.2.0'), 'none: barrier 1.1.0');
    assert.equal(lock('1.0.0', '1.1.0'), '1.1.0');
    assert.equal(lock('1.1.0', '1.2.0'), '1.2.0');
    assert.equal(lock('1.5.0', '1.0.0'), '1.0.0 (downgrade)');
    assert.equal(lock('1.0.0', '9.0.0'), 'none: locked');
    const down = manifestOf(release('1.0.0', '1.0.0'), release('1.1.0', '1.0.0', barrier));
    assert.equal(brief(choose(down, host('1.5.0'), now)), '1.0.0 (downgrade)');
  });

  it('a new host may begin with the highest, whatever waves and barriers say', () => {
    const found = allowedReleases(chain({ waves: closed }), { variant: 'aws-k8s', arch: 'x86_64' });
    assert.deepEqual(
      found.map(({ version }) => version),
      ['1.5.0', '1.3.0', '1.2.0', '1.1.0', '1.0.0'],
    );
    const some = allowedReleases(several, { variant: 'aws-k8s', arch: 'x86_64' });
    assert.deepEqual(some[0]?.version, '1.15.0');
  });

  it('never offers what is above the lowest barrier that a host has not run', () => {
    const versions = fc.uniqueArray(fc.nat(9), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(versions, fc.nat(9), fc.array(fc.boolean()), (numbers, running, flags) => {
        const updates = numbers.map((number, index) =>
          release(`1.${number}.0`, '1.9.0', flags[index] === true ? barrier : {}),
        );
        const limit = Math.min(
          ...numbers.filter((number, index) => flags[index] === true && number > running),
        );
        const choice = choose(manifestOf(...updates), host(`1.${running}.0`), now);
        const best = Math.max(...numbers.filter((number) => number > running && number <= limit));
        assert.equal(brief(choice), Number.isFinite(best) ? `1.${best}.0` : 'none: current');
      }),
    );
  });
});

describe('choose: attacks', () => {
  it('MAN-05: a host above max_version goes down to it, shown as downgrade, in its wave', () => {
    const manifest = (waves: Release['waves']) =>
      manifestOf(release('1.5.0', '1.4.0'), release('1.4.0', '1.4.0', { waves }), release('1.3.0', '1.4.0'));
    assert.equal(brief(choose(manifest(opened), host('1.5.0'), now)), '1.4.0 (downgrade)');
    assert.equal(
      brief(choose(manifestOf(release('1.4.0', '1.4.0', { waves: closed })), host('1.5.0'), now)),
      'none: wave 1.4.0',
    );
    const early = choose(manifest(closed), host('1.5.0'), now);
    assert.equal(brief(early), '1.3.0 (downgrade)');
    assert.equal(early.changesAt, now + hour);
    const stays = host('1.5.0', { versionLock: '1.5.0' });
    assert.equal(brief(choose(manifest(opened), stays, now)), 'none: locked');
  });

  it('MAN-06: never another variant or architecture, wherever it stands and however it is spelled', () => {
    const manifest = manifestOf(
      release('9.0.0', '9.0.0', { arch: 'aarch64' }),
      release('9.0.0', '9.0.0', { arch: 'X86_64' }),
      release('9.0.0', '9.0.0', { variant: 'AWS-k8s' }),
      release('9.0.0', '9.0.0', { variant: 'aws-k8s-1' }),
      release('9.0.0', '9.0.0', { arch: '' }),
      release('1.1.0', '1.1.0'),
    );
    assert.equal(brief(choose(manifest, host('1.0.0'), now)), '1.1.0');
    assert.equal(brief(choose(manifest, host('1.0.0', { variant: 'aws' }), now)), 'none: variant');
    assert.equal(brief(choose(manifestOf(), host('1.0.0'), now)), 'none: variant');
  });

  it('MAN-06: two matching releases are an error', () => {
    for (const version of ['1.1.0', '1.1.0+other']) {
      assert.throws(
        () => choose(manifestOf(release('1.1.0', '1.1.0'), release(version, '1.1.0')), host('1.0.0'), now),
        {
          code: 'manifest-invalid',
        },
      );
    }
  });

  it('MAN-07: a version lock is latest or a whole version', () => {
    assert.equal(parseVersionLock('latest'), 'latest');
    assert.equal(parseVersionLock(undefined), 'latest');
    for (const text of ['1.2.3', 'v1.2.3']) assert.equal(String(parseVersionLock(text)), '1.2.3');
    for (const versionLock of [
      'v1.2',
      '1.2.3.4',
      '',
      'Latest',
      'vv1.2.3',
      ' 1.2.3',
      '=1.2.3',
      '1.2.x',
      'v',
    ]) {
      assert.throws(() => choose(several, host('1.10.0', { versionLock }), now), {
        code: 'config-invalid',
        message: /^version lock: found .*expected "latest" or a version/,
      });
    }
  });

  it('MAN-03: refuses a seed outside the fleet and a running version that is none', () => {
    for (const seed of [-1, 2049, 0.5]) {
      assert.throws(() => choose(several, host('1.10.0', { seed }), now), { code: 'config-invalid' });
      assert.throws(() => choose(manifestOf(), host('1.10.0', { seed }), now), { code: 'config-invalid' });
    }
    assert.throws(() => choose(several, host('v1.10.0'), now), {
      code: 'config-invalid',
      message: /^running version: /,
    });
  });

  it('MAN-09: reads 10,000 releases and chooses among them at a cost in keeping with their number', () => {
    const waves = new Map(
      [0, 20, 102, 307, 819, 1228, 1843].map((seed, day) => [seed, now + day * 24 * hour]),
    );
    const many = Array.from({ length: 10_000 }, (_, patch) =>
      release(`1.0.${patch}`, '1.0.9999', { waves, spread: 'linear' }),
    );
    const bytes = formatManifest(manifestOf(...many));
    const times = [0, 1, 2].map(() => {
      const begin = process.cpuUsage();
      const choice = choose(parseManifest(bytes), host('1.0.0'), now + 7 * 24 * hour);
      assert.equal(brief(choice), '1.0.9999');
      return process.cpuUsage(begin).user / 1000;
    });
    // About 200 ms on a quiet machine. The bound is wide because coverage and neighbours cost, too; what it is for is
    // anything that grows by the square of the number, which takes minutes.
    assert.ok(Math.min(...times) < 2500, `${times.map(Math.round)} ms for ${bytes.length} bytes`);
  });
});

describe('choose: properties', () => {
  const versions = fc.tuple(fc.nat(3), fc.nat(3)).map(([minor, patch]) => `1.${minor}.${patch}`);
  const releases = fc.uniqueArray(
    fc
      .record({
        version: versions,
        maxVersion: versions,
        offset: fc.integer({ min: -50, max: 50 }),
        empty: fc.boolean(),
      })
      .map(({ version, maxVersion, offset, empty }) =>
        release(version, maxVersion, {
          waves: empty ? new Map() : new Map([[0, now + offset]]),
          spread: 'linear',
        }),
      ),
    { maxLength: 8, selector: (one) => one.version },
  );
  const hosts = fc.record({
    version: versions,
    lock: fc.option(versions, { nil: undefined }),
    failed: fc.array(versions, { maxLength: 3 }),
  });

  it('the answer is the same until changesAt, and another one then', () => {
    fc.assert(
      fc.property(releases, hosts, fc.integer({ min: -60, max: 60 }), (updates, who, at) => {
        const manifest = manifestOf(...updates);
        const asking = host(who.version, { versionLock: who.lock, failedVersions: who.failed });
        const choice = choose(manifest, asking, now + at);
        const end = choice.changesAt ?? now + 120;
        for (let time = now + at; time < end; time += 1) {
          assert.deepEqual(choose(manifest, asking, time), choice);
        }
        if (choice.changesAt === undefined) return;
        assert.ok(choice.changesAt > now + at);
        assert.notDeepEqual(choose(manifest, asking, choice.changesAt), choice);
      }),
      { numRuns: 300 },
    );
  });

  it('an update is allowed, open, not running, not failed, and for this host', () => {
    fc.assert(
      fc.property(releases, hosts, (updates, who) => {
        const manifest = manifestOf(...updates);
        const asking = host(who.version, { failedVersions: who.failed });
        const choice = choose(manifest, asking, now);
        if (choice.kind === 'none') return;
        assert.ok(openReleases(manifest, asking, now).includes(choice.release));
        assert.notEqual(choice.release.version, who.version);
        assert.ok(!who.failed.includes(choice.release.version));
      }),
    );
  });
});
