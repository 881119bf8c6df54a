import assert from 'node:assert/strict';
import { mostAtOnce, numbersFrom, severalAtOnce } from '../../../src/signer/workspace/several-at-once.ts';

describe('signer/workspace/several-at-once', () => {
  /** Takes files up to the first that is missing, and tells what was asked for and how many at once. */
  async function walk(last: number) {
    const asked: number[] = [];
    let open = 0;
    let most = 0;
    const read = async (number: number): Promise<number | undefined> => {
      asked.push(number);
      open += 1;
      most = Math.max(most, open);
      // The later one answers first.
      for (let wait = 40 - (number % 40); wait > 0; wait -= 1) await Promise.resolve();
      open -= 1;
      return number <= last ? number : undefined;
    };
    const taken: number[] = [];
    for await (const value of severalAtOnce(numbersFrom(1), read)) {
      if (value === undefined) break;
      taken.push(value);
    }
    return { asked, most, taken };
  }

  it('keeps the order, and asks for a bounded number at once', async () => {
    const { taken, most } = await walk(500);
    assert.deepEqual(
      taken,
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
    assert.equal(most, mostAtOnce);
  });

  it('asks for no more than one file of an empty chain, and three of one with a single file', async () => {
    assert.deepEqual((await walk(0)).asked, [1]);
    assert.deepEqual((await walk(1)).asked, [1, 2, 3]);
  });

  it('ends with the keys', async () => {
    const found: string[] = [];
    for await (const value of severalAtOnce('abcde', async (letter) => letter.toUpperCase()))
      found.push(value);
    assert.equal(found.join(''), 'ABCDE');
  });

  it('fails when the turn of what failed has come, and not for what lies beyond the end', async () => {
    const read = async (number: number): Promise<number | undefined> => {
      if (number === 3) throw new Error('three');
      return number === 2 ? undefined : number;
    };
    const taken: number[] = [];
    for await (const value of severalAtOnce(numbersFrom(1), read)) {
      if (value === undefined) break;
      taken.push(value);
    }
    assert.deepEqual(taken, [1]);
    await assert.rejects(async () => {
      for await (const value of severalAtOnce(numbersFrom(3), read)) assert.ok(value);
    }, /three/);
  });
});
