/** Whoever handles thousands of small files one after another waits for each; several are in work at once, in their order. */

/** Files in work at once, at most. */
export const mostAtOnce = 16;

/**
 * Does the work for each item and yields what comes of it, in the order of the items. One is taken first, then two, four
 * and so on: whoever stops at the first file that is missing has asked for hardly more than it took. What fails fails
 * when its turn comes, and nothing is still in work then.
 *
 * @param items may be endless
 */
export async function* severalAtOnce<Item, Value>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<Value, void> {
  const waiting = Iterator.from(items);
  for (let count = 1; ; count = Math.min(2 * count, mostAtOnce)) {
    const batch = await Promise.allSettled(next(waiting, count).map(work));
    if (batch.length === 0) return;
    for (const outcome of batch) {
      if (outcome.status === 'rejected') throw outcome.reason;
      yield outcome.value;
    }
  }
}

/** Not `Iterator.take`, which closes what it takes from. */
function next<Item>(items: Iterator<Item>, count: number): Item[] {
  const taken: Item[] = [];
  while (taken.length < count) {
    const step = items.next();
    if (step.done === true) break;
    taken.push(step.value);
  }
  return taken;
}

/** The same, where nothing is to be taken. */
export async function eachSeveralAtOnce<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for await (const _ of severalAtOnce(items, work));
}

/** Whole numbers from `first` on, without an end. */
export function* numbersFrom(first: number): Generator<number, never> {
  for (let number = first; ; number += 1) yield number;
}
