/**
 * The memory of all uploads to one bucket together. Whoever wants more waits, in order; so sixty large files at once
 * take no more of it than one.
 * - Nobody waits here while holding what another needs: a buffer that is full is on its way, and comes back.
 * - A buffer larger than everything is handed out when nothing else is.
 */
import { cancelled, checkCancelled } from './cancel.ts';

/** Bytes: eight parts of the usual size. */
const usualMost = 128 * 1024 * 1024;

interface Waiting {
  readonly size: number;
  readonly go: () => void;
}

export class UploadBuffers {
  readonly #most: number;
  #lent = 0;
  #spare: Buffer[] = [];
  #waiting: Waiting[] = [];

  constructor(most = usualMost) {
    this.#most = most;
  }

  /** Bytes that are handed out. */
  get lent(): number {
    return this.#lent;
  }

  /** Its content is whatever was in it before. */
  async take(size: number, what: string, signal: AbortSignal | undefined): Promise<Buffer> {
    checkCancelled(what, signal);
    if (this.#waiting.length === 0 && this.#fits(size)) this.#lent += size;
    else await this.#turn(size, what, signal);
    const at = this.#spare.findIndex(({ byteLength }) => byteLength === size);
    const [found] = at === -1 ? [] : this.#spare.splice(at, 1);
    if (found !== undefined) return found;
    this.#spare = [];
    return Buffer.allocUnsafeSlow(size);
  }

  /** @param untouched nothing can read it any more, so that it may be used again */
  give(buffer: Buffer, untouched: boolean): void {
    this.#lent -= buffer.byteLength;
    if (untouched) this.#spare.push(buffer);
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.size); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#lent += next.size;
      next.go();
    }
    if (this.#lent === 0) this.#spare = [];
  }

  #fits(size: number): boolean {
    return this.#lent === 0 || this.#lent + size <= this.#most;
  }

  async #turn(size: number, what: string, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        size,
        go: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== waiting);
        reject(cancelled(what, signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
    });
  }
}
