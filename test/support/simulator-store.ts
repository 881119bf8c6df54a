/** The simulator as the stores that a client reads from: every request is recorded, every answer can be bent. */

import { checkCancelled } from '../../src/storage/cancel.ts';
import { bodyOf, LARGEST_CHUNK, sha256Of } from '../../src/storage/content.ts';
import { checkPinned, rangeWithin, tooLarge } from '../../src/storage/read-range.ts';
import type {
  CancelOptions,
  FileInfo,
  OpenFile,
  ReadableStore,
  ReadOptions,
  SmallFile,
} from '../../src/storage/store.ts';
import { checkStoreName } from '../../src/storage/store-name.ts';

/** The largest piece of a body; small enough that a file of some kilobytes comes in several. */
const CHUNK = 4096;

export class SimulatorStore implements ReadableStore {
  readonly location: string;
  readonly #answer: (name: string) => Uint8Array | undefined;

  /** @param answer what is served for a name at this moment; what it throws is the trouble of the request */
  constructor(location: string, answer: (name: string) => Uint8Array | undefined) {
    this.location = location;
    this.#answer = answer;
  }

  async read(name: string, limit: number, options: CancelOptions = {}): Promise<SmallFile | undefined> {
    const bytes = this.#bytes(name, options);
    if (bytes === undefined) return undefined;
    if (bytes.length > limit) throw tooLarge(name, this.location, limit);
    return { bytes: bytes.slice(), etag: etagOf(bytes) };
  }

  async open(name: string, options: ReadOptions = {}): Promise<OpenFile | undefined> {
    const bytes = this.#bytes(name, options);
    if (bytes === undefined) return undefined;
    const etag = etagOf(bytes);
    checkPinned(name, etag, options);
    const { start, end } = rangeWithin(name, bytes.length, options);
    return { name, length: bytes.length, etag, body: pieces(name, bytes.slice(start, end), options) };
  }

  async stat(name: string, options: CancelOptions = {}): Promise<FileInfo | undefined> {
    const bytes = this.#bytes(name, options);
    return bytes && { name, length: bytes.length, etag: etagOf(bytes) };
  }

  #bytes(name: string, { signal }: CancelOptions): Uint8Array | undefined {
    checkStoreName(name);
    checkCancelled(`access to ${name}`, signal);
    return this.#answer(name);
  }
}

async function* pieces(
  name: string,
  bytes: Uint8Array,
  { signal, reuseChunks = false }: ReadOptions,
): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const piece = bytes.subarray(at, at + Math.min(CHUNK, LARGEST_CHUNK));
    yield* bodyOf(name, piece, signal);
    // What a store may do, this one does.
    if (reuseChunks) piece.fill(0xee);
  }
}

function etagOf(bytes: Uint8Array): string {
  return `sha256-${sha256Of(bytes)}`;
}
