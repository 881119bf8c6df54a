/**
 * Reading a passphrase from a file or an open descriptor: the first line, of a length that can be one. A link is
 * followed, for that is how clusters mount secrets; what others could read is refused.
 */
import { close, fstat, open, read, type Stats } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TidegateError } from '../errors.ts';

/** Bytes; longer is no passphrase. */
const maxLength = 4096;

/** @throws usage when there is none, key-file-permissions when others could read it */
export async function readPassphraseFile(path: string): Promise<Uint8Array> {
  const descriptor = await attempt(path, () => promisify(open)(path, 'r'));
  try {
    const { mode } = await attempt<Stats>(path, () => promisify(fstat)(descriptor));
    if ((mode & 0o077) !== 0) {
      throw new TidegateError(
        'key-file-permissions',
        `${path}: mode ${(mode & 0o777).toString(8)} lets others read the passphrase; expected 600`,
      );
    }
    return firstLine(await readAll(descriptor, path), path);
  } finally {
    await promisify(close)(descriptor);
  }
}

/** @throws usage for what is no open descriptor, or has no passphrase in it */
export async function readPassphraseDescriptor(text: string, option: string): Promise<Uint8Array> {
  const descriptor = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (descriptor === undefined)
    throw new TidegateError('usage', `${option}: expected the number of an open descriptor`);
  return firstLine(
    await readAll(descriptor, `${option}: descriptor ${descriptor}`),
    `descriptor ${descriptor}`,
  );
}

async function readAll(descriptor: number, source: string): Promise<Uint8Array> {
  const buffer = Buffer.alloc(maxLength + 1);
  for (let length = 0; ; ) {
    const bytesRead = await attempt(source, () => readSome(descriptor, buffer.subarray(length)));
    length += bytesRead;
    if (bytesRead === 0) return buffer.subarray(0, length);
    if (length > maxLength) {
      buffer.fill(0);
      throw new TidegateError('usage', `${source} holds no passphrase: more than ${maxLength} bytes`);
    }
  }
}

/** Milliseconds. */
const lookAgainAfter = 20;

/**
 * The position is the descriptor's own: a pipe has no other. A pipe on standard input does not wait for the program that
 * fills it, since loading node:process, as libraries do, sets it so.
 */
async function readSome(descriptor: number, into: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return (await promisify(read)(descriptor, into, 0, into.length, null)).bytesRead;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
      await setTimeout(lookAgainAfter);
    }
  }
}

async function attempt<T>(source: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    const text = `passphrase: ${source} cannot be read`;
    throw new TidegateError('usage', text, { source }, { cause });
  }
}

function firstLine(bytes: Uint8Array, source: string): Uint8Array {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  if (line.length === 0)
    throw new TidegateError('usage', `${source}: the first line is empty, expected a passphrase`);
  return line;
}
