/**
 * One question to the store for many who ask the same at the same time. Who comes while an answer is under way
 * waits for the next one, not for this one: it may have been read before something that the newcomer already knows
 * of, such as a publication that it just made.
 */
export class SharedCalls<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #next = new Map<string, Promise<T>>();

  /** At most two calls per key exist at a time: one running, one that follows it. */
  call(key: string, work: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, work);
    const waiting = this.#next.get(key);
    if (waiting !== undefined) return waiting;
    const follow = (): Promise<T> => {
      this.#next.delete(key);
      return this.#start(key, work);
    };
    const next = running.then(follow, follow);
    this.#next.set(key, next);
    return next;
  }

  #start(key: string, work: () => Promise<T>): Promise<T> {
    const running = work().finally(() => this.#running.delete(key));
    this.#running.set(key, running);
    return running;
  }
}
