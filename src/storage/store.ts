/**
 * The ladder of stores: read, write, compare-and-swap. Types only.
 *
 * Every store means the same by the same word, and one behavioural suite holds them to it:
 * - A file that does not exist is `undefined`, never an error; every other trouble is an error.
 * - A file is whole or absent at every instant, whatever dies meanwhile.
 * - `create` never overwrites; only `swap` replaces, and only what the caller has seen.
 * - Names are checked by `checkStoreName` before anything else happens (code target-path-invalid).
 */

export interface FileInfo {
  readonly name: string;
  /** Bytes of the whole file. */
  readonly length: number;
  /** Opaque and strong: it changes whenever the content does. Empty when an HTTP server gives no strong one. */
  readonly etag: string;
  /** Lower-case hex of the whole file, where the store keeps it beside the file and was asked for this one alone. */
  readonly sha256?: string;
  /** When the store last changed it, by its own clock, in milliseconds since the epoch; in lists that `listsTimes`. */
  readonly changed?: number;
}

export interface CancelOptions {
  /** Cancels the work; code cancelled. */
  readonly signal?: AbortSignal;
}

export interface ReadOptions extends CancelOptions {
  /** First byte wanted, 0 by default. At the end of the file the body is empty, beyond it: length-mismatch. */
  readonly start?: number;
  /** Number of bytes, to the end by default. What lies beyond the end is left out. */
  readonly length?: number;
  /** The file must still have this etag, else code store-conflict. An empty one pins nothing and so always conflicts. */
  readonly etag?: string;
  /**
   * The consumer is done with a chunk, all that it started with it included, when it asks for the next one; the
   * store may then use the memory again. Saves most of the cost of a large file. Default false.
   */
  readonly reuseChunks?: boolean;
}

export interface OpenFile {
  readonly name: string;
  /** Bytes of the whole file, not of the body; undefined when an HTTP server does not tell (chunked). */
  readonly length: number | undefined;
  readonly etag: string;
  /**
   * The bytes [start, start + length), once. Must be consumed to the end or given up by its iterator's `return()`
   * (leaving a `for await` does) or by the signal. Chunks are at most 1 MiB and belong to the
   * consumer, unless it asked for `reuseChunks`.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A small file, read whole. */
export interface SmallFile {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

export interface ReadableStore {
  /** The location for messages, never with credentials or query. */
  readonly location: string;
  /** Reads a whole small file. Larger than `limit` bytes: length-limit, after at most `limit` and one chunk. */
  read(name: string, limit: number, options?: CancelOptions): Promise<SmallFile | undefined>;
  open(name: string, options?: ReadOptions): Promise<OpenFile | undefined>;
  /** Code store-unsupported when an HTTP server does not tell the length. */
  stat(name: string, options?: CancelOptions): Promise<FileInfo | undefined>;
  /**
   * Asks for the store's own time now, in milliseconds since the epoch; undefined when its answer tells none. Stores
   * that know no clock but that of this machine have no such method.
   */
  storeTime?(options?: CancelOptions): Promise<number | undefined>;
  /** Gives back what the store holds open: connections. The store may not be used afterwards. */
  close?(): void;
}

/** Bytes streamed from somewhere that has hashed them already. */
export interface StreamedContent {
  readonly length: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The store is done with a chunk when it asks for the next one, so the source may use its memory again. */
  open(): AsyncIterable<Uint8Array>;
}

export type Content = Uint8Array | StreamedContent;

export interface CreateOptions extends CancelOptions {
  /** Told the bytes written so far. */
  readonly progress?: (bytes: number) => void;
}

export interface ListOptions extends CancelOptions {
  /** More entries are not wanted: a store that asks for them page by page may throw count-limit beyond them. */
  readonly most?: number;
}

export interface WritableStore extends ReadableStore {
  /**
   * Create-only: 'created', or 'present' when the same bytes are there already; other bytes there: name-taken.
   * Content with another length or hash than it states: length-mismatch or hash-mismatch, and nothing is visible.
   */
  create(name: string, content: Content, options?: CreateOptions): Promise<'created' | 'present'>;
  /** Its lists say when each file was changed. */
  readonly listsTimes?: boolean;
  /** Every file whose name begins with `prefix`, ordered by code point of the name. */
  list(prefix?: string, options?: ListOptions): AsyncIterable<FileInfo>;
}

export interface RemoveOptions {
  /**
   * Called when nothing else is left to do, before each request that removes: after every wait for a turn, a lock or a
   * new try. The coded error that it throws is thrown, and nothing is removed.
   */
  readonly ready?: () => void;
}

/** The largest file that `swap` writes, in bytes; larger: length-limit. What is swapped is a small register. */
export const SWAP_LIMIT = 1024 * 1024;

export interface SwappableStore extends WritableStore {
  /**
   * Replaces the file only if its etag is `expected` (undefined: it must not exist). 'lost': somebody else's bytes
   * are there. After an ambiguous outcome (a lost reply) it reads back: own bytes there is 'swapped'. When it
   * fails by an error the file is the old one or the new one; calling it again with the same bytes is safe.
   */
  swap(
    name: string,
    bytes: Uint8Array,
    expected: string | undefined,
    options?: CancelOptions,
  ): Promise<'swapped' | 'lost'>;
  /** Conditional delete, for clean-up only: 'absent' when gone already, 'lost' when it has changed. */
  remove(name: string, expected: string, options?: RemoveOptions): Promise<'removed' | 'absent' | 'lost'>;
}
