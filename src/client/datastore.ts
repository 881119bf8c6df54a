/**
 * What a host keeps of a repository, in one folder of its own (mode 0700):
 *
 *     root.json              the newest root that was trusted, for people and other tools; never read as an anchor
 *     roots/7.root           every root after the embedded one: the chain that is walked again at each refresh
 *     timestamp.json, snapshot.json, targets.json, <encoded role>.json     as they were received, byte for byte
 *     manifest.kept          the last manifest that was read; no role's file can have this name
 *     floors.1, floors.2     two copies of the floors (floors-file.ts)
 *     .tidegate-lock/        claims of processes that work here
 *     second-verifier-…/     a private folder of the second verifier while it works
 *
 * 1. The files are hints: each is verified again before it is used, and one that cannot be read or believed is
 *    fetched again, with a note. Only the floors are more than a hint.
 * 2. Every file is replaced durably: temporary file, fsync, rename, fsync of the folder.
 * 3. A folder that cannot be written is an error (disk-error), also when everything could be verified in memory:
 *    the next start would have forgotten what this one has seen.
 * 4. No link is followed (not-a-plain-file). A folder or device in the place of a file is moved aside, a file or
 *    device in the place of a folder is removed.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { isTidegateError } from '../errors.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import { onDisk } from '../storage/disk-error.ts';
import { makeFolder, removeDurably, writeDurably } from '../storage/durable-file.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { acquireLock, type Lock, type LockOptions } from '../storage/lock.ts';
import { readPlainFile, statusIfAny } from '../storage/plain-file.ts';
import { sweepTemporaries, syncFolder } from '../storage/staged-file.ts';
import { RESERVED_PREFIX } from '../storage/store-name.ts';
import type { Notes } from './notes.ts';

const folderMode = 0o700;
const fileMode = 0o600;

export class Datastore {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly #roots: string;
  readonly #lock: string;
  #ready = false;

  constructor(fileSystem: FileSystem, directory: string) {
    this.fileSystem = fileSystem;
    this.directory = resolve(directory);
    this.#roots = join(this.directory, 'roots');
    this.#lock = join(this.directory, `${RESERVED_PREFIX}lock`);
  }

  /** Makes the folder and takes its lock. @throws locked, cancelled, disk-full, disk-error, not-a-plain-file */
  async lock(options: LockOptions): Promise<Lock> {
    await this.#prepare();
    return await acquireLock(this.fileSystem, this.#lock, options);
  }

  async #prepare(): Promise<void> {
    if (this.#ready) return;
    await makeMissing(this.fileSystem, this.directory);
    for (const folder of [this.#roots, this.#lock]) await this.#makeRoom(folder);
    await makeFolder(this.fileSystem, this.#roots, folderMode);
    for (const folder of [this.directory, this.#roots]) await sweepTemporaries(this.fileSystem, folder);
    this.#ready = true;
  }

  /** A root of the stored chain. */
  async readRoot(version: number, limit: number, notes: Notes): Promise<Uint8Array | undefined> {
    return await this.#readHint(this.#rootPath(version), limit, notes);
  }

  async writeRoot(version: number, bytes: Uint8Array): Promise<void> {
    await this.#write(this.#rootPath(version), bytes);
  }

  /** Makes root.json the newest trusted root, unless it is already. */
  async showNewestRoot(bytes: Uint8Array, notes: Notes): Promise<void> {
    const there = await this.readRole('root', bytes.byteLength, notes);
    if (there === undefined || Buffer.compare(there, bytes) !== 0) await this.writeRole('root', bytes);
  }

  /** A role as it was stored; undefined, with a note, when it cannot be read. */
  async readRole(role: string, limit: number, notes: Notes): Promise<Uint8Array | undefined> {
    return await this.#readHint(this.#rolePath(role), limit, notes);
  }

  async writeRole(role: string, bytes: Uint8Array): Promise<void> {
    await this.#write(this.#rolePath(role), bytes);
  }

  async removeRole(role: string): Promise<void> {
    await removeDurably(this.fileSystem, this.#rolePath(role));
  }

  /** The manifest as it was stored; undefined, with a note, when it cannot be read. */
  async readManifest(limit: number, notes: Notes): Promise<Uint8Array | undefined> {
    return await this.#readHint(this.#manifestPath(), limit, notes);
  }

  async writeManifest(bytes: Uint8Array): Promise<void> {
    await this.#write(this.#manifestPath(), bytes);
  }

  /** A copy of the floors; an error of the disk is an error here, because it may hide a floor. */
  async readFloors(copy: 1 | 2, limit: number): Promise<Uint8Array | undefined> {
    return (await readPlainFile(this.fileSystem, this.floorsPath(copy), limit))?.bytes;
  }

  async writeFloors(copy: 1 | 2, bytes: Uint8Array): Promise<void> {
    await this.#write(this.floorsPath(copy), bytes);
  }

  floorsPath(copy: 1 | 2): string {
    return join(this.directory, `floors.${copy}`);
  }

  #rootPath(version: number): string {
    return join(this.#roots, `${version}.root`);
  }

  #rolePath(role: string): string {
    return join(this.directory, metadataFileName(role));
  }

  #manifestPath(): string {
    return join(this.directory, 'manifest.kept');
  }

  async #readHint(path: string, limit: number, notes: Notes): Promise<Uint8Array | undefined> {
    try {
      return (await readPlainFile(this.fileSystem, path, limit, { within: this.directory }))?.bytes;
    } catch (error) {
      // Larger than what is wanted now: an older version, most often.
      if (isTidegateError(error, 'length-limit')) return undefined;
      if (!isTidegateError(error, 'disk-error', 'not-a-plain-file')) throw error;
      if (error.details.found === 'link') throw error;
      notes.add(error.code, `${error.message} It is fetched again.`);
      return undefined;
    }
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#moveAside(path);
    await writeDurably(this.fileSystem, path, bytes, { mode: fileMode, within: this.directory });
  }

  /** By a call that fails on a folder: another process may have just made it, and its lock be in it. */
  async #makeRoom(folder: string): Promise<void> {
    const kind = (await statusIfAny(this.fileSystem, folder))?.kind;
    if (kind === 'file' || kind === 'other') await removeDurably(this.fileSystem, folder);
  }

  async #moveAside(path: string): Promise<void> {
    const kind = (await statusIfAny(this.fileSystem, path))?.kind;
    if (kind !== 'folder' && kind !== 'other') return;
    const aside = join(dirname(path), `moved-aside-${randomBytes(4).toString('hex')}-${basename(path)}.old`);
    await onDisk('move aside', path, () => this.fileSystem.rename(path, aside));
    await syncFolder(this.fileSystem, dirname(path));
  }
}

/** Makes a folder, and those above it, where there is none yet. */
async function makeMissing(fs: FileSystem, folder: string): Promise<void> {
  if ((await statusIfAny(fs, folder)) !== undefined) return;
  await makeMissing(fs, dirname(folder));
  await makeFolder(fs, folder, folderMode);
}
