/**
 * A file system that counts its calls, dies at one of them, or lets one of them fail. Record a good run, then run
 * again once for every call: `everyCut` and `everyFailure` do both.
 *
 * After a cut every call fails, as for a process that is no more, so that clean-up code cannot help. What is found
 * on the disk afterwards is what the wrapped file system holds, or its `powerCut`.
 */
import type { FileHandle, FileSystem } from '../../src/storage/file-system.ts';
import { systemError } from './memory-file-system.ts';

/** Thrown by every call from the cut on. No code catches it by its kind. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

export interface ReplayCall {
  /** Of `FileSystem` or, with a dot, of a handle: `open`, `handle.sync`. */
  readonly call: string;
  readonly path: string;
}

export interface Replay {
  /** Index of the call at which the process dies. */
  readonly cut?: number;
  /** Whether that call still happened. */
  readonly after?: boolean;
  /** Index of the call that fails, once, with this code of the operating system. */
  readonly failure?: { readonly index: number; readonly code: string };
}

export class FileSystemReplay implements FileSystem {
  readonly calls: ReplayCall[] = [];
  readonly #inner: FileSystem;
  readonly #replay: Replay;
  #dead = false;

  constructor(inner: FileSystem, replay: Replay = {}) {
    this.#inner = inner;
    this.#replay = replay;
  }

  open = async (path: string, flags: number, mode?: number): Promise<FileHandle> =>
    this.#wrap(await this.#step('open', path, () => this.#inner.open(path, flags, mode)), path);
  status = (path: string) => this.#step('status', path, () => this.#inner.status(path));
  realPath = (path: string) => this.#step('realPath', path, () => this.#inner.realPath(path));
  rename = (from: string, to: string) => this.#step('rename', to, () => this.#inner.rename(from, to));
  link = (existing: string, path: string) => this.#step('link', path, () => this.#inner.link(existing, path));
  unlink = (path: string) => this.#step('unlink', path, () => this.#inner.unlink(path));
  makeFolder = (path: string, mode: number) =>
    this.#step('makeFolder', path, () => this.#inner.makeFolder(path, mode));
  removeFolder = (path: string) => this.#step('removeFolder', path, () => this.#inner.removeFolder(path));
  entries = (path: string) => this.#step('entries', path, () => this.#inner.entries(path));
  freeSpace = (path: string) => this.#step('freeSpace', path, () => this.#inner.freeSpace(path));

  #wrap(handle: FileHandle, path: string): FileHandle {
    return {
      read: (buffer, position) => this.#step('handle.read', path, () => handle.read(buffer, position)),
      write: (chunks, position) => this.#step('handle.write', path, () => handle.write(chunks, position)),
      status: () => this.#step('handle.status', path, () => handle.status()),
      setMode: (mode) => this.#step('handle.setMode', path, () => handle.setMode(mode)),
      truncate: (length) => this.#step('handle.truncate', path, () => handle.truncate(length)),
      sync: () => this.#step('handle.sync', path, () => handle.sync()),
      // The operating system closes what a dead process leaves open, and closing is no step that can be lost.
      close: () => handle.close(),
    };
  }

  async #step<T>(call: string, path: string, step: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new ProcessDied(`${call} ${path}`);
    const index = this.calls.push({ call, path }) - 1;
    const { cut, after = false, failure } = this.#replay;
    if (failure?.index === index) throw systemError(failure.code, call, path);
    if (cut !== index) return await step();
    if (after) {
      const result = await step().catch(() => undefined);
      await closeIfHandle(result);
    }
    this.#dead = true;
    throw new ProcessDied(`${call} ${path}`);
  }
}

async function closeIfHandle(result: unknown): Promise<void> {
  if (typeof result !== 'object' || result === null || !('close' in result)) return;
  if (typeof result.close === 'function') await result.close();
}

/** One disk, one piece of work on it. */
export interface ReplayScene<D extends FileSystem> {
  /** A disk as it is before the work. */
  prepare(): Promise<D>;
  work(fs: FileSystem): Promise<unknown>;
}

/** Runs the work cut before and after every one of its calls, and shows the disk each time. */
export async function everyCut<D extends FileSystem>(
  { prepare, work }: ReplayScene<D>,
  check: (disk: D, where: string) => Promise<void>,
): Promise<number> {
  const calls = await record({ prepare, work });
  for (const [index, { call, path }] of calls.entries()) {
    for (const after of [false, true]) {
      const disk = await prepare();
      const error = await failureOf(work(new FileSystemReplay(disk, { cut: index, after })));
      const where = `cut ${after ? 'after' : 'before'} call ${index}: ${call} ${path}`;
      // Work may end well without its last calls, those that only tidy up.
      if (error !== undefined && !isDeath(error)) throw new Error(`${where}: other error`, { cause: error });
      await check(disk, where);
    }
  }
  return calls.length;
}

/** Runs the work with every one of its calls failing once, and shows the disk and how the work ended. */
export async function everyFailure<D extends FileSystem>(
  { prepare, work }: ReplayScene<D>,
  code: string,
  check: (disk: D, error: unknown, where: string) => Promise<void>,
): Promise<number> {
  const calls = await record({ prepare, work });
  for (const [index, { call, path }] of calls.entries()) {
    const disk = await prepare();
    const error = await failureOf(work(new FileSystemReplay(disk, { failure: { index, code } })));
    await check(disk, error, `${code} at call ${index}: ${call} ${path}`);
  }
  return calls.length;
}

async function record<D extends FileSystem>({
  prepare,
  work,
}: ReplayScene<D>): Promise<readonly ReplayCall[]> {
  const fs = new FileSystemReplay(await prepare());
  await work(fs);
  return fs.calls;
}

function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function isDeath(error: unknown): boolean {
  return error instanceof ProcessDied || (error instanceof Error && isDeath(error.cause));
}
