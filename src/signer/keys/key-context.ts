/** What opening a private key needs of its surroundings. */
import { TidegateError } from '../../errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';

/** What a passphrase is wanted for. */
export interface LockedKey {
  /** The name that people gave the key; for one that has none, the last part of its path. */
  readonly name: string;
  /** Where the private half is: a file, or a printable URI. */
  readonly path: string;
  /** What people call the secret; default: a passphrase. */
  readonly secret?: 'passphrase' | 'PIN';
}

/**
 * Asked for the passphrase or PIN of a locked key, once for each that is needed; the bytes stay the caller's to wipe.
 * undefined: leave this key out.
 */
export type KeyUnlocker = (key: LockedKey) => Promise<Uint8Array | undefined>;

export interface KeyContext {
  readonly fileSystem: FileSystem;
  /** Relative paths start here. */
  readonly directory: string;
  readonly unlock: KeyUnlocker;
  /** The name that people gave the key, for messages and questions. */
  readonly name?: string;
  /** The id that the key must have; a place that knows its key's id before it is open refuses another one unasked. */
  readonly keyId?: string;
  readonly signal?: AbortSignal;
}

/**
 * The passphrase or PIN of a locked key; the bytes are the caller's to wipe.
 *
 * @throws signatures-missing when the key is to be left out
 */
export async function secretFor(context: KeyContext, path: string, secret?: 'PIN'): Promise<Uint8Array> {
  const name = context.name ?? nameOf(path);
  const bytes = await context.unlock({ name, path, ...(secret !== undefined && { secret }) });
  if (bytes !== undefined) return bytes;
  throw new TidegateError(
    'signatures-missing',
    `${name} was left out: no ${secret ?? 'passphrase'} was given`,
  );
}

/** What a key is called that has no name: the file, without what says its format. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:key\.json|p12|pfx)$/, '');
}
