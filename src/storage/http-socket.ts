/**
 * Connections whose bytes can be taken past the HTTP parser once it knows how long a body is. The parser copies every
 * piece of a body into memory of its own; for a large body that is most of its cost. Here bytes are read straight
 * into a few slabs of memory, handed out where they lie, and the slabs used again when the bytes are done with.
 *
 * A connection whose bytes were taken cannot go back to the parser, so it is of no use for another request.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';

/** What is taken past the parser. */
export interface TakenBody {
  /** The beginning of the body, which the parser had already. */
  readonly parsed: Uint8Array;
  /** Says that bytes that were handed to the sink are done with. */
  release(bytes: Uint8Array): void;
}

/** Gets bytes that stay untouched until they are released; false pauses the socket until `resume()`. */
export type ByteSink = (bytes: Uint8Array) => boolean;

interface Slab {
  readonly memory: Buffer;
  filled: number;
  released: number;
}

/** For answers that are parsed, and for bodies that are taken; in bytes. */
const SMALL_SLAB = 64 * 1024;
const LARGE_SLAB = 1024 * 1024;
/** A slab with less room than this is done with: short reads cost more than a little memory. */
const LEAST_ROOM = 16 * 1024;
/** The fewer times a connection is paused and resumed, the less a body costs. */
const AGENT_OPTIONS = {
  keepAlive: true,
  scheduling: 'lifo',
  maxFreeSockets: 4,
  highWaterMark: LARGE_SLAB,
} as const;

const taps = new WeakMap<Duplex, Tap>();

export function plainAgent(): http.Agent {
  return tapped(new http.Agent(AGENT_OPTIONS));
}

export function secureAgent(): https.Agent {
  return tapped(new https.Agent(AGENT_OPTIONS));
}

/**
 * From now on every byte of the answer's connection goes to `sink`. Undefined when that cannot be, as for an agent
 * that is not one of these: nothing has changed then.
 */
export function takeBody(response: http.IncomingMessage, sink: ByteSink): TakenBody | undefined {
  const { socket } = response;
  const tap = taps.get(socket);
  // Bytes that wait before or behind the parser would be overtaken.
  if (tap === undefined || tap.sink !== undefined || socket.readableLength > 0 || socket.isPaused())
    return undefined;
  if (response.readableFlowing === true || response.complete) return undefined;
  tap.sink = sink;
  response.pause();
  const parsed: unknown = response.read();
  return {
    parsed: parsed instanceof Uint8Array ? parsed : new Uint8Array(),
    release: (bytes) => tap.release(bytes),
  };
}

/** The memory of one connection. */
class Tap {
  sink: ByteSink | undefined;
  #slab: Slab = emptySlab(SMALL_SLAB);
  readonly #full: Slab[] = [];
  readonly #free: Slab[] = [];

  /** Where the next bytes go. */
  room(): Uint8Array {
    if (this.#slab.memory.byteLength - this.#slab.filled < LEAST_ROOM) {
      // What the parser got is never released, so its slabs are not used again.
      if (this.sink !== undefined) this.#full.push(this.#slab);
      this.#slab = this.#free.pop() ?? emptySlab(this.sink === undefined ? SMALL_SLAB : LARGE_SLAB);
    }
    return this.#slab.memory.subarray(this.#slab.filled);
  }

  fill(count: number): void {
    this.#slab.filled += count;
  }

  release(bytes: Uint8Array): void {
    const slab = [this.#slab, ...this.#full].find(({ memory }) => memory.buffer === bytes.buffer);
    if (slab === undefined) return;
    slab.released += bytes.byteLength;
    const index = this.#full.indexOf(slab);
    if (index < 0 || slab.released < slab.filled) return;
    this.#full.splice(index, 1);
    this.#free.push({ memory: slab.memory, filled: 0, released: 0 });
  }
}

function emptySlab(size: number): Slab {
  return { memory: Buffer.allocUnsafeSlow(size), filled: 0, released: 0 };
}

function tapped<A extends http.Agent>(agent: A): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const tap = new Tap();
    const onread = {
      buffer: () => tap.room(),
      callback: (count: number, buffer: Uint8Array): boolean => {
        tap.fill(count);
        const bytes = buffer.subarray(0, count);
        return tap.sink === undefined ? (socket?.push(bytes) ?? true) : tap.sink(bytes);
      },
    };
    const withTap: typeof options & { readonly onread: typeof onread } = { ...options, onread };
    const socket = connect(withTap, callback);
    if (socket !== null && socket !== undefined) taps.set(socket, tap);
    return socket;
  };
  return agent;
}
