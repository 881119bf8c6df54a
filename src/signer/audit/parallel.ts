/** Work on many things, a few at a time. */

/** The first failure ends the waiting for new work; what is under way is waited for. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const next = items[Symbol.iterator]();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (let step = next.next(); !failed && step.done !== true; step = next.next()) {
      try {
        await work(step.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
