/**
 * A store in a folder of a local disk.
 * - `create`: staged beside its name, hashed while it is written, synced, then linked: link(2) fails when the name
 *   is taken, so nothing is ever overwritten, whoever races.
 * - `swap` and `remove`: under a lock between processes; compared, staged, renamed.
 * - 'present' and 'swapped' are promises for good: what is found there already is synced before it is answered.
 * - No link is followed below the root, and only plain files are files.
 * - File systems that fold case or Unicode forms are refused at the first write (store-unsupported).
 */
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { TidegateError } from '../errors.ts';
import { checkCancelled } from './cancel.ts';
import { bodyOf, checkWritten, chunksOf, nameTaken, streamed } from './content.ts';
import { closeStored, openStored, type StoredFile } from './directory-file.ts';
import { namesBelow } from './directory-listing.ts';
import { DirectoryRoot } from './directory-root.ts';
import { onDisk } from './disk-error.ts';
import { removeDurably } from './durable-file.ts';
import { FileBody } from './file-body.ts';
import { type FileSystem, nodeFileSystem, openFlags } from './file-system.ts';
import { acquireLock, type Lock } from './lock.ts';
import { statusIfAny } from './plain-file.ts';
import { checkPinned, checkSwapLength, rangeWithin, tooLarge } from './read-range.ts';
import { StagedFile, syncFolder } from './staged-file.ts';
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  OpenFile,
  ReadOptions,
  RemoveOptions,
  SmallFile,
  StreamedContent,
  SwappableStore,
} from './store.ts';
import { checkStoreName, checkStorePrefix, RESERVED_PREFIX } from './store-name.ts';

const FILE_MODE = 0o644;
/** Milliseconds: a swap takes a few, so who waits longer waits for a process that hangs. */
const LOCK_WAIT = 10_000;
/** Bytes from which the free space is asked for before anything is written. */
const LARGE = 1024 * 1024;

export interface DirectoryOptions {
  readonly fs?: FileSystem;
  /** Milliseconds to wait for another process that swaps, then code locked. */
  readonly lockWait?: number;
}

export class DirectoryStore implements SwappableStore {
  readonly location: string;
  readonly #fs: FileSystem;
  readonly #root: DirectoryRoot;
  readonly #lockWait: number;

  /** The folder is made at the first write; until then the store is empty. */
  constructor(path: string, { fs = nodeFileSystem, lockWait = LOCK_WAIT }: DirectoryOptions = {}) {
    this.location = resolve(path);
    this.#fs = fs;
    this.#root = new DirectoryRoot(fs, path);
    this.#lockWait = lockWait;
  }

  async read(name: string, limit: number, options: CancelOptions = {}): Promise<SmallFile | undefined> {
    const file = await this.open(name, options);
    if (file === undefined) return undefined;
    if (file.length !== undefined && file.length > limit) {
      await file.body[Symbol.asyncIterator]().return?.();
      throw tooLarge(name, this.location, limit);
    }
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of file.body) {
      total += chunk.byteLength;
      chunks.push(chunk);
    }
    const [only = new Uint8Array()] = chunks;
    return { bytes: chunks.length > 1 ? Buffer.concat(chunks, total) : only, etag: file.etag };
  }

  async open(name: string, options: ReadOptions = {}): Promise<OpenFile | undefined> {
    const file = await this.#stored(name, options.signal);
    if (file === undefined) return undefined;
    try {
      checkPinned(name, file.etag, options);
      const range = rangeWithin(name, file.length, options);
      const body =
        'bytes' in file
          ? bodyOf(name, file.bytes.subarray(range.start, range.end), options.signal)
          : new FileBody(file.handle, join(this.location, name), range, options);
      return { name, length: file.length, etag: file.etag, body };
    } catch (error) {
      await closeStored(file);
      throw error;
    }
  }

  async stat(name: string, options: CancelOptions = {}): Promise<FileInfo | undefined> {
    const file = await this.#stored(name, options.signal);
    await closeStored(file);
    return file && { name, length: file.length, etag: file.etag };
  }

  async create(name: string, content: Content, options: CreateOptions = {}): Promise<'created' | 'present'> {
    checkStoreName(name);
    checkCancelled(`writing ${name}`, options.signal);
    const stated = streamed(content);
    const path = await this.#prepare(name);
    if ((await statusIfAny(this.#fs, path)) === undefined) {
      await this.#requireSpace(path, stated.length);
      if ((await this.#stageNew(name, path, stated, options)) === 'created') return 'created';
    }
    if (await this.#isThere(name, path, stated)) return 'present';
    throw nameTaken(name, this.location, 'other bytes, or a folder, are stored there');
  }

  async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    checkStorePrefix(prefix);
    const root = await this.#root.find();
    if (root === undefined) return;
    for await (const name of namesBelow(this.#fs, root, prefix)) {
      const info = await this.stat(name);
      if (info !== undefined) yield info;
    }
  }

  async swap(
    name: string,
    bytes: Uint8Array,
    expected: string | undefined,
    options: CancelOptions = {},
  ): Promise<'swapped' | 'lost'> {
    checkStoreName(name);
    checkSwapLength(name, bytes);
    const own = new Uint8Array(bytes);
    const path = await this.#prepare(name);
    const lock = await this.#lock(options.signal);
    try {
      const current = await this.stat(name, options);
      if (current?.etag === expected) {
        const replaced = await this.#replace(name, path, own, expected === undefined, options);
        if (replaced) return 'swapped';
      }
      return (await this.#isThere(name, path, streamed(own))) ? 'swapped' : 'lost';
    } finally {
      await lock.release();
    }
  }

  async remove(
    name: string,
    expected: string,
    { ready }: RemoveOptions = {},
  ): Promise<'removed' | 'absent' | 'lost'> {
    if ((await this.stat(name)) === undefined) return 'absent';
    const path = await this.#prepare(name);
    const lock = await this.#lock(undefined);
    try {
      const current = await this.stat(name);
      if (current !== undefined && current.etag !== expected) return 'lost';
      ready?.();
      return await removeDurably(this.#fs, path);
    } finally {
      await lock.release();
    }
  }

  async #stored(name: string, signal: AbortSignal | undefined): Promise<StoredFile | undefined> {
    checkStoreName(name);
    const root = await this.#root.find();
    return root === undefined ? undefined : await openStored(this.#fs, root, join(root, name), signal);
  }

  /** A file in the place of a folder, or the other way round, takes the name; a link is an error of its own. */
  async #prepare(name: string): Promise<string> {
    try {
      return await this.#root.prepare(name);
    } catch (error) {
      if (!(error instanceof TidegateError) || error.details.found !== 'file') throw error;
      throw nameTaken(name, this.location, `${String(error.details.path)} is a file`);
    }
  }

  async #lock(signal: AbortSignal | undefined): Promise<Lock> {
    const folder = join((await this.#root.find()) ?? this.location, `${RESERVED_PREFIX}lock`);
    return await acquireLock(this.#fs, folder, { wait: this.#lockWait, ...(signal && { signal }) });
  }

  async #requireSpace(path: string, length: number): Promise<void> {
    if (length < LARGE) return;
    const free = await onDisk('ask the free space of', dirname(path), () =>
      this.#fs.freeSpace(dirname(path)),
    );
    if (free >= length) return;
    const text = `${path} needs ${length} bytes and ${free} are free. Nothing was written.`;
    throw new TidegateError('disk-full', text, { path, expected: length, found: free });
  }

  async #stageNew(
    name: string,
    path: string,
    stated: StreamedContent,
    options: CreateOptions,
  ): Promise<'created' | 'taken'> {
    const staged = await StagedFile.begin(this.#fs, path, FILE_MODE);
    try {
      for await (const chunk of chunksOf(name, stated, options)) await staged.write(chunk, { reused: true });
      checkWritten(name, stated, await staged.finish());
      return await staged.commitNew();
    } finally {
      await staged.discard();
    }
  }

  /** False when another came first to a name that was free. */
  async #replace(
    name: string,
    path: string,
    bytes: Uint8Array,
    fresh: boolean,
    options: CancelOptions,
  ): Promise<boolean> {
    if (fresh) return (await this.#stageNew(name, path, streamed(bytes), options)) === 'created';
    const staged = await StagedFile.begin(this.#fs, path, FILE_MODE);
    try {
      await staged.write(bytes);
      await staged.finish();
      checkCancelled(`writing ${name}`, options.signal);
      await staged.commitReplacing();
      return true;
    } finally {
      await staged.discard();
    }
  }

  /** Whether exactly these bytes bear the name, for good: they and the folder are synced before it is answered. */
  async #isThere(name: string, path: string, { length, sha256 }: StreamedContent): Promise<boolean> {
    if ((await this.stat(name))?.length !== length) return false;
    const hash = createHash('sha256');
    for await (const chunk of (await this.open(name, { reuseChunks: true }))?.body ?? []) hash.update(chunk);
    if (hash.digest('hex') !== sha256) return false;
    const handle = await onDisk('open', path, () => this.#fs.open(path, openFlags.read));
    try {
      await onDisk('sync', path, () => handle.sync());
    } finally {
      await handle.close();
    }
    await syncFolder(this.#fs, dirname(path));
    return true;
  }
}
