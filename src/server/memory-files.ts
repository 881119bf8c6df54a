/**
 * Small files in memory, so that most requests never reach the store. The rules:
 *
 * 1. The key is the checked name of the file and nothing else of the request; absence and errors are never kept.
 * 2. A file is used again only when the store states the same etag. The question is spared for `memoryHold` where
 *    the name stands for the content; never for `timestamp.json`.
 * 3. Bytes and etag come from one read, so they cannot part. The etag is the SHA-256 of the bytes.
 * 4. Bounded in bytes; what was not used for longest goes first.
 */
import { createHash } from 'node:crypto';
import type { FileInfo, ReadableStore } from '../storage/store.ts';
import { type FileFacts, type WholeFile, wholeFile } from './file-answer.ts';
import type { ServerLimits } from './limits.ts';
import type { ServedName } from './served-name.ts';
import { SharedCalls } from './shared-calls.ts';

/** A file that is held whole. */
export interface MemoryFile extends FileFacts {
  readonly bytes: Uint8Array;
  /** The answer to a request without conditions and range, made once. */
  readonly whole: WholeFile;
}

/** A file that stays in the store, as it was a moment ago. */
export interface StoredFile extends FileFacts {
  readonly info: FileInfo;
}

export type FoundFile = MemoryFile | StoredFile;

interface Entry {
  readonly file: MemoryFile;
  readonly storeEtag: string;
  readonly checkedAt: number;
}

export class MemoryFiles {
  readonly #store: ReadableStore;
  readonly #limits: ServerLimits;
  readonly #clock: () => number;
  /** Used longest ago first. */
  readonly #entries = new Map<string, Entry>();
  readonly #calls = new SharedCalls<FoundFile | undefined>();
  #total = 0;

  constructor(store: ReadableStore, limits: ServerLimits, clock: () => number) {
    this.#store = store;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A file that needs no question to the store. */
  held(served: ServedName): MemoryFile | undefined {
    const entry = this.#entries.get(served.name);
    if (entry === undefined || !served.immutable) return undefined;
    const age = this.#clock() - entry.checkedAt;
    return age >= 0 && age < this.#limits.memoryHold ? entry.file : undefined;
  }

  /** The file as it is now; undefined when there is none. Throws what the store throws. */
  async find(served: ServedName): Promise<FoundFile | undefined> {
    return this.held(served) ?? (await this.#calls.call(served.name, () => this.#load(served)));
  }

  async #load(served: ServedName): Promise<FoundFile | undefined> {
    const { name } = served;
    const checkedAt = this.#clock();
    const info = await this.#store.stat(name);
    const entry = this.#take(name);
    if (info === undefined) return undefined;
    if (entry !== undefined && info.etag !== '' && info.etag === entry.storeEtag) {
      this.#put({ ...entry, checkedAt });
      return entry.file;
    }
    if (info.length > this.#limits.memoryFile) {
      return { served, length: info.length, etag: strongEtag(info.etag), info };
    }
    const read = await this.#store.read(name, this.#limits.memoryFile);
    if (read === undefined) return undefined;
    const file = memoryFile(served, read.bytes);
    this.#put({ file, storeEtag: read.etag, checkedAt });
    return file;
  }

  #take(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    this.#entries.delete(name);
    this.#total -= entry.file.length;
    return entry;
  }

  #put(entry: Entry): void {
    this.#entries.set(entry.file.served.name, entry);
    this.#total += entry.file.length;
    for (const name of this.#entries.keys()) {
      if (this.#total <= this.#limits.memoryTotal) return;
      this.#take(name);
    }
  }
}

function memoryFile(served: ServedName, bytes: Uint8Array): MemoryFile {
  const facts = { served, length: bytes.byteLength, etag: `"${digest(bytes)}"` };
  return { ...facts, bytes, whole: wholeFile(facts) };
}

/** Hashed, since what a store makes its etags of (inode, time) is nobody's business. */
function strongEtag(storeEtag: string): string | undefined {
  return storeEtag === '' ? undefined : `"${digest(storeEtag)}"`;
}

function digest(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('base64url');
}
