/** Pipes with something in them, as a shell gives them to a program. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A named pipe at `path`, as somebody may put one in the place of a file. */
export function makePipe(path: string): void {
  execFileSync('mkfifo', [path]);
}

/**
 * The descriptor of a pipe that holds the bytes (64 KiB at most) and then ends, or stays open without an end. Whoever
 * reads it closes it.
 */
export function pipeHolding(bytes: Uint8Array, { ends = true } = {}): { descriptor: number; end(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-pipe-'));
  const path = join(folder, 'pipe');
  makePipe(path);
  // In this order neither end waits for the other.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  writeSync(writer, bytes);
  if (ends) closeSync(writer);
  rmSync(folder, { recursive: true });
  return { descriptor, end: () => (ends ? undefined : closeSync(writer)) };
}
