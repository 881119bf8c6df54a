import assert from 'node:assert/strict';
import { TidegateError } from '../src/errors.ts';
import {
  createTerminal,
  formatBytes,
  formatDuration,
  formatTable,
  printableLine,
  progressText,
  type Terminal,
} from '../src/terminal.ts';

interface Collected {
  readonly terminal: Terminal;
  readonly out: string[];
  readonly beside: string[];
}

function collect({
  json = false,
  isTTY = false,
  clock = (): number => 0,
  environment = {} as Record<string, string>,
} = {}): Collected {
  const out: string[] = [];
  const beside: string[] = [];
  const terminal = createTerminal({
    json,
    environment,
    stdout: { write: (text) => out.push(text), isTTY },
    stderr: { write: (text) => beside.push(text), isTTY, columns: 60 },
    clock,
  });
  return { terminal, out, beside };
}

describe('the manners of the commands', () => {
  it('separates the result from what is said beside it', () => {
    const { terminal, out, beside } = collect();
    terminal.print('result');
    terminal.note('by the way');
    terminal.printJson({ left: 'out' });
    assert.deepEqual([out, beside], [['result\n'], ['by the way\n']]);
  });

  it('prints JSON and nothing else with --json', () => {
    const { terminal, out, beside } = collect({ json: true, isTTY: true });
    terminal.print('result');
    terminal.note('by the way');
    terminal.printJson({ version: 3 });
    const progress = terminal.progress('image', 10);
    progress.update(5);
    progress.end();
    assert.deepEqual(JSON.parse(out.join('')), { version: 3 });
    assert.deepEqual(beside, []);
    assert.equal(terminal.style('red', 'plain'), 'plain');
  });

  it('gives an error its code, its message on one line and its exit status', () => {
    const { terminal, beside } = collect();
    const status = terminal.fail(new TidegateError('rollback', 'timestamp.json: 4 < 5\u001b[2J'));
    assert.equal(status, 81);
    assert.deepEqual(beside, ['error [rollback] timestamp.json: 4 < 5\\x1b[2J\n']);
  });

  it('gives an error as JSON with --json, with what it is about', () => {
    const { terminal, beside } = collect({ json: true });
    terminal.fail(new TidegateError('rollback', 'older', { found: 4, floor: 5 }));
    assert.deepEqual(JSON.parse(beside.join('')), {
      error: { code: 'rollback', class: 'rollback', message: 'older', details: { found: 4, floor: 5 } },
    });
  });

  it('reports a defect as such', () => {
    const { terminal, beside } = collect();
    assert.equal(terminal.fail(new Error('boom')), 70);
    assert.equal(terminal.fail('boom'), 70);
    assert.match(beside.join(''), /error \[internal\] Error: boom/);
  });

  it('colours on a terminal alone, and not where NO_COLOR is set or the terminal is dumb', () => {
    const styled = (environment: Record<string, string>, isTTY = true): string =>
      collect({ isTTY, environment }).terminal.style('red', 'text');
    assert.equal(styled({}), '\u001b[31mtext\u001b[39m');
    assert.equal(styled({ NO_COLOR: '' }), '\u001b[31mtext\u001b[39m', 'empty counts as unset');
    assert.deepEqual(
      [styled({ NO_COLOR: '1' }), styled({ TERM: 'dumb' }), styled({}, false)],
      Array(3).fill('text'),
    );
  });

  it('moves a line on a terminal alone, and clears it at the end', () => {
    let now = 0;
    const { terminal, beside } = collect({ isTTY: true, clock: () => now });
    const progress = terminal.progress('root.img', 1000);
    progress.update(0);
    progress.update(10);
    now = 500;
    progress.update(500);
    progress.end();
    assert.equal(beside.length, 3);
    assert.match(beside[1] ?? '', /^\rroot\.img {2}50 % {2}500 B of 1\.0 kB {2}1\.0 kB\/s {2}1 s left/);
    assert.equal(beside[2], '\r\u001b[K');
    const quiet = collect();
    quiet.terminal.progress('root.img', 1000).update(5);
    assert.deepEqual(quiet.beside, []);
  });

  it('says how far, how fast and how long', () => {
    assert.equal(progressText('a', 0, 0, 0), 'a  100 %  0 B of 0 B');
    assert.equal(progressText('a', 2_500_000, undefined, 1000), 'a  2.5 MB  2.5 MB/s');
    assert.equal(progressText('a', 1_000_000, 2_000_000, 1), 'a  50 %  1.0 MB of 2.0 MB', 'no rate yet');
  });

  it('writes sizes and times for people', () => {
    assert.deepEqual([0, 999, 1000, 999_949, 999_950, 5e12, 5e15].map(formatBytes), [
      '0 B',
      '999 B',
      '1.0 kB',
      '999.9 kB',
      '1.0 MB',
      '5.0 TB',
      '5000.0 TB',
    ]);
    assert.deepEqual([0, 400, 12_000, 125_000, 3_600_000, 535_000_000].map(formatDuration), [
      '0 s',
      '0 s',
      '12 s',
      '2 min 5 s',
      '1 h',
      '6 d 4 h',
    ]);
  });

  it('lines columns up and keeps control characters from the terminal', () => {
    assert.equal(
      formatTable([
        ['a', 'long'],
        ['wider', 'b'],
      ]),
      'a      long\nwider  b',
    );
    assert.equal(printableLine('a\rb\u0007\u009b'), 'a\\x0db\\x07\\x9b');
    assert.equal(printableLine('say "a\\b" \u202egnp.img → ü'), 'say "a\\b" \\u202egnp.img → ü');
  });
});
