import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createClock, day } from '../../scripts/demo/clock.ts';
import { planFleet } from '../../scripts/demo/fleet-plan.ts';
import { fewestHosts, mostHosts, parseOptions } from '../../scripts/demo/options.ts';
import { dayOf, drawFleet, type FleetView, waveNumber } from '../../scripts/demo/picture.ts';
import { eachOf, Pool, parallelHosts } from '../../scripts/demo/pool.ts';
import { Story } from '../../scripts/demo/story.ts';

describe('demo/options', () => {
  it('has defaults, and takes paths from the folder where it runs', () => {
    const expected = { json: false, directory: '/here/demo', hosts: 24, images: 'npm', keep: false };
    assert.deepEqual(parseOptions([], '/here'), expected);
    const given = ['--json', '--hosts', '7', '--images', 'mine', '--directory', '../there', '--keep'];
    assert.deepEqual(parseOptions(given, '/here'), {
      json: true,
      directory: '/there',
      hosts: 7,
      images: '/here/mine',
      keep: true,
    });
    assert.equal(parseOptions(['--images', 'debian'], '/here')?.images, 'debian');
    assert.equal(parseOptions(['--help'], '/here'), undefined);
  });

  it('refuses what it does not know', () => {
    const hosts = [fewestHosts - 1, mostHosts + 1, 'x', '-1', '1e2', ''].map((count) => [`--hosts=${count}`]);
    for (const argv of [...hosts, ['--fast'], ['folder'], ['--images='], ['--images=demo/images']]) {
      assert.throws(() => parseOptions(argv, '/here'), { code: 'usage' }, argv.join(' '));
    }
  });
});

describe('demo/fleet-plan', () => {
  it('spreads the seeds over the whole fleet, with one host for each part', () => {
    fc.assert(
      fc.property(fc.integer({ min: fewestHosts, max: mostHosts }), (count) => {
        const fleet = planFleet(count);
        assert.equal(fleet.length, count);
        assert.equal(fleet[0]?.seed, 0);
        assert.equal(fleet.at(-1)?.seed, 2047);
        assert.equal(new Set(fleet.map(({ seed }) => seed)).size, count);
        assert.equal(new Set(fleet.map(({ name }) => name)).size, count);
        const parts = fleet.filter(({ part }) => part !== 'plain').map(({ part }) => part);
        assert.deepEqual(parts, ['failing', 'attacked', 'locked']);
        assert.equal(fleet.at(-1)?.part, 'plain');
      }),
    );
  });
});

describe('demo/picture', () => {
  const waves = [
    { above: 0, opens: day },
    { above: 20, opens: 2 * day },
    { above: 1024, opens: 4 * day },
  ];
  const view: FleetView = {
    ...{ version: '1.1.0', start: 0, now: 3 * day, end: 5 * day, waves },
    hosts: [
      { seed: 0, status: 'updated', progress: 1 },
      { seed: 300, status: 'updating', progress: 0.5 },
      { seed: 2000, status: 'waiting', progress: 0 },
    ],
  };

  it('shows each host by its sign and its wave, open waves brightly', () => {
    const lines = drawFleet(view, 100, (look, text) => (look === 'bold' ? `*${text}*` : text));
    assert.match(lines[0] ?? '', /day 3, 00:00.*\*1 of 3 hosts run 1\.1\.0\*/);
    assert.match(lines[1] ?? '', /● ↓ ·$/);
    assert.match(lines[2] ?? '', /\*1\* \*2\* 3$/);
  });

  it('keeps to the width of the terminal, for fleets of any size', () => {
    const [host] = view.hosts;
    assert.ok(host);
    fc.assert(
      fc.property(fc.integer({ min: 70, max: 200 }), fc.integer({ min: 5, max: 256 }), (columns, count) => {
        const hosts = Array.from({ length: count }, () => host);
        const lines = drawFleet({ ...view, hosts }, columns, (_look, text) => text);
        for (const line of lines) assert.ok(line.length <= columns, `${line.length} > ${columns}: ${line}`);
        const shown = lines.join('').split('●').length - 1;
        assert.equal(shown, count + 1, 'every host, and the legend');
      }),
    );
  });

  it('numbers waves from the lowest seed', () => {
    assert.deepEqual(
      [0, 1, 20, 21, 1024, 1025, 2047].map((seed) => waveNumber(waves, seed)),
      [1, 1, 1, 2, 2, 3, 3],
    );
    assert.equal(dayOf(2 * day + 5 * 60_000), 'day 2, 00:05');
  });
});

describe('demo/clock', () => {
  it('goes forward only, in whole milliseconds', async () => {
    const { signal } = new AbortController();
    const seen: number[] = [];
    const clock = createClock({ start: 7, dayLasts: 90, ticked: () => seen.push(clock.now()) });
    await clock.advanceTo(day, signal);
    await clock.advanceTo(3, signal);
    assert.equal(clock.now(), day);
    assert.ok(seen.length > 1 && seen.every(Number.isInteger));
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
  });

  it('stops when it is told to', async () => {
    const clock = createClock({ start: 0, dayLasts: 0, ticked: () => undefined });
    await assert.rejects(clock.advanceTo(day, AbortSignal.abort()), { name: 'AbortError' });
  });
});

describe('demo/pool', () => {
  it('does all work, never more than two at once', async () => {
    let running = 0;
    const done: number[] = [];
    await eachOf([1, 2, 3, 4, 5], async (item) => {
      running += 1;
      assert.ok(running <= parallelHosts);
      await new Promise(setImmediate);
      running -= 1;
      done.push(item);
    });
    assert.deepEqual(done.toSorted(), [1, 2, 3, 4, 5]);
  });

  it('tells the first failure, once the others have come to their end', async () => {
    const ended: string[] = [];
    const pool = new Pool();
    await pool.run(async () => {
      await new Promise(setImmediate);
      ended.push('other');
    });
    await pool.run(async () => {
      throw new Error('first');
    });
    await assert.rejects(pool.drain(), /first/);
    assert.deepEqual(ended, ['other']);
    await assert.rejects(
      pool.run(async () => undefined),
      /first/,
    );
  });
});

describe('demo/story', () => {
  it('keeps events and checks, and shows what failed', () => {
    const lines: string[] = [];
    const screen = { columns: undefined, line: (text: string) => lines.push(text), picture: () => undefined };
    const story = new Story({ screen, stopwatch: () => 5, style: (_look, text) => text });
    story.tell({ kind: 'host', text: 'it moves', host: 'host-01', time: 0 });
    story.checkEqual('one', [1], [1]);
    story.checkEqual('two', 'found', 'expected');
    assert.deepEqual(story.events, [
      { kind: 'host', text: 'it moves', host: 'host-01', elapsed: 0, time: '1970-01-01T00:00:00.000Z' },
    ]);
    assert.deepEqual(
      story.failures.map(({ name }) => name),
      ['two'],
    );
    assert.deepEqual(lines, ['  it moves', '  FAILED: two: found "found", expected "expected"']);
  });
});
