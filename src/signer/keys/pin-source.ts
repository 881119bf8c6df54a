/** Where the PIN of a token comes from: the file that the address names, else the ways of passphrases. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import { checkPrivate } from './key-permissions.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import type { PinSource } from './pkcs11-token.ts';

/** No PIN is as long. */
const maxPinFileLength = 4096;

export function tokenPinSource({ pinSource }: Pkcs11Address, context: KeyContext, where: string): PinSource {
  if (pinSource === undefined) return { isFile: false, read: () => secretFor(context, where, 'PIN') };
  return { isFile: true, read: () => readPinFile(resolve(context.directory, pinSource), context) };
}

/**
 * The first line of a file that nobody else can read.
 *
 * @throws not-found, key-file-permissions, key-file-invalid, not-a-plain-file, length-limit
 */
async function readPinFile(path: string, { fileSystem }: KeyContext): Promise<Uint8Array> {
  const file = await readPlainFile(fileSystem, path, maxPinFileLength);
  if (file === undefined)
    throw new TidegateError('not-found', `${path} does not exist, expected a file with a PIN`, { path });
  checkPrivate(file.status, path);
  const end = file.bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  // A copy: a slice of a buffer would be wiped with it.
  const pin = Uint8Array.from(file.bytes.subarray(0, end < 0 ? file.bytes.length : end));
  file.bytes.fill(0);
  if (pin.length > 0) return pin;
  throw new TidegateError('key-file-invalid', `${path}: the first line is empty, expected a PIN`, { path });
}
