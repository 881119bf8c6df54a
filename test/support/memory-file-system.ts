/**
 * A disk in memory that knows what has reached it: bytes count as kept once their file was synced, names once their
 * folder was. `powerCut` gives the disk that is found afterwards.
 */
import { constants } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FileHandle, FileKind, FileStatus, FileSystem } from '../../src/storage/file-system.ts';

interface Inode {
  readonly number: bigint;
  readonly kind: FileKind;
  bytes: Uint8Array;
  kept: Uint8Array;
  mode: number;
  time: bigint;
  /** Of a link. */
  readonly goal: string;
  /** Of a folder: what is there now, and what a cut would leave. */
  names: Map<string, Inode>;
  keptNames: Map<string, Inode>;
}

/** What a cut leaves of that which was not synced: a disk may have written either on its own, in any order. */
export interface PowerCut {
  readonly unsyncedBytes: 'lost' | 'kept';
  readonly unsyncedNames: 'lost' | 'kept';
}

export const powerCuts: readonly PowerCut[] = [
  { unsyncedBytes: 'lost', unsyncedNames: 'lost' },
  { unsyncedBytes: 'lost', unsyncedNames: 'kept' },
  { unsyncedBytes: 'kept', unsyncedNames: 'lost' },
  { unsyncedBytes: 'kept', unsyncedNames: 'kept' },
];

/** An error as the operating system's calls throw it. */
export function systemError(code: string, call: string, path: string): Error & { readonly code: string } {
  return Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
}

export class MemoryFileSystem implements FileSystem {
  free = Number.MAX_SAFE_INTEGER;
  /** Names that this function makes equal are the same name, as on a file system that folds case. */
  fold: (name: string) => string = (name) => name;
  hardLinks = true;
  readonly #root: Inode;
  #ticks = 1n;
  #open = 0;

  constructor(root?: Inode) {
    this.#root = root ?? this.#make('folder', 0o755);
  }

  /** Handles not closed yet. */
  get openHandles(): number {
    return this.#open;
  }

  /** The disk after a loss of power now. This one stays as it is. */
  powerCut(cut: PowerCut): MemoryFileSystem {
    const done = new Map<Inode, Inode>();
    const survive = (inode: Inode): Inode => {
      const known = done.get(inode);
      if (known !== undefined) return known;
      const bytes = cut.unsyncedBytes === 'kept' ? inode.bytes : inode.kept;
      const copy: Inode = {
        ...inode,
        bytes: bytes.slice(),
        kept: bytes.slice(),
        names: new Map(),
        keptNames: new Map(),
      };
      done.set(inode, copy);
      for (const [name, child] of cut.unsyncedNames === 'kept' ? inode.names : inode.keptNames) {
        copy.names.set(name, survive(child));
      }
      copy.keptNames = new Map(copy.names);
      return copy;
    };
    const after = new MemoryFileSystem(survive(this.#root));
    after.#ticks = this.#ticks + 1000n;
    return after;
  }

  /** Makes a symbolic link, as an attacker would. */
  symlink(goal: string, path: string): void {
    const link = this.#make('link', 0o777, goal);
    this.#names(path, 'symlink').set(this.#last(path), link);
  }

  async open(path: string, flags: number, mode = 0o666): Promise<FileHandle> {
    const names = this.#names(path, 'open');
    const name = this.#last(path);
    let inode = path === '/' ? this.#root : names.get(name);
    if (inode !== undefined && flags & constants.O_EXCL) throw systemError('EEXIST', 'open', path);
    if (inode === undefined) {
      if (!(flags & constants.O_CREAT)) throw systemError('ENOENT', 'open', path);
      inode = this.#make('file', mode);
      names.set(name, inode);
    }
    if (inode.kind === 'link') throw systemError('ELOOP', 'open', path);
    if (inode.kind !== 'folder' && flags & constants.O_DIRECTORY) throw systemError('ENOTDIR', 'open', path);
    const writes = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
    if (inode.kind === 'folder' && writes) throw systemError('EISDIR', 'open', path);
    this.#open += 1;
    return this.#handle(inode, path, writes);
  }

  async status(path: string): Promise<FileStatus> {
    return this.#statusOf(this.#find(path, 'lstat'));
  }

  async realPath(path: string): Promise<string> {
    const inode = this.#find(path, 'realpath');
    return inode.kind === 'link' ? await this.realPath(resolve(dirname(path), inode.goal)) : resolve(path);
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#find(from, 'rename');
    if (this.#names(to, 'rename').get(this.#last(to))?.kind === 'folder')
      throw systemError('EISDIR', 'rename', to);
    this.#names(from, 'rename').delete(this.#last(from));
    this.#names(to, 'rename').set(this.#last(to), inode);
    this.#touch(inode);
  }

  async link(existing: string, path: string): Promise<void> {
    if (!this.hardLinks) throw systemError('EPERM', 'link', path);
    const inode = this.#find(existing, 'link');
    if (this.#names(path, 'link').has(this.#last(path))) throw systemError('EEXIST', 'link', path);
    this.#names(path, 'link').set(this.#last(path), inode);
    this.#touch(inode);
  }

  async unlink(path: string): Promise<void> {
    if (this.#find(path, 'unlink').kind === 'folder') throw systemError('EISDIR', 'unlink', path);
    this.#names(path, 'unlink').delete(this.#last(path));
  }

  async makeFolder(path: string, mode: number): Promise<void> {
    if (path === '/' || this.#names(path, 'mkdir').has(this.#last(path)))
      throw systemError('EEXIST', 'mkdir', path);
    this.#names(path, 'mkdir').set(this.#last(path), this.#make('folder', mode));
  }

  async removeFolder(path: string): Promise<void> {
    const inode = this.#find(path, 'rmdir');
    if (inode.kind !== 'folder') throw systemError('ENOTDIR', 'rmdir', path);
    if (inode.names.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
    this.#names(path, 'rmdir').delete(this.#last(path));
  }

  async entries(path: string): Promise<{ name: string; kind: FileKind }[]> {
    const inode = this.#find(path, 'scandir');
    if (inode.kind !== 'folder') throw systemError('ENOTDIR', 'scandir', path);
    return [...inode.names].map(([name, { kind }]) => ({ name, kind }));
  }

  async freeSpace(path: string): Promise<number> {
    this.#find(path, 'statfs');
    return this.free;
  }

  #handle(inode: Inode, path: string, writes: boolean): FileHandle {
    let closed = false;
    const usable = (call: string): void => {
      if (closed) throw systemError('EBADF', call, path);
    };
    return {
      read: async (buffer, position) => {
        usable('read');
        if (inode.kind === 'folder') throw systemError('EISDIR', 'read', path);
        const bytes = inode.bytes.subarray(position, position + buffer.byteLength);
        buffer.set(bytes);
        return bytes.byteLength;
      },
      write: async (chunks, position) => {
        usable('write');
        if (!writes) throw systemError('EBADF', 'write', path);
        const bytes = Buffer.concat(chunks);
        if (bytes.byteLength > this.free) throw systemError('ENOSPC', 'write', path);
        this.free -= bytes.byteLength;
        const grown = new Uint8Array(Math.max(inode.bytes.byteLength, position + bytes.byteLength));
        grown.set(inode.bytes);
        grown.set(bytes, position);
        inode.bytes = grown;
        this.#touch(inode);
        return bytes.byteLength;
      },
      status: async () => this.#statusOf(inode),
      setMode: async (mode) => {
        usable('fchmod');
        inode.mode = mode;
      },
      truncate: async (length) => {
        usable('ftruncate');
        const cut = new Uint8Array(length);
        cut.set(inode.bytes.subarray(0, length));
        inode.bytes = cut;
        this.#touch(inode);
      },
      sync: async () => {
        usable('fsync');
        inode.kept = inode.bytes.slice();
        inode.keptNames = new Map(inode.names);
      },
      close: async () => {
        usable('close');
        closed = true;
        this.#open -= 1;
      },
    };
  }

  #make(kind: FileKind, mode: number, goal = ''): Inode {
    this.#ticks += 1n;
    const empty = new Uint8Array();
    const number = this.#ticks;
    const names = new Map<string, Inode>();
    return { number, kind, bytes: empty, kept: empty, mode, time: number, goal, names, keptNames: new Map() };
  }

  #touch(inode: Inode): void {
    this.#ticks += 1n;
    inode.time = this.#ticks;
  }

  #statusOf({ number, kind, bytes, mode, time }: Inode): FileStatus {
    const length = bytes.byteLength;
    return {
      kind,
      length,
      mode,
      owner: process.getuid?.() ?? 0,
      device: 1n,
      inode: number,
      modified: time,
      changed: time,
    };
  }

  #last(path: string): string {
    return this.fold(resolve(path).split('/').at(-1) ?? '');
  }

  #find(path: string, call: string): Inode {
    if (resolve(path) === '/') return this.#root;
    const inode = this.#names(path, call).get(this.#last(path));
    if (inode === undefined) throw systemError('ENOENT', call, path);
    return inode;
  }

  /** The folder that holds a path; links on the way are followed, as the operating system would. */
  #names(path: string, call: string, depth = 0): Map<string, Inode> {
    let at = this.#root;
    let above = '/';
    for (const segment of resolve(path).split('/').slice(1, -1)) {
      const next = at.names.get(this.fold(segment));
      if (next === undefined) throw systemError('ENOENT', call, path);
      if (depth > 8) throw systemError('ELOOP', call, path);
      const goal = resolve(above, next.goal);
      const below = next.kind === 'link' ? this.#names(goal, call, depth + 1).get(this.#last(goal)) : next;
      if (below === undefined) throw systemError('ENOENT', call, path);
      if (below.kind !== 'folder') throw systemError('ENOTDIR', call, path);
      above = resolve(above, segment);
      at = below;
    }
    return at.names;
  }
}
