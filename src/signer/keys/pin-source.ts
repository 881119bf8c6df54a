/**
 * Where the PIN of a token comes from: the file or the open descriptor that the address names, else the ways of
 * passphrases. A descriptor can be read once, so what it gave is kept for as long as its key.
 */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { readDescriptor } from './descriptor-source.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import { checkPrivate } from './key-permissions.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import type { PinSource } from './pkcs11-token.ts';

/** No PIN is as long. */
const maxPinFileLength = 4096;

export function tokenPinSource({ pinSource }: Pkcs11Address, context: KeyContext, where: string): PinSource {
  if (pinSource === undefined) return { isFile: false, read: () => secretFor(context, where, 'PIN') };
  const descriptor = /^fd:(\d{1,5})$/.exec(pinSource)?.[1];
  if (descriptor === undefined)
    return { isFile: true, read: () => readPinFile(resolve(context.directory, pinSource), context) };
  let known: Promise<Uint8Array> | undefined;
  const read = async (): Promise<Uint8Array> => {
    known ??= readPinDescriptor(Number(descriptor), context);
    return Uint8Array.from(await known);
  };
  return { isFile: true, read };
}

/** @throws not-found, key-file-permissions, key-file-invalid, not-a-plain-file, length-limit */
async function readPinFile(path: string, { fileSystem }: KeyContext): Promise<Uint8Array> {
  const file = await readPlainFile(fileSystem, path, maxPinFileLength);
  if (file === undefined)
    throw new TidegateError('not-found', `${path} does not exist, expected a file with a PIN`, { path });
  checkPrivate(file.status, path);
  return firstLine(file.bytes, path);
}

/** @throws key-file-invalid, key-file-permissions, length-limit, too-slow, cancelled */
async function readPinDescriptor(descriptor: number, { signal }: KeyContext): Promise<Uint8Array> {
  const path = `pin-source=fd:${descriptor}`;
  return firstLine(await readDescriptor(descriptor, path, signal), path);
}

/** A copy of the first line; the rest is wiped. */
function firstLine(bytes: Uint8Array, path: string): Uint8Array {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  // A slice of a buffer would share its bytes, and be wiped with it.
  const pin = Uint8Array.from(bytes.subarray(0, end < 0 ? bytes.length : end));
  bytes.fill(0);
  if (pin.length > 0) return pin;
  throw new TidegateError('key-file-invalid', `${path}: the first line is empty, expected a PIN`, { path });
}
