/**
 * The bytes of an open file as a stream: one read ahead, so that the disk works while the consumer does, and no
 * more, so that memory stays flat.
 */
import { TidegateError } from '../errors.ts';
import { checkCancelled } from './cancel.ts';
import { LARGEST_CHUNK } from './content.ts';
import { onDisk } from './disk-error.ts';
import type { FileHandle } from './file-system.ts';
import type { ByteRange } from './read-range.ts';
import type { ReadOptions } from './store.ts';

/** Owns the handle and closes it at the end, on an error and on `return()`. */
export class FileBody implements AsyncIterableIterator<Uint8Array> {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  readonly #end: number;
  #position: number;
  #ahead: Promise<Uint8Array> | undefined;
  #closed = false;
  /** With reuse two buffers take turns: the consumer has one while the other is read into. */
  readonly #buffers: [Buffer, Buffer] | undefined;
  #turn = 0;

  constructor(handle: FileHandle, path: string, range: ByteRange, options: ReadOptions) {
    this.#handle = handle;
    this.#path = path;
    this.#signal = options.signal;
    if (options.reuseChunks === true) this.#buffers = buffersFor(range.end - range.start);
    this.#position = range.start;
    this.#end = range.end;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#closed) return { done: true, value: undefined };
    try {
      checkCancelled(`reading ${this.#path}`, this.#signal);
      const chunk = await (this.#ahead ?? this.#readNext());
      if (chunk === undefined) return await this.return();
      this.#ahead = this.#readNext();
      // Awaited by the next call; until then a failure is nobody's yet.
      this.#ahead?.catch(() => undefined);
      return { done: false, value: chunk };
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#closed) {
      this.#closed = true;
      await this.#ahead?.catch(() => undefined);
      await this.#handle.close();
    }
    return { done: true, value: undefined };
  }

  #readNext(): Promise<Uint8Array> | undefined {
    const length = Math.min(LARGEST_CHUNK, this.#end - this.#position);
    if (length <= 0) return undefined;
    const at = this.#position;
    this.#position += length;
    return this.#readExactly(at, length);
  }

  async #readExactly(position: number, length: number): Promise<Uint8Array> {
    const buffer = this.#buffer(length);
    let filled = 0;
    while (filled < length) {
      const at = filled;
      const count = await onDisk('read', this.#path, () =>
        this.#handle.read(at === 0 ? buffer : buffer.subarray(at), position + at),
      );
      if (count === 0) throw this.#shrunk(position + filled);
      filled += count;
    }
    return buffer;
  }

  #buffer(length: number): Buffer {
    if (this.#buffers === undefined) return Buffer.allocUnsafeSlow(length);
    this.#turn = 1 - this.#turn;
    return this.#buffers[this.#turn === 0 ? 0 : 1].subarray(0, length);
  }

  #shrunk(found: number): TidegateError {
    const text = `${this.#path} ended at byte ${found}; it had at least ${this.#end} when it was opened.`;
    return new TidegateError('store-conflict', text, { path: this.#path, found, expected: this.#end });
  }
}

/** As large as they are needed: thousands of small files would be thousands of megabytes for the garbage collector. */
function buffersFor(length: number): [Buffer, Buffer] {
  const first = Math.min(LARGEST_CHUNK, Math.max(0, length));
  const second = Math.min(LARGEST_CHUNK, Math.max(0, length - first));
  return [Buffer.allocUnsafeSlow(second), Buffer.allocUnsafeSlow(first)];
}
