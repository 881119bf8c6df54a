/** Reading many small files one after another means to wait for each; several are asked for at once, and taken in their order. */

/** Files asked for at once, at most. */
export const mostAhead = 16;

/**
 * Reads what the keys name and yields it in their order. One is asked for first, then two, four and so on: whoever stops
 * at the first that is missing has asked for hardly more than it took. A reader that fails fails when its turn comes.
 *
 * @param keys may be endless
 */
export async function* readAhead<Key, Value>(
  keys: Iterable<Key>,
  read: (key: Key) => Promise<Value>,
): AsyncGenerator<Value, void> {
  const waiting = Iterator.from(keys);
  for (let count = 1; ; count = Math.min(2 * count, mostAhead)) {
    const batch = await Promise.allSettled(next(waiting, count).map(read));
    if (batch.length === 0) return;
    for (const outcome of batch) {
      if (outcome.status === 'rejected') throw outcome.reason;
      yield outcome.value;
    }
  }
}

/** Not `Iterator.take`, which closes what it takes from. */
function next<Key>(keys: Iterator<Key>, count: number): Key[] {
  const taken: Key[] = [];
  while (taken.length < count) {
    const step = keys.next();
    if (step.done === true) break;
    taken.push(step.value);
  }
  return taken;
}

/** Whole numbers from `first` on, without an end. */
export function* numbersFrom(first: number): Generator<number, never> {
  for (let number = first; ; number += 1) yield number;
}
