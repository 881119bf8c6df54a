/**
 * How many requests are under way at once. A bucket that says "slow down" is believed, and a line on which they stall is
 * too thin for so many: the number halves, once for all requests that were under way together, and grows again by one
 * after as many successes as it is large.
 */
import { cancelled, checkCancelled } from './cancel.ts';

export class Concurrency {
  readonly #most: number;
  #limit: number;
  #active = 0;
  #successes = 0;
  /** Counts the halvings; a request that began before the last one does not halve again. */
  #generation = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(start = 8, most = 16) {
    this.#limit = start;
    this.#most = most;
  }

  /** Requests allowed at once, now. */
  get limit(): number {
    return this.#limit;
  }

  /** Waits for a turn. The result is handed back to `end`. */
  async begin(what: string, signal: AbortSignal | undefined): Promise<number> {
    checkCancelled(what, signal);
    if (this.#active < this.#limit) this.#active += 1;
    else await this.#turn(what, signal);
    return this.#generation;
  }

  end(generation: number, outcome: 'success' | 'throttled' | 'other'): void {
    this.#active -= 1;
    if (outcome === 'throttled' && generation === this.#generation) {
      this.#generation += 1;
      this.#limit = Math.max(1, Math.floor(this.#limit / 2));
      this.#successes = 0;
    }
    if (outcome === 'success') this.#grow();
    this.#wake();
  }

  #grow(): void {
    this.#successes += 1;
    if (this.#successes < this.#limit) return;
    this.#successes = 0;
    this.#limit = Math.min(this.#most, this.#limit + 1);
  }

  /** Whoever is woken has its turn already: it runs on later, and until then nobody else may take it. */
  #wake(): void {
    while (this.#active < this.#limit) {
      const go = this.#waiting.shift();
      if (go === undefined) return;
      this.#active += 1;
      go();
    }
  }

  async #turn(what: string, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(cancelled(what, signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(go);
    });
  }
}
