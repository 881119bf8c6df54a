import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { runSimulation } from '../../../src/cli/simulation/run.ts';
import { simulate } from '../../../src/waves/simulation/rollout.ts';
import type { Tally } from '../../../src/waves/simulation/tally.ts';
import { day, fleetOf, hour, manifestOf, start } from '../../waves/simulation/fleet.ts';

const model = fleetOf({
  hosts: 60_001,
  duration: 6 * hour,
  publications: [{ at: start, manifest: manifestOf('1.1.0') }],
  download: { ...fleetOf().download, failureRate: 0.2 },
});

const workers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Worker').length;

/** Comparing arrays of this length takes seconds. */
function digests(tally: Tally): readonly string[] {
  return Object.values(tally).map((values: Uint32Array | Float64Array) =>
    createHash('sha256').update(values).digest('hex'),
  );
}

describe('cli/simulation/run', () => {
  it('comes to the same with any number of threads, to the byte', async () => {
    const whole = simulate(model);
    for (const threads of [1, 3]) {
      const done: number[] = [];
      const { signal } = new AbortController();
      const tally = await runSimulation(model, { signal, threads, progress: (hosts) => done.push(hosts) });
      assert.deepEqual(digests(tally), digests(whole));
      assert.equal(done.at(-1), 60_001);
      assert.deepEqual(
        done,
        done.toSorted((a, b) => a - b),
      );
    }
  });

  it('leaves no thread behind when it is cancelled', async () => {
    const before = workers();
    const abort = new AbortController();
    const long = { ...model, hosts: 2_000_000_000, duration: 8 * day };
    const run = runSimulation(long, { signal: abort.signal, threads: 2, progress: () => undefined });
    abort.abort();
    await assert.rejects(run, { code: 'cancelled' });
    assert.equal(workers(), before);
    await assert.rejects(runSimulation(long, { signal: abort.signal, progress: () => undefined }), {
      code: 'cancelled',
    });
  });

  it('refuses a model that cannot be before it starts a thread', async () => {
    const { signal } = new AbortController();
    await assert.rejects(runSimulation({ ...model, hosts: 0 }, { signal, progress: () => undefined }), {
      code: 'usage',
    });
  });
});
