/**
 * The folder under a directory store: found or made once, checked once, and everything below it without links.
 * The path that the operator gives may lead through links; it is resolved once and stays what it was then.
 */
import { basename, dirname, join, resolve } from 'node:path';
import { requireDistinctNames } from './directory-names.ts';
import { diskError, isSystem, onDisk } from './disk-error.ts';
import { makeFolder, makeFolders } from './durable-file.ts';
import type { FileSystem } from './file-system.ts';
import { arePlainFolders, foldersBelow, notPlain } from './plain-file.ts';
import { sweepTemporaries } from './staged-file.ts';

/** Published files are for everyone to read: the server seldom runs as the publisher. */
const FOLDER_MODE = 0o755;

export class DirectoryRoot {
  readonly #fs: FileSystem;
  readonly #given: string;
  #real: string | undefined;
  /** Folders that this process has made durable and swept. */
  readonly #ready = new Set<string>();

  constructor(fs: FileSystem, path: string) {
    this.#fs = fs;
    this.#given = resolve(path);
  }

  /** The real path of the root; undefined when there is none yet. Code not-a-plain-file when it is no folder. */
  async find(): Promise<string | undefined> {
    this.#real ??= await this.#resolve(this.#given);
    return this.#real;
  }

  /**
   * The path of a name that is about to be written: root and folders are there, durable, free of links and of what
   * dead processes left. Codes store-unsupported, not-a-plain-file, disk-full, disk-error.
   */
  async prepare(name: string): Promise<string> {
    const root = (await this.find()) ?? (await this.#make(this.#given));
    this.#real = root;
    if (!this.#ready.has(root)) {
      await requireDistinctNames(this.#fs, root);
      await this.#sweep(root);
    }
    const path = join(root, ...name.split('/'));
    const complete = await arePlainFolders(this.#fs, path, { within: root });
    if (!complete || !this.#ready.has(dirname(path))) {
      await makeFolders(this.#fs, path, { within: root, mode: FOLDER_MODE });
      for (const folder of foldersBelow(root, path)) await this.#sweep(folder);
    }
    return path;
  }

  async #sweep(folder: string): Promise<void> {
    if (this.#ready.has(folder)) return;
    await sweepTemporaries(this.#fs, folder);
    this.#ready.add(folder);
  }

  async #resolve(path: string): Promise<string | undefined> {
    try {
      const real = await this.#fs.realPath(path);
      const { kind } = await this.#fs.status(real);
      if (kind !== 'folder') throw notPlain(path, kind, 'folder');
      return real;
    } catch (error) {
      if (isSystem(error, 'ENOENT')) return undefined;
      throw diskError(error, 'look at', path);
    }
  }

  /** Makes the root and what is missing above it. */
  async #make(path: string): Promise<string> {
    const parent = (await this.#resolve(dirname(path))) ?? (await this.#make(dirname(path)));
    const made = join(parent, basename(path));
    await makeFolder(this.#fs, made, FOLDER_MODE);
    return await onDisk('look at', made, () => this.#fs.realPath(made));
  }
}
