/**
 * `pkcs12:`, a PKCS#12 file that is signed with as it is. What locks it is what its maker chose, mostly 2,048 rounds;
 * who copies it guesses cheaply, so that `key import` is the better way where nothing else needs the file.
 */
import { resolve } from 'node:path';
import { readPrivateFile } from './file-source.ts';
import type { FileAddress } from './key-address.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import { checkFormat } from './key-format.ts';
import { readKeyMaterial } from './key-material.ts';
import { type SigningKey, signingKeyOf } from './signing-key.ts';

/** Bytes; a file with a chain of certificates has some thousands. */
const maxLength = 262_144;

/** @throws not-found, key-file-permissions, key-file-invalid, passphrase-wrong, key-unusable, not-a-plain-file */
export async function openPkcs12(address: FileAddress, context: KeyContext): Promise<SigningKey> {
  const path = resolve(context.directory, address.path);
  const { bytes } = await readPrivateFile(path, context, maxLength);
  checkFormat(bytes, ['pkcs12'], path);
  const { privateKey } = await readKeyMaterial(bytes, path, () => secretFor(context, path));
  return signingKeyOf(privateKey, path);
}
