/**
 * A file on its way to its name: written beside it under a temporary name, hashed in the same pass, synced, and
 * only then linked or renamed into place, the folder synced after it. Whatever dies meanwhile leaves the old file
 * or the new one under the name, and at worst rubbish that tells whose it was.
 */
import { createHash, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { diskError, isSystem, onDisk } from './disk-error.ts';
import { type FileHandle, type FileSystem, openFlags } from './file-system.ts';
import { markState, processMark } from './process-mark.ts';
import { RESERVED_PREFIX } from './store-name.ts';

const TEMPORARY_PREFIX = `${RESERVED_PREFIX}tmp-`;
/** Small chunks are gathered, without copying, until one call to the disk is worth it. */
const GATHERED = 1024 * 1024;
const MOST_CHUNKS = 512;

/** A name that is used once and tells whose it is, so that it is swept when its process is gone. */
export function temporaryName(): string {
  return `${TEMPORARY_PREFIX}${processMark()}-${randomBytes(8).toString('hex')}`;
}

export interface StagedResult {
  readonly length: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export class StagedFile {
  readonly temporary: string;
  readonly #fs: FileSystem;
  readonly #path: string;
  #handle: FileHandle | undefined;
  readonly #hash = createHash('sha256');
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #position = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(fs: FileSystem, path: string, temporary: string, handle: FileHandle) {
    this.#fs = fs;
    this.#path = path;
    this.temporary = temporary;
    this.#handle = handle;
  }

  /** Begins a file that is to be called `path`, in the same folder, which must exist. `mode` holds whatever the umask. */
  static async begin(fs: FileSystem, path: string, mode: number): Promise<StagedFile> {
    const temporary = join(dirname(path), temporaryName());
    const handle = await onDisk('create', temporary, () => fs.open(temporary, openFlags.create, mode));
    const staged = new StagedFile(fs, path, temporary, handle);
    try {
      await onDisk('set the mode of', temporary, () => handle.setMode(mode));
      return staged;
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /**
   * Appends a chunk, which must not be altered afterwards; with `reused` it may be as soon as this has resolved, as
   * `reuseChunks` of a store demands.
   */
  async write(chunk: Uint8Array, { reused = false }: { readonly reused?: boolean } = {}): Promise<void> {
    if (chunk.byteLength === 0) return;
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.byteLength;
    if (reused || this.#gatheredBytes >= GATHERED || this.#gathered.length >= MOST_CHUNKS)
      await this.#flush();
    if (reused) await this.#writing;
  }

  /** Syncs the bytes and closes the file: its length and hash. It is not visible under its name yet. */
  async finish(): Promise<StagedResult> {
    const handle = this.#opened();
    await this.#flush();
    await this.#writing;
    await onDisk('sync', this.temporary, () => handle.sync());
    this.#handle = undefined;
    await onDisk('close', this.temporary, () => handle.close());
    return { length: this.#position, sha256: this.#hash.digest('hex') };
  }

  /** Gives the finished file its name if that is free. Code store-unsupported where there are no hard links. */
  async commitNew(): Promise<'created' | 'taken'> {
    try {
      await this.#fs.link(this.temporary, this.#path);
    } catch (error) {
      if (isSystem(error, 'EEXIST')) return 'taken';
      if (!isSystem(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) {
        throw diskError(error, 'name', this.#path);
      }
      const text = `The file system of ${this.#path} has no hard links; create-only writes need them.`;
      throw new TidegateError('store-unsupported', text, { path: this.#path }, { cause: error });
    }
    await syncFolder(this.#fs, dirname(this.#path));
    return 'created';
  }

  /** Gives the finished file its name, replacing what bears it. */
  async commitReplacing(): Promise<void> {
    await onDisk('replace', this.#path, () => this.#fs.rename(this.temporary, this.#path));
    await syncFolder(this.#fs, dirname(this.#path));
  }

  /** Removes what is left under the temporary name; belongs in every `finally`, and never throws. */
  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await this.#writing.catch(() => undefined);
    await handle?.close().catch(() => undefined);
    await this.#fs.unlink(this.temporary).catch(() => undefined);
  }

  #opened(): FileHandle {
    if (this.#handle === undefined)
      throw new TidegateError('internal', `${this.temporary} is finished already.`);
    return this.#handle;
  }

  /** Hands what was gathered to the disk and hashes it meanwhile; the write itself is awaited by the next one. */
  async #flush(): Promise<void> {
    const handle = this.#opened();
    const chunks = this.#gathered;
    if (chunks.length === 0) return;
    await this.#writing;
    this.#writing = onDisk('write', this.temporary, () => writeAll(handle, chunks, this.#position));
    this.#writing.catch(() => undefined);
    for (const chunk of chunks) this.#hash.update(chunk);
    this.#position += this.#gatheredBytes;
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = [...chunks];
  let at = position;
  while (rest.length > 0) {
    let written = await handle.write(rest, at);
    at += written;
    while (written > 0) {
      const [first, ...others] = rest;
      if (first === undefined) break;
      rest = written < first.byteLength ? [first.subarray(written), ...others] : others;
      written -= Math.min(written, first.byteLength);
    }
  }
}

/** Makes renames, links and new files of a folder survive a loss of power. */
export async function syncFolder(fs: FileSystem, folder: string): Promise<void> {
  const handle = await onDisk('open', folder, () => fs.open(folder, openFlags.linkedFolder));
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems have no such call; there is nothing more to do on them.
    if (!isSystem(error, 'EINVAL')) throw diskError(error, 'sync', folder);
  } finally {
    await handle.close();
  }
}

/** Removes temporary files in a folder whose processes are gone. Best effort; files of other machines are left. */
export async function sweepTemporaries(fs: FileSystem, folder: string): Promise<void> {
  for (const { name, kind } of await onDisk('list', folder, () => fs.entries(folder))) {
    if (kind !== 'file' || !name.startsWith(TEMPORARY_PREFIX)) continue;
    const mark = name.slice(TEMPORARY_PREFIX.length, name.lastIndexOf('-'));
    if (markState(mark) === 'dead') await fs.unlink(join(folder, name)).catch(() => undefined);
  }
}
