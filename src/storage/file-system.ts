/**
 * The few calls by which files are touched, as a seam: tests put a disk behind it that fills up, fails, or loses
 * what was not synced. Calls throw the operating system's own errors (`code` ENOENT and so on); the callers turn
 * them into coded ones with `diskError`.
 */
import { type BigIntStats, constants } from 'node:fs';
import * as disk from 'node:fs/promises';

export type FileKind = 'file' | 'folder' | 'link' | 'other';

export interface FileStatus {
  readonly kind: FileKind;
  /** In bytes. */
  readonly length: number;
  /** Permission bits. */
  readonly mode: number;
  readonly owner: number;
  readonly device: bigint;
  readonly inode: bigint;
  /** Nanoseconds since the epoch; of the content, and of content or attributes. */
  readonly modified: bigint;
  readonly changed: bigint;
}

export interface FileEntry {
  readonly name: string;
  readonly kind: FileKind;
}

/** One open file. Positions are absolute; nothing depends on a file pointer. */
export interface FileHandle {
  /** Bytes read into `buffer`, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Bytes written, perhaps fewer than given. */
  write(chunks: readonly Uint8Array[], position: number): Promise<number>;
  status(): Promise<FileStatus>;
  setMode(mode: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** To stable storage. Works on folders too. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface FileSystem {
  /** `flags` are those of `openFlags`, or of node:fs `constants`. */
  open(path: string, flags: number, mode?: number): Promise<FileHandle>;
  /** Does not follow a link. */
  status(path: string): Promise<FileStatus>;
  realPath(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** A second name; fails with EEXIST when the name is taken. */
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeFolder(path: string, mode: number): Promise<void>;
  removeFolder(path: string): Promise<void>;
  entries(path: string): Promise<FileEntry[]>;
  /** Bytes that an unprivileged writer may still use. */
  freeSpace(path: string): Promise<number>;
}

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;

/** Never follows a link in the last place, never hangs on a pipe, never opens what it did not make. */
export const openFlags = {
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  create: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
  update: O_RDWR | O_NOFOLLOW | O_NONBLOCK,
  folder: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
  /** For a sync alone: the folder in which the caller wants his file may be a link of his. */
  linkedFolder: O_RDONLY | O_DIRECTORY,
} as const;

/** The disk. */
export const nodeFileSystem: FileSystem = {
  open: async (path, flags, mode) => handleOf(await disk.open(path, flags, mode)),
  status: async (path) => statusOf(await disk.lstat(path, { bigint: true })),
  realPath: (path) => disk.realpath(path),
  rename: (from, to) => disk.rename(from, to),
  link: (existing, path) => disk.link(existing, path),
  unlink: (path) => disk.unlink(path),
  makeFolder: async (path, mode) => {
    await disk.mkdir(path, { mode });
  },
  removeFolder: (path) => disk.rmdir(path),
  entries: async (path) =>
    (await disk.readdir(path, { withFileTypes: true })).map((entry) => ({
      name: entry.name,
      kind: kindOf(entry),
    })),
  freeSpace: async (path) => {
    const { bavail, bsize } = await disk.statfs(path, { bigint: true });
    return Number(bavail * bsize);
  },
};

function handleOf(handle: disk.FileHandle): FileHandle {
  return {
    read: async (buffer, position) => (await handle.read(buffer, 0, buffer.byteLength, position)).bytesRead,
    write: async (chunks, position) => {
      const [only] = chunks;
      if (chunks.length === 1 && only !== undefined) {
        return (await handle.write(only, 0, only.byteLength, position)).bytesWritten;
      }
      return (await handle.writev([...chunks], position)).bytesWritten;
    },
    status: async () => statusOf(await handle.stat({ bigint: true })),
    setMode: (mode) => handle.chmod(mode),
    truncate: (length) => handle.truncate(length),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

function statusOf(stats: BigIntStats): FileStatus {
  return {
    kind: kindOf(stats),
    length: Number(stats.size),
    mode: Number(stats.mode) & 0o7777,
    owner: Number(stats.uid),
    device: stats.dev,
    inode: stats.ino,
    modified: stats.mtimeNs,
    changed: stats.ctimeNs,
  };
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }): FileKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  return entry.isSymbolicLink() ? 'link' : 'other';
}
