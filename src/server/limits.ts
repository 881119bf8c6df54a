/** Every bound of the server, in one place. Times in milliseconds, sizes in bytes. */
import { SWAP_LIMIT } from '../storage/store.ts';

export interface ServerLimits {
  /** Open connections; further ones are closed as they come. */
  readonly connections: number;
  /** Bytes of the request line and all headers; more is answered with 431. */
  readonly headerBytes: number;
  /** Headers of one request; more are answered with 431. */
  readonly headerCount: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headersTime: number;
  /** From the first byte of a request to the end of its body, which nobody needs. */
  readonly requestTime: number;
  /** An idle connection between two requests. */
  readonly idleTime: number;
  /**
   * One step of an answer, 1 MiB at most: read from the store and taken by the client. So a reader below about
   * 17 kB/s is dropped. Twice as long: a connection on which nothing moves at all.
   */
  readonly stepTime: number;
  /** The largest file that is kept in memory. */
  readonly memoryFile: number;
  /** All files kept in memory. */
  readonly memoryTotal: number;
  /** How long a file whose name never changes its content is believed to be as it was read. Others: not at all. */
  readonly memoryHold: number;
  /** How long an answer of `/health` is given again, and how long the store may take for one. */
  readonly healthHold: number;
  readonly healthTime: number;
  /** How long running answers may take once the server was told to close. */
  readonly drainTime: number;
}

export const defaultServerLimits: ServerLimits = {
  connections: 4096,
  headerBytes: 16 * 1024,
  headerCount: 64,
  headersTime: 10_000,
  requestTime: 20_000,
  idleTime: 15_000,
  stepTime: 60_000,
  memoryFile: SWAP_LIMIT,
  memoryTotal: 64 * 1024 * 1024,
  memoryHold: 1000,
  healthHold: 1000,
  healthTime: 5000,
  drainTime: 25_000,
};
