/**
 * Everything that must hold before a change is shared: types, format and lint, all tests, full branch coverage
 * of the folders that decide trust and rollout.
 *
 * The last line is plain: `N passed, N failed`. The counts are Mocha's own; a check that is not a test (types,
 * lint, coverage, a run that did not end) adds one to the failures, so that the line never looks better than
 * the exit status.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fullyCoveredFolders, readCoverage } from './coverage.ts';
import type { TestResult } from './mocha-reporter.ts';

const repository = dirname(import.meta.dirname);
const reports = join(repository, 'coverage');
const resultFile = join(reports, 'result.json');

/** A run that takes longer hangs; it is ended and counts as failed. */
const timeLimit = 25 * 60_000;

/** biome colours its output even where nobody sees it. */
const colours = process.stdout.isTTY ? [] : ['--colors=off'];

/** Runs a command of a development dependency; true when it succeeded. */
function run(packageName: string, command: string, args: readonly string[]): Promise<boolean> {
  const manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  const child = spawn(process.execPath, [join(dirname(manifest), command), ...args], {
    cwd: repository,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: timeLimit,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status === 0));
  });
}

function runTests(): Promise<boolean> {
  const mocha = createRequire(import.meta.url).resolve('mocha/package.json');
  return run('c8', 'bin/c8.js', [
    ...['--temp-directory', join(reports, 'raw'), '--reports-dir', reports, '--reporter', 'json'],
    ...['--all', '--src', 'src', '--include', 'src/**'],
    ...[process.execPath, join(dirname(mocha), 'bin', 'mocha.js')],
    ...['--parallel', '--jobs', String(Math.min(4, Math.max(2, availableParallelism())))],
    ...['--reporter', join(import.meta.dirname, 'mocha-reporter.ts')],
    ...['--reporter-option', `output=${resultFile}`, 'test/**/*.test.ts'],
  ]);
}

function readResult(): TestResult | undefined {
  return existsSync(resultFile) ? (JSON.parse(readFileSync(resultFile, 'utf8')) as TestResult) : undefined;
}

function checkCoverage(): boolean {
  const { gaps, branchShare } = readCoverage(join(reports, 'coverage-final.json'), repository);
  for (const gap of gaps) console.log(`  not covered: ${gap}`);
  const verdict = gaps.length === 0 ? 'complete' : `${gaps.length} gaps`;
  console.log(
    `coverage: ${fullyCoveredFolders.join(', ')}: ${verdict}; ${branchShare.toFixed(1)} % of all branches`,
  );
  return gaps.length === 0;
}

rmSync(reports, { recursive: true, force: true });
mkdirSync(reports);
const start = performance.now();
const failures: string[] = [];
if (!(await run('typescript', 'bin/tsc', ['-p', '.']))) failures.push('types');
if (!(await run('@biomejs/biome', 'bin/biome', ['ci', ...colours, '.']))) failures.push('format and lint');
const clean = await runTests();
const result = readResult();
if (result === undefined) failures.push('the test run did not come to its end');
else if (!clean && result.failed === 0) failures.push('Mocha failed without a failed test');
if (!checkCoverage()) failures.push('coverage');

for (const { title, duration } of result?.slowest ?? []) console.log(`  ${duration} ms  ${title}`);
for (const failure of failures) console.log(`FAILED: ${failure}`);
const skipped = result?.skipped ? `, ${result.skipped} tests skipped` : '';
console.log(`${((performance.now() - start) / 1000).toFixed(0)} s${skipped}`);

const failed = (result?.failed ?? 0) + failures.length;
console.log(`${result?.passed ?? 0} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
