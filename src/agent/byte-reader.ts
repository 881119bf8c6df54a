/** Exact numbers of bytes out of chunks of any size. What is asked for at once is all that is held. */
export class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  #offset = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next `length` bytes, fewer only at the end. They stay as they are until the source reuses its chunks. */
  async read(length: number): Promise<Uint8Array> {
    if (!(await this.#fill()) || length === 0) return new Uint8Array();
    if (this.#chunk.byteLength - this.#offset >= length) return this.#take(length);
    const whole = new Uint8Array(length);
    let filled = 0;
    while (filled < length && (await this.#fill())) {
      const part = this.#take(Math.min(length - filled, this.#chunk.byteLength - this.#offset));
      whole.set(part, filled);
      filled += part.byteLength;
    }
    return whole.subarray(0, filled);
  }

  /** Passes over bytes without holding them; the number passed over, fewer only at the end. */
  async skip(length: number): Promise<number> {
    let skipped = 0;
    while (skipped < length && (await this.#fill())) {
      skipped += this.#take(Math.min(length - skipped, this.#chunk.byteLength - this.#offset)).byteLength;
    }
    return skipped;
  }

  /** All that has not been read yet. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    while (await this.#fill()) yield this.#take(this.#chunk.byteLength - this.#offset);
  }

  /** Gives the source up, so that it closes what it holds open. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #take(length: number): Uint8Array {
    const start = this.#offset;
    this.#offset += length;
    return this.#chunk.subarray(start, this.#offset);
  }

  /** False at the end. */
  async #fill(): Promise<boolean> {
    while (this.#offset === this.#chunk.byteLength) {
      const { done, value } = await this.#source.next();
      if (done === true) return false;
      this.#chunk = value;
      this.#offset = 0;
    }
    return true;
  }
}
