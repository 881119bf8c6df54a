/** A store in memory, for tests, previews and rehearsals: the same rules as on a disk, nothing kept. */
import { checkCancelled } from './cancel.ts';
import { bodyOf, checkWritten, chunksOf, nameTaken, sha256Of, streamed } from './content.ts';
import { checkPinned, checkSwapLength, compareNames, rangeWithin, tooLarge } from './read-range.ts';
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  OpenFile,
  ReadOptions,
  RemoveOptions,
  SmallFile,
  SwappableStore,
} from './store.ts';
import { checkStoreName, checkStorePrefix } from './store-name.ts';

interface Stored {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

export class MemoryStore implements SwappableStore {
  readonly location: string;
  readonly #files = new Map<string, Stored>();

  constructor(location = 'memory') {
    this.location = location;
  }

  async read(name: string, limit: number, options: CancelOptions = {}): Promise<SmallFile | undefined> {
    const file = this.#file(name, options);
    if (file === undefined) return undefined;
    if (file.bytes.byteLength > limit) throw tooLarge(name, this.location, limit);
    return { bytes: new Uint8Array(file.bytes), etag: file.etag };
  }

  async open(name: string, options: ReadOptions = {}): Promise<OpenFile | undefined> {
    const file = this.#file(name, options);
    if (file === undefined) return undefined;
    checkPinned(name, file.etag, options);
    const { start, end } = rangeWithin(name, file.bytes.byteLength, options);
    const body = bodyOf(name, file.bytes.slice(start, end), options.signal);
    return { name, length: file.bytes.byteLength, etag: file.etag, body };
  }

  async stat(name: string, options: CancelOptions = {}): Promise<FileInfo | undefined> {
    const file = this.#file(name, options);
    return file && { name, length: file.bytes.byteLength, etag: file.etag, sha256: sha256Of(file.bytes) };
  }

  async create(name: string, content: Content, options: CreateOptions = {}): Promise<'created' | 'present'> {
    checkStoreName(name);
    const stated = streamed(content);
    const chunks: Uint8Array[] = [];
    if (!this.#files.has(name)) {
      for await (const chunk of chunksOf(name, stated, options)) chunks.push(new Uint8Array(chunk));
      const bytes = new Uint8Array(Buffer.concat(chunks));
      checkWritten(name, stated, { length: bytes.byteLength, sha256: sha256Of(bytes) });
      // Looked at again, because others ran while the chunks came in.
      if (!this.#files.has(name)) {
        this.#put(name, bytes);
        return 'created';
      }
    }
    if (this.#files.get(name)?.etag === etagOf(stated.sha256)) return 'present';
    throw nameTaken(name, this.location, 'other bytes are stored there');
  }

  async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    checkStorePrefix(prefix);
    for (const name of [...this.#files.keys()].sort(compareNames)) {
      const file = this.#files.get(name);
      if (file === undefined || !name.startsWith(prefix)) continue;
      yield { name, length: file.bytes.byteLength, etag: file.etag };
    }
  }

  async swap(
    name: string,
    bytes: Uint8Array,
    expected: string | undefined,
    options: CancelOptions = {},
  ): Promise<'swapped' | 'lost'> {
    checkSwapLength(name, bytes);
    const current = this.#file(name, options);
    if (current?.etag === expected) {
      this.#put(name, new Uint8Array(bytes));
      return 'swapped';
    }
    return current?.etag === etagOf(sha256Of(bytes)) ? 'swapped' : 'lost';
  }

  async remove(
    name: string,
    expected: string,
    { ready }: RemoveOptions = {},
  ): Promise<'removed' | 'absent' | 'lost'> {
    const current = this.#file(name, {});
    if (current === undefined) return 'absent';
    if (current.etag !== expected) return 'lost';
    ready?.();
    this.#files.delete(name);
    return 'removed';
  }

  #file(name: string, { signal }: CancelOptions): Stored | undefined {
    checkStoreName(name);
    checkCancelled(`access to ${name}`, signal);
    return this.#files.get(name);
  }

  #put(name: string, bytes: Uint8Array): void {
    this.#files.set(name, { bytes, etag: etagOf(sha256Of(bytes)) });
  }
}

function etagOf(sha256: string): string {
  return `sha256-${sha256}`;
}
