/**
 * Images out of real files: what npm has installed here, packed so that the same files give the same bytes.
 *
 * - `base`: every package of the dependency tree that is the same on all machines.
 * - `extended`: the same, and the TypeScript compiler built for this kind of machine, as an update that adds a program.
 */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type ArchiveEntry, archive } from './ustar.ts';

export interface PackedImage {
  readonly length: number;
  readonly sha256: string;
  readonly files: number;
}

/** What npm writes down about what it installed; only the members that are used here. */
interface Installed {
  readonly packages: Readonly<
    Record<string, { readonly os?: unknown; readonly cpu?: unknown; readonly link?: boolean }>
  >;
}

const compilerPackages = 'node_modules/@typescript/';

/** An image with less in it is not worth the name; Node.js itself then joins, which is above 100 MB. */
const smallest = 50_000_000;

/** The entries of both images, from the folder that holds `node_modules`. */
export function installedEntries(repository: string): Record<'base' | 'extended', readonly ArchiveEntry[]> {
  const list = join(repository, 'node_modules', '.package-lock.json');
  const { packages } = JSON.parse(readFileSync(list, 'utf8')) as Installed;
  const base: ArchiveEntry[] = [];
  const added: ArchiveEntry[] = [];
  for (const [path, { os, cpu, link }] of Object.entries(packages)) {
    if (link === true || !lstatIfAny(join(repository, path))) continue;
    if (os === undefined && cpu === undefined) base.push(...packageEntries(repository, path));
    else if (path.startsWith(compilerPackages)) added.push(...packageEntries(repository, path));
  }
  if (totalLength(base) < smallest) base.push(programEntry());
  return { base, extended: [...base, ...added] };
}

/** Files and links of one package, without the packages nested in it, which npm lists by themselves. */
function packageEntries(repository: string, path: string): readonly ArchiveEntry[] {
  const folder = join(repository, path);
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found.flatMap((entry): readonly ArchiveEntry[] => {
    const source = join(entry.parentPath, entry.name);
    const inside = relative(folder, source).split(sep);
    if (inside[0] === 'node_modules' || inside.includes('.cache')) return [];
    const name = `${path}/${inside.join('/')}`;
    if (entry.isSymbolicLink()) return [{ type: 'link', name, to: readlinkSync(source) }];
    return entry.isFile() ? [fileEntry(name, source)] : [];
  });
}

function fileEntry(name: string, source: string): ArchiveEntry {
  const { size, mode } = lstatSync(source);
  return {
    type: 'file',
    name,
    length: size,
    executable: (mode & 0o100) !== 0,
    read: () => readFileSync(source),
  };
}

function programEntry(): ArchiveEntry {
  return fileEntry('bin/node', process.execPath);
}

function totalLength(entries: readonly ArchiveEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.length : 0), 0);
}

function lstatIfAny(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Bytes that are gathered before they are written: thousands of small files would else be as many writes. */
const gathered = 4 * 1024 * 1024;

/** Writes the archive to a new file. */
export function packImage(entries: readonly ArchiveEntry[], path: string): PackedImage {
  const hash = createHash('sha256');
  const file = openSync(path, 'wx', 0o644);
  let length = 0;
  let waiting: Uint8Array[] = [];
  let waitingLength = 0;
  const flush = (): void => {
    const bytes = Buffer.concat(waiting, waitingLength);
    hash.update(bytes);
    for (let written = 0; written < bytes.byteLength; )
      written += writeSync(file, bytes, written, bytes.byteLength - written);
    length += bytes.byteLength;
    waiting = [];
    waitingLength = 0;
  };
  try {
    for (const chunk of archive(entries)) {
      waiting.push(chunk);
      waitingLength += chunk.byteLength;
      if (waitingLength >= gathered) flush();
    }
    flush();
  } finally {
    closeSync(file);
  }
  return { length, sha256: hash.digest('hex'), files: entries.length };
}
