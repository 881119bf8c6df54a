/**
 * The body of an answer as a stream of chunks.
 * - Chunks are handed on as they came, uncopied; the connection is paused when more than 1 MiB waits.
 * - Where the consumer lets memory be used again, a large body is taken past the HTTP parser, which copies.
 * - A body that stands still for the stall limit, or stays below the minimum rate over a window, is given up
 *   (too-slow). Only time spent waiting for the network counts, not what the consumer takes.
 * - A body that ends before its stated length is a broken connection (network-unreachable), never a short file.
 */
import type { IncomingMessage } from 'node:http';
import type { TidegateError } from '../errors.ts';
import { cancelled } from './cancel.ts';
import { urlText } from './http-address.ts';
import { brokenConnection, httpError, tooSlow } from './http-error.ts';
import { type TakenBody, takeBody } from './http-socket.ts';
import type { ReadOptions } from './store.ts';

export interface BodyLimits {
  /** Milliseconds without a byte. */
  readonly stallTimeout: number;
  /** Bytes per second, on average over a window of waiting. */
  readonly minimumRate: number;
  /** Milliseconds of waiting over which the rate is taken. */
  readonly rateWindow: number;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
}

const HIGH_WATER = 1024 * 1024;
const LOW_WATER = HIGH_WATER / 2;
/** Bytes from which a body is worth a connection of its own, past the parser. */
const LARGE = 1024 * 1024;

type Result = IteratorResult<Uint8Array, undefined>;

export class HttpBody implements AsyncIterableIterator<Uint8Array> {
  readonly #response: IncomingMessage;
  readonly #url: URL;
  readonly #limits: BodyLimits;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(cancelled(`reading ${urlText(this.#url)}`, this.#signal));
  /** Bytes still to be handed out: by the answer, and of those the wanted ones. */
  #stated: number | undefined;
  #wanted: number;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #received = 0;
  #paused = false;
  #ended = false;
  #failure: TidegateError | undefined;
  #wake: (() => void) | undefined;
  #windowWaited = 0;
  #windowBytes = 0;
  /** Set when the bytes come past the parser; then the chunk handed out last is released by the next call. */
  #taken: TakenBody | undefined;
  #lent: Uint8Array | undefined;

  /**
   * @param stated bytes that the answer says it has; undefined when it does not
   * @param wanted bytes to hand out at most; what comes after them is cut off
   */
  constructor(
    response: IncomingMessage,
    url: URL,
    { stated, wanted }: { readonly stated: number | undefined; readonly wanted: number | undefined },
    limits: BodyLimits,
    { signal, reuseChunks: reuse = false }: ReadOptions,
  ) {
    this.#response = response;
    this.#url = url;
    this.#limits = limits;
    this.#signal = signal;
    this.#stated = stated;
    this.#wanted = wanted ?? stated ?? Number.POSITIVE_INFINITY;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (reuse && (stated ?? 0) >= LARGE) this.#take();
    if (this.#taken === undefined) response.on('data', (chunk: Uint8Array) => this.#arrive(chunk));
    response.once('end', () => this.#finish());
    response.on('error', (error) => this.#fail(brokenConnection(error, url, 'body', this.#received)));
    response.once('close', () => this.#finish());
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    if (this.#signal?.aborted === true && !this.#ended) this.#onAbort();
    if (this.#queue.length === 0 && !this.#ended && this.#failure === undefined) await this.#wait();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#lent !== undefined) this.#taken?.release(this.#lent);
    this.#lent = this.#queue.shift();
    const chunk = this.#lent;
    if (chunk === undefined) return { done: true, value: undefined };
    this.#queuedBytes -= chunk.byteLength;
    if (this.#paused && this.#queuedBytes <= LOW_WATER) {
      this.#paused = false;
      if (this.#taken !== undefined) this.#response.socket.resume();
      else this.#response.resume();
    }
    return { done: false, value: chunk };
  }

  async return(): Promise<Result> {
    this.#queue = [];
    this.#ended = true;
    this.#close();
    return { done: true, value: undefined };
  }

  #take(): void {
    this.#taken = takeBody(this.#response, (bytes) => {
      this.#arrive(bytes);
      return !this.#paused;
    });
    if (this.#taken !== undefined) this.#arrive(this.#taken.parsed);
  }

  #arrive(chunk: Uint8Array): void {
    if (this.#ended || this.#failure !== undefined) return;
    this.#received += chunk.byteLength;
    this.#windowBytes += chunk.byteLength;
    const useful = chunk.byteLength <= this.#wanted ? chunk : chunk.subarray(0, this.#wanted);
    this.#wanted -= useful.byteLength;
    if (useful.byteLength > 0) this.#enqueue(useful);
    if (this.#wanted === 0 && (this.#taken !== undefined || this.#received !== this.#stated)) {
      this.#ended = true;
      this.#close();
    } else if (this.#queuedBytes > HIGH_WATER) {
      this.#paused = true;
      if (this.#taken === undefined) this.#response.pause();
    }
    this.#wake?.();
  }

  /** Pieces that lie side by side in memory become one chunk again. */
  #enqueue(piece: Uint8Array): void {
    this.#queuedBytes += piece.byteLength;
    const last = this.#queue.at(-1);
    if (last?.buffer === piece.buffer && last.byteOffset + last.byteLength === piece.byteOffset) {
      const joined = Buffer.from(last.buffer, last.byteOffset, last.byteLength + piece.byteLength);
      this.#queue[this.#queue.length - 1] = joined;
    } else {
      this.#queue.push(piece);
    }
  }

  /** At the end of the answer, or when the connection is gone. */
  #finish(): void {
    if (this.#ended || this.#failure !== undefined) return;
    if (!this.#response.complete || (this.#stated !== undefined && this.#received !== this.#stated)) {
      const what = `broke off after ${this.#received} of ${this.#stated ?? 'an unknown number of'} bytes`;
      const details = { received: this.#received, expected: this.#stated ?? null };
      this.#fail(httpError('network-unreachable', this.#url, 'body', what, details));
      return;
    }
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#wake?.();
  }

  #fail(error: TidegateError): void {
    if (this.#failure !== undefined || (this.#ended && this.#queue.length === 0)) return;
    this.#failure = error;
    this.#queue = [];
    this.#close();
    this.#wake?.();
  }

  #close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#response.complete) this.#response.destroy();
  }

  async #wait(): Promise<void> {
    const { stallTimeout, minimumRate, rateWindow, clock } = this.#limits;
    const since = clock();
    await new Promise<void>((resolve) => {
      const stalled = (): void => this.#fail(tooSlow(this.#url, 'body', stallTimeout, this.#received));
      const timer = setTimeout(stalled, stallTimeout);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
    this.#windowWaited += clock() - since;
    if (this.#windowWaited < rateWindow || this.#ended) return;
    const rate = (this.#windowBytes * 1000) / this.#windowWaited;
    if (rate < minimumRate) {
      const what = `sent ${Math.floor(rate)} bytes a second; at least ${minimumRate} are expected`;
      const details = { found: Math.floor(rate), limit: minimumRate, received: this.#received };
      this.#fail(httpError('too-slow', this.#url, 'body', what, details));
    }
    this.#windowWaited = 0;
    this.#windowBytes = 0;
  }
}
