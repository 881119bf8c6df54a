import assert from 'node:assert/strict';
import { findMigrations, type Migration } from '../../src/waves/migrations.ts';
import { cpuMilliseconds } from '../support/trusting.ts';

const hops: readonly Migration[] = [
  { from: '1.0.0', to: '1.1.0', targets: ['a', 'b'] },
  { from: '1.1.0', to: '1.2.0', targets: ['skip'] },
  { from: '1.1.0', to: '1.5.0', targets: ['shortcut'] },
  { from: '1.2.0', to: '1.5.0', targets: ['skip2'] },
];

describe('migrations', () => {
  const paths: readonly (readonly [from: string, to: string, path: readonly string[]])[] = [
    ['1.0.0', '1.5.0', ['a', 'b', 'shortcut']],
    ['1.5.0', '1.0.0', ['shortcut', 'b', 'a']],
    ['1.0.0', '1.2.0', ['a', 'b', 'skip']],
    ['1.1.0', '1.1.0', []],
    ['1.2.0', '1.5.0', ['skip2']],
    ['9.9.9', '9.9.9', []],
  ];
  for (const [from, to, path] of paths) {
    it(`${from} → ${to}`, () => {
      assert.deepEqual(findMigrations(hops, from, to), path);
      assert.deepEqual(findMigrations([...hops].reverse(), from, to), path);
    });
  }

  it('MAN-08: names the link that is missing', () => {
    assert.throws(() => findMigrations(hops, '1.0.0', '1.4.0'), {
      code: 'migration-missing',
      message: /found no hop from 1\.2\.0/,
    });
    assert.throws(() => findMigrations(hops, '1.3.0', '1.5.0'), {
      code: 'migration-missing',
      message: /from 1\.3\.0/,
    });
    const gap = hops.filter((hop) => hop.from !== '1.1.0');
    for (const [from, to] of [
      ['1.0.0', '1.5.0'],
      ['1.5.0', '1.0.0'],
    ] as const) {
      assert.throws(
        () => findMigrations(gap, from, to),
        (error: Error & { code?: string; details?: { stuckAt?: string } }) =>
          error.code === 'migration-missing' && error.details?.stuckAt === '1.1.0',
      );
    }
    assert.throws(() => findMigrations([], '1.0.0', '1.0.1'), { code: 'migration-missing' });
  });

  it('MAN-08: the way down is the way up in reverse, declared upwards only', () => {
    const down = [{ from: '1.1.0', to: '1.0.0', targets: ['x'] }];
    assert.throws(() => findMigrations(down, '1.1.0', '1.0.0'), { code: 'migration-missing' });
    assert.throws(() => findMigrations(down, '1.0.0', '1.1.0'), { code: 'migration-missing' });
  });

  it('MAN-08: a cycle ends as a missing link', () => {
    const cycle = [
      { from: '1.0.0', to: '1.1.0', targets: [] },
      { from: '1.1.0', to: '1.0.0', targets: [] },
      { from: '1.1.0', to: '1.1.0', targets: [] },
    ];
    assert.throws(() => findMigrations(cycle, '1.0.0', '1.2.0'), {
      code: 'migration-missing',
      message: /from 1\.1\.0/,
    });
    assert.deepEqual(findMigrations(cycle, '1.0.0', '1.1.0'), []);
  });

  it('does not turn back from a dead end, as updog does not', () => {
    const deadEnd = [
      { from: '1.0.0', to: '1.3.0', targets: ['long'] },
      { from: '1.0.0', to: '1.1.0', targets: ['short'] },
      { from: '1.1.0', to: '1.4.0', targets: ['rest'] },
    ];
    assert.throws(() => findMigrations(deadEnd, '1.0.0', '1.4.0'), {
      code: 'migration-missing',
      message: /from 1\.3\.0/,
    });
  });

  it('compares by precedence and refuses what is no version', () => {
    assert.deepEqual(findMigrations(hops, '1.0.0+build', '1.1.0'), ['a', 'b']);
    assert.throws(() => findMigrations(hops, 'v1.0.0', '1.1.0'), {
      code: 'config-invalid',
      message: /^running version: /,
    });
    assert.throws(() => findMigrations(hops, '1.0.0', 'latest'), {
      code: 'config-invalid',
      message: /^new version: /,
    });
    assert.throws(() => findMigrations([{ from: 'x', to: '1.0.0', targets: [] }], '1.0.0', '1.1.0'), {
      code: 'config-invalid',
    });
  });

  it('walks ten thousand hops in linear time', () => {
    const chain = Array.from({ length: 10_000 }, (_, minor) => ({
      from: `1.${minor}.0`,
      to: `1.${minor + 1}.0`,
      targets: [`m${minor}`],
    }));
    assert.equal(findMigrations(chain, '1.0.0', '1.10000.0').length, 10_000);
    assert.ok(cpuMilliseconds(() => findMigrations(chain, '1.0.0', '1.10000.0')) < 500);
  });
});
