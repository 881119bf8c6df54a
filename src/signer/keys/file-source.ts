/** `file:`, a key file of ours. It is encrypted, belongs to who signs, and nobody else may read it. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import type { FileAddress } from './key-address.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import { maxKeyFileLength, openKeyFile, parseKeyFile } from './key-file.ts';
import { checkFormat } from './key-format.ts';
import { checkPrivate } from './key-permissions.ts';
import type { SigningKey } from './signing-key.ts';

/** @throws not-found, key-file-permissions, key-file-invalid, passphrase-wrong, not-a-plain-file, length-limit */
export async function openFile(address: FileAddress, context: KeyContext): Promise<SigningKey> {
  const path = resolve(context.directory, address.path);
  const { bytes } = await readPrivateFile(path, context, maxKeyFileLength);
  try {
    checkFormat(bytes, ['key-file'], path);
    const file = parseKeyFile(bytes, path);
    // Before anybody is asked for a passphrase.
    if (context.keyId !== undefined && file.keyId !== context.keyId) {
      const text = `${path} is not the private half of ${context.name ?? 'this key'}.pub`;
      throw new TidegateError('key-file-invalid', text, { path });
    }
    return await openKeyFile(file, () => secretFor(context, path));
  } finally {
    bytes.fill(0);
  }
}

/** A file that is there and private. */
export async function readPrivateFile(
  path: string,
  { fileSystem }: Pick<KeyContext, 'fileSystem'>,
  limit: number,
): Promise<{ readonly bytes: Uint8Array }> {
  const file = await readPlainFile(fileSystem, path, limit);
  if (file === undefined)
    throw new TidegateError('not-found', `${path} does not exist, expected a private key`, { path });
  checkPrivate(file.status, path);
  return file;
}
