/**
 * Private keys for other programs, in exactly the forms that those load.
 *
 * 1. The file is new, its owner's alone, and never inside a folder under version control when it is not encrypted.
 * 2. An unencrypted form is written only to whom asks for that in words.
 */
import type { KeyObject } from 'node:crypto';
import { dirname, join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { createDurably } from '../../storage/durable-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import { sweepTemporaries } from '../../storage/staged-file.ts';
import { ed25519Version2, encryptedPkcs8Pem } from './pkcs8-writer.ts';
import { publicHalfOf } from './signing-key.ts';

/** For whom: tuftool reads no encrypted file and, but for RSA, no PEM; `pem` is PKCS#8 for OpenSSL and the rest. */
export const exportForms = ['tuftool', 'pem'] as const;
export type ExportForm = (typeof exportForms)[number];

export interface ExportOptions {
  readonly form: ExportForm;
  /** Locks the file. Without one `unencrypted` must be true. */
  readonly passphrase?: Uint8Array;
  readonly unencrypted?: boolean;
}

/** Ending of the file, dot included. */
export function exportEnding(key: KeyObject, form: ExportForm): string {
  return form === 'pem' || key.asymmetricKeyType === 'rsa' ? '.pem' : '.der';
}

/**
 * @throws name-taken when the file exists, usage when nothing locks it and that was not asked for, key-file-permissions
 *   for an unencrypted file in a folder under version control, key-unusable
 */
export async function exportKey(
  fs: FileSystem,
  key: KeyObject,
  path: string,
  options: ExportOptions,
): Promise<void> {
  await checkExport(fs, path, options);
  publicHalfOf(key, path);
  const bytes = await exported(key, options);
  // What an export that was killed has left may be a key in the clear.
  await sweepTemporaries(fs, dirname(path));
  const result = await createDurably(fs, path, bytes, { mode: 0o600 });
  bytes.fill(0);
  if (result === 'created') return;
  throw new TidegateError('name-taken', `${path} exists already; expected a new file`, { path });
}

/** What can be known before anybody is asked for a passphrase. */
export async function checkExport(
  fs: FileSystem,
  path: string,
  { form, passphrase, unencrypted = false }: ExportOptions,
): Promise<void> {
  if (form === 'tuftool' && passphrase !== undefined)
    throw new TidegateError('usage', 'tuftool reads no encrypted keys; give --unencrypted, or --format pem');
  if ((await statusIfAny(fs, path)) !== undefined)
    throw new TidegateError('name-taken', `${path} exists already; expected a new file`, { path });
  if (!unencrypted) return;
  const repository = await versionControlAbove(fs, path);
  if (repository === undefined) return;
  const text = `${path} lies in ${repository}, which is under version control; an unencrypted private key there is a step from being published. Expected a folder elsewhere`;
  throw new TidegateError('key-file-permissions', text, { path, found: repository });
}

async function exported(key: KeyObject, { form, passphrase, unencrypted }: ExportOptions): Promise<Buffer> {
  if (passphrase !== undefined) return Buffer.from(await encryptedPkcs8Pem(key, passphrase));
  if (unencrypted !== true)
    throw new TidegateError('usage', 'an unencrypted private key is written only with --unencrypted');
  if (exportEnding(key, form) === '.pem')
    return Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }).toString());
  return key.asymmetricKeyType === 'ed25519'
    ? ed25519Version2(key)
    : key.export({ format: 'der', type: 'pkcs8' });
}

/** The working tree of Git that holds the file; undefined when none does. */
async function versionControlAbove(fs: FileSystem, path: string): Promise<string | undefined> {
  let folder = dirname(path);
  for (;;) {
    if ((await statusIfAny(fs, join(folder, '.git'))) !== undefined) return folder;
    const above = dirname(folder);
    if (above === folder) return undefined;
    folder = above;
  }
}
