/** The benchmarks run and their contenders agree; how fast anybody is, is no matter of tests. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatReport, type Table, verdictsOf } from '../../bench/report.ts';
import { median, type Result, runRounds } from '../../bench/rounds.ts';

const repository = dirname(dirname(import.meta.dirname));

function run(folder: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, [join(repository, 'bench', 'run.ts'), ...args], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  });
}

const measured = (name: string, seconds: number, peakMemory?: number): Result => ({
  name,
  runs: 1,
  seconds,
  cpuSeconds: seconds,
  peakMemory,
  stoppedAfter: undefined,
});

describe('bench', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('measures every contender once, and leaves nothing behind', function () {
    this.timeout(120_000);
    const size = 3 * 1024 * 1024 + 1;
    const result = run(folder, '--json', '--rounds', '1', '--targets', '50', '--size', String(size));
    assert.equal(result.status, 0, result.stderr);
    const { tables, machine } = JSON.parse(result.stdout) as { tables: Table[]; machine: { node: string } };
    assert.equal(machine.node, process.version);
    const names = tables.flatMap(({ results }) => results.map(({ name }) => name));
    for (const name of ['tidegate', 'tuf-js', 'lower bound', 'tidegate create', 'bare single pass'])
      assert.ok(names.includes(name), `${name} is missing: ${names.join(', ')}`);
    for (const { results } of tables)
      for (const { name, runs, seconds } of results) assert.ok(runs === 1 && (seconds ?? 0) > 0, name);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('refuses what it does not know', () => {
    assert.match(run(folder, 'verfy').stderr, /Unknown benchmark verfy; there are verify, stage, download/);
    assert.match(run(folder, 'verify', '--rounds', '0').stderr, /--rounds should be a positive integer/);
  });

  it('takes medians over interleaved rounds, and asks who was stopped only once', async () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(median([]), undefined);
    const order: string[] = [];
    const contender = (name: string, stopped: boolean) => ({
      name,
      run: async () => {
        order.push(name);
        const seconds = order.length;
        return stopped ? { kind: 'stopped' as const, seconds } : { kind: 'measured' as const, seconds };
      },
    });
    const results = await runRounds([contender('a', false), contender('b', true)], 3, folder);
    assert.deepEqual(order, ['a', 'b', 'a', 'a']);
    assert.deepEqual(
      results.map(({ runs, seconds, stoppedAfter }) => [runs, seconds, stoppedAfter]),
      [
        [3, 3, undefined],
        [0, undefined, 2],
      ],
    );
  });

  it('does not compare contenders that came to different ends', async () => {
    const contender = (proof: string) => ({
      name: proof,
      run: async () => ({
        kind: 'measured' as const,
        seconds: 1,
        report: { seconds: 1, cpuSeconds: 1, peakMemory: 1, proof },
      }),
    });
    await assert.rejects(runRounds([contender('x'), contender('y')], 1, folder), /disagree: x, y/);
  });

  it('says which goals were met, who was stopped and who is missing', () => {
    const table: Table = {
      title: 'work',
      bytes: 2_000_000,
      results: [
        measured('ours', 2, 100),
        measured('peer', 3),
        { ...measured('slow', 0), seconds: undefined, stoppedAfter: 60 },
      ],
      missing: [{ name: 'other', missing: 'not installed' }],
      goals: [
        { of: 'peer', than: 'ours', atLeast: 1.5 },
        { of: 'peer', than: 'ours', atLeast: 1.6 },
        { of: 'slow', than: 'ours', atLeast: 30 },
        { of: 'other', than: 'ours', atLeast: 1 },
        { peakMemoryOf: 'ours', atMost: 99 },
      ],
    };
    assert.deepEqual(
      verdictsOf(table).map(({ met }) => met),
      [true, false, true, false],
    );
    const report = formatReport(table);
    assert.match(report, /ours +2\.00 s +2\.00 s +1\.0 MB\/s +100 B +1\.00/);
    assert.match(report, /slow +stopped after 60 s +> 30\.0/);
    assert.match(report, /other: skipped, not installed/);
    assert.match(report, /MISSED: peer takes at least 1\.60 times as long as ours; found 1\.50/);
  });
});
