/**
 * `fd:N`, a private key from an open descriptor: `tidegate … --key fd:3 3< <(secret-manager get release-key)`. The key
 * touches no disk and no other process sees it.
 *
 * A pipe is read to its end, a plain file from its beginning; the file must be private like every other, unless it has
 * no name any more (nobody else can open it then). Nothing waits for ever: a descriptor that stalls is given up.
 */
import { close, fstat, read, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { TidegateError } from '../../errors.ts';
import type { DescriptorAddress } from './key-address.ts';
import type { KeyContext } from './key-context.ts';
import { maxMaterialLength, openKeyMaterial } from './key-material.ts';
import { checkPrivate } from './key-permissions.ts';
import type { SigningKey } from './signing-key.ts';

/** Milliseconds without a byte. A person may have to confirm at the program that gives the key. */
const stallLimit = 120_000;

/** @throws key-file-invalid, key-file-permissions, passphrase-wrong, key-unusable, length-limit, too-slow, cancelled */
export async function openDescriptor(
  { descriptor }: DescriptorAddress,
  context: KeyContext,
  stall = stallLimit,
): Promise<SigningKey> {
  const path = `fd:${descriptor}`;
  const bytes = await readDescriptor(descriptor, path, context.signal, stall);
  try {
    return await openKeyMaterial(bytes, path, context);
  } finally {
    bytes.fill(0);
  }
}

/** All bytes of an open pipe or private file. */
export async function readDescriptor(
  descriptor: number,
  path: string,
  signal: AbortSignal | undefined,
  stall = stallLimit,
): Promise<Buffer> {
  let status: Stats;
  try {
    status = await promisify(fstat)(descriptor);
  } catch (cause) {
    const text = `${path} is not open, expected a private key; in a shell: 3< FILE, or 3< <(COMMAND)`;
    throw new TidegateError('key-file-invalid', text, { path }, { cause });
  }
  if (status.isFile()) return await readFile(descriptor, status, path);
  if (status.isFIFO() || status.isSocket()) return await readPipe(descriptor, path, signal, stall);
  throw new TidegateError('key-file-invalid', `${path} is neither file nor pipe, expected a private key`, {
    path,
  });
}

async function readFile(descriptor: number, { nlink, mode, uid }: Stats, path: string): Promise<Buffer> {
  if (nlink > 0) checkPrivate({ mode, owner: uid }, path);
  const buffer = Buffer.alloc(maxMaterialLength + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await promisify(read)(descriptor, buffer, length, buffer.length - length, length);
    length += bytesRead;
    if (length > maxMaterialLength) throw tooLong(path);
    if (bytesRead === 0) {
      await promisify(close)(descriptor);
      return buffer.subarray(0, length);
    }
  }
}

/** The socket owns the descriptor from here on, and closes it. */
async function readPipe(
  descriptor: number,
  path: string,
  signal: AbortSignal | undefined,
  stall: number,
): Promise<Buffer> {
  signal?.throwIfAborted();
  const socket = new Socket({ fd: descriptor, readable: true, writable: false });
  const abort = (): void => {
    socket.destroy(signal?.reason);
  };
  signal?.addEventListener('abort', abort, { once: true });
  socket.setTimeout(stall, () =>
    socket.destroy(new TidegateError('too-slow', `${path} gave nothing for ${stall / 1000} s`, { path })),
  );
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of socket) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxMaterialLength) throw tooLong(path);
    }
    return Buffer.concat(chunks);
  } finally {
    for (const chunk of chunks) chunk.fill(0);
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

function tooLong(path: string): TidegateError {
  const text = `${path} holds more than ${maxMaterialLength} bytes, which is no private key`;
  return new TidegateError('length-limit', text, { path, limit: maxMaterialLength });
}
