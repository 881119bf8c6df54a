/** How many requests to a bucket are under way at once. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Concurrency } from '../../../src/storage/s3-concurrency.ts';

type Outcome = 'success' | 'throttled' | 'other';

describe('requests at once', () => {
  it('are never more than the limit, whatever ends when, and everybody who waits gets a turn', async () => {
    const outcomes = fc.array(fc.constantFrom<Outcome>('success', 'other'), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(outcomes, fc.integer({ min: 1, max: 4 }), async (ends, together) => {
        const concurrency = new Concurrency(4, 6);
        let active = 0;
        let done = 0;
        let most = Number.NEGATIVE_INFINITY;
        const running: (() => void)[] = [];
        const work = async (outcome: Outcome): Promise<void> => {
          const turn = await concurrency.begin('working', undefined);
          active += 1;
          most = Math.max(most, active - concurrency.limit);
          await new Promise<void>((resolve) => running.push(resolve));
          active -= 1;
          concurrency.end(turn, outcome);
          done += 1;
        };
        const all = Promise.all(ends.map(work));
        while (done < ends.length) {
          for (const go of running.splice(0, together)) go();
          await new Promise((resolve) => setImmediate(resolve));
        }
        await all;
        assert.ok(most <= 0, `${most} more than the limit`);
      }),
      { numRuns: 200 },
    );
  });

  it('halve down to one and grow again, up to the most', async () => {
    const concurrency = new Concurrency();
    const once = async (outcome: Outcome): Promise<number> => {
      concurrency.end(await concurrency.begin('working', undefined), outcome);
      return concurrency.limit;
    };
    const limits: number[] = [];
    for (let count = 0; count < 5; count += 1) limits.push(await once('throttled'));
    assert.deepEqual(limits, [4, 2, 1, 1, 1]);
    assert.equal(await once('other'), 1);
    const growing: number[] = [];
    for (let count = 0; count < 6; count += 1) growing.push(await once('success'));
    assert.deepEqual(growing, [2, 2, 3, 3, 3, 4]);
    for (let count = 0; count < 200; count += 1) await once('success');
    assert.equal(concurrency.limit, 16);
  });

  it('whoever gives up waiting takes nobody else\u2019s turn', async () => {
    const concurrency = new Concurrency(1, 1);
    const turn = await concurrency.begin('first', undefined);
    const controller = new AbortController();
    const second = concurrency.begin('second', controller.signal);
    const third = concurrency.begin('third', undefined);
    controller.abort();
    await assert.rejects(second, { code: 'cancelled' });
    concurrency.end(turn, 'success');
    concurrency.end(await third, 'success');
    await assert.rejects(concurrency.begin('fourth', controller.signal), { code: 'cancelled' });
  });
});
