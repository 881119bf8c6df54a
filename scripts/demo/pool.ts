/** Work of hosts side by side, two at a time: more would only wait for the same disk. */

export const parallelHosts = 2;

export class Pool {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** Starts a piece of work once there is room. @throws the failure of an earlier one */
  async run(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= parallelHosts) await Promise.race(this.#running);
    this.#rethrow();
    const running = work()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Waits for all. @throws the first failure */
  async drain(): Promise<void> {
    await this.settle();
    this.#rethrow();
  }

  /** Waits for all, whatever becomes of them. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  #rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Works through a list; the first failure ends it, once what is under way has come to its end. */
export async function eachOf<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const pool = new Pool();
  try {
    for (const item of items) await pool.run(() => work(item));
  } finally {
    await pool.settle();
  }
  await pool.drain();
}
