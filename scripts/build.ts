/**
 * Compiles src/ into dist/ and makes the commands executable. Nothing else is copied.
 *
 * The compiler writes into a fresh folder beside dist/, which then takes its place: a file that left src/ also
 * leaves dist/, and a failed build leaves the last good one.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const repository = dirname(import.meta.dirname);
const output = join(repository, 'dist');

function compilerPath(): string {
  try {
    const manifest = createRequire(import.meta.url).resolve('typescript/package.json');
    return join(dirname(manifest), 'bin', 'tsc');
  } catch {
    throw new Error('TypeScript is not installed: run `npm ci` without --omit=dev, then `npm run build`');
  }
}

function compileInto(folder: string): void {
  const options = ['-p', join(repository, 'tsconfig.build.json'), '--outDir', folder];
  const result = spawnSync(process.execPath, [compilerPath(), ...options], { stdio: 'inherit' });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error('the compiler found errors; dist/ is as it was');
}

function commandPaths(): readonly string[] {
  const { bin } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
  };
  return Object.values(bin);
}

function replaceOutput(fresh: string): void {
  const old = mkdtempSync(join(repository, '.dist-old-'));
  try {
    renameSync(output, join(old, 'dist'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  renameSync(fresh, output);
  rmSync(old, { recursive: true, force: true });
}

const fresh = mkdtempSync(join(repository, '.dist-new-'));
try {
  compileInto(fresh);
  chmodSync(fresh, 0o755);
  for (const command of commandPaths()) chmodSync(join(fresh, command.replace(/^(\.\/)?dist\//, '')), 0o755);
  replaceOutput(fresh);
} catch (error) {
  rmSync(fresh, { recursive: true, force: true });
  console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
