/**
 * The folder in which everything is made. It is emptied at each start, so it must be certain whose it is:
 *
 * 1. It does not exist, or is empty, or holds the mark that an earlier run left. Anything else is refused.
 * 2. The mark is the first file made and the last one removed.
 * 3. A run that is still alive keeps others out.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TidegateError } from '../../src/errors.ts';

const markName = '.tidegate-demo';
const markText = 'Made by `npm run demo`, which empties this folder when it starts again.';

export interface DemoFolder {
  readonly images: string;
  readonly workspace: string;
  readonly stranger: string;
  readonly hosts: string;
  /** Lets the next run in. */
  finish(): void;
  /** Removes everything that was made, and the folder. */
  remove(): void;
}

/** Folder by folder: where none can be made (below /proc), Node's recursive way tries for ever. @throws disk-error */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (cause) {
    throw new TidegateError(
      'disk-error',
      `${path} cannot be made; choose another --directory`,
      { path },
      { cause },
    );
  }
}

/** @throws workspace-exists for a folder that is not ours, locked while another run is at work */
export function openDemoFolder(path: string): DemoFolder {
  const entries = entriesOf(path);
  if (entries.length > 0) {
    if (!entries.includes(markName)) {
      throw foreign(path, 'files that no demo made');
    }
    refuseRunning(path);
    empty(path);
  }
  makeFolder(path);
  writeMark(path, process.pid);
  const folder = {
    images: join(path, 'images'),
    workspace: join(path, 'workspace'),
    stranger: join(path, 'stranger'),
    hosts: join(path, 'hosts'),
  };
  mkdirSync(folder.images);
  mkdirSync(folder.hosts);
  return {
    ...folder,
    finish: () => writeMark(path, undefined),
    remove: () => {
      empty(path);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function entriesOf(path: string): readonly string[] {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return [];
  if (!status.isDirectory()) throw foreign(path, status.isSymbolicLink() ? 'a link' : 'a file');
  return readdirSync(path);
}

/** Everything but the mark. */
function empty(path: string): void {
  for (const name of readdirSync(path)) {
    if (name !== markName) rmSync(join(path, name), { recursive: true, force: true });
  }
}

function writeMark(path: string, processId: number | undefined): void {
  writeFileSync(
    join(path, markName),
    `${JSON.stringify({ note: markText, ...(processId !== undefined && { processId }) })}\n`,
  );
}

function refuseRunning(path: string): void {
  const id = processIdOf(join(path, markName));
  if (id === undefined || id === process.pid || !isAlive(id)) return;
  throw new TidegateError(
    'locked',
    `${path}: another demo is at work in it (process ${id}); expected none. Choose another --directory.`,
    { path, processId: id },
  );
}

function processIdOf(mark: string): number | undefined {
  try {
    const { processId } = JSON.parse(readFileSync(mark, 'utf8')) as { readonly processId?: unknown };
    return typeof processId === 'number' && Number.isInteger(processId) && processId > 0
      ? processId
      : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function foreign(path: string, found: string): TidegateError {
  return new TidegateError(
    'workspace-exists',
    `${path}: found ${found}; expected a new or empty folder, or that of an earlier demo. Choose another --directory.`,
    { path, found },
  );
}
