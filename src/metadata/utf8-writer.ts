/** Text that comes in many pieces, as UTF-8. */

/** Text is gathered up to about this many UTF-16 units, which is far cheaper than an encoder call for each piece. */
const gathered = 65_536;
const leastLength = 4096;

export class Utf8Writer {
  #text = '';
  #buffer: Uint8Array;
  #length = 0;
  readonly #encoder = new TextEncoder();

  /** @param expectedLength about how many bytes there will be; spares the growing */
  constructor(expectedLength: number) {
    this.#buffer = new Uint8Array(Math.max(leastLength, expectedLength));
  }

  append(text: string): void {
    this.#text += text;
    if (this.#text.length >= gathered) this.#encode();
  }

  bytes(): Uint8Array {
    this.#encode();
    return this.#buffer.subarray(0, this.#length);
  }

  #encode(): void {
    let rest = this.#text;
    this.#text = '';
    for (;;) {
      const { read, written } = this.#encoder.encodeInto(rest, this.#buffer.subarray(this.#length));
      this.#length += written;
      if (read === rest.length) return;
      rest = rest.slice(read);
      const larger = new Uint8Array(this.#buffer.length * 2);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
  }
}
