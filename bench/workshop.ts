/** The place of a run: a temporary folder, the compiled code in it, and data files; removed at the end. */
import { spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const repository = dirname(import.meta.dirname);

export interface Workshop {
  readonly folder: string;
  /** The compiled script of a case. */
  script(name: string): string;
  close(): void;
}

/**
 * Compiles what the cases run: hosts run JavaScript, and stripping the types from the source would count as our memory
 * and time.
 */
export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-'));
  const compiled = join(folder, 'compiled');
  try {
    const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
    const compiler = join(dirname(manifest), 'bin', 'tsc');
    const options = ['-p', join(repository, 'bench', 'tsconfig.json'), '--outDir', compiled];
    const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`The benchmarks do not compile:\n${stdout}`);
    writeFileSync(join(compiled, 'package.json'), '{ "type": "module" }\n');
    for (const name of ['node_modules', 'repo-templates'])
      symlinkSync(join(repository, name), join(compiled, name));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    folder,
    script: (name) => join(compiled, 'bench', 'cases', `${name}.js`),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @throws when the folder has less free space than this many bytes */
export function requireSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= bytes) return;
  throw new Error(`${folder} has ${bavail * bsize} bytes free; this benchmark needs ${bytes}. Set TMPDIR.`);
}

const pieceLength = 4 * 1024 * 1024;

/** Writes a file that does not compress, and says its SHA-256. */
export function writeRandomFile(path: string, length: number): string {
  const piece = randomFillSync(Buffer.alloc(pieceLength));
  const hash = createHash('sha256');
  const file = openSync(path, 'wx');
  try {
    for (let written = 0; written < length; ) {
      piece.writeUInt32LE(written / pieceLength);
      const part = piece.subarray(0, Math.min(pieceLength, length - written));
      hash.update(part);
      written += writeSync(file, part);
    }
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** Where a program lies, or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
