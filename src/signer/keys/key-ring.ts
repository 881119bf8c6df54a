/**
 * The keys of a workspace: `keys/NAME.pub` for every key of a role, `keys/NAME.key.json` for those whose private
 * half is at hand. A missing private half is normal: it lies in a safe.
 *
 * A private key file must belong to the user that reads it, and nobody else may read or write it.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { keyIdOf } from '../../metadata/keys.ts';
import type { FileStatus, FileSystem } from '../../storage/file-system.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import type { KeyUnlocker } from './key-context.ts';
import { maxKeyFileLength, openKeyFile, parseKeyFile } from './key-file.ts';
import type { SigningKey } from './signing-key.ts';

export type { KeyUnlocker, LockedKey } from './key-context.ts';

/** The public half of a key, under the name that people gave it. */
export interface NamedKey {
  readonly name: string;
  readonly id: string;
  readonly json: JsonObject;
}

export function publicKeyPath(folder: string, name: string): string {
  return join(folder, `${name}.pub`);
}

export function privateKeyPath(folder: string, name: string): string {
  return join(folder, `${name}.key.json`);
}

/** @throws workspace-invalid when the file is missing, key-file-invalid when it holds no key */
export async function readPublicKey(fs: FileSystem, folder: string, name: string): Promise<NamedKey> {
  const path = publicKeyPath(folder, name);
  const file = await readPlainFile(fs, path, maxKeyFileLength);
  if (file === undefined) {
    throw new TidegateError('workspace-invalid', `${path} is missing, the public half of key ${name}`, {
      path,
    });
  }
  const json = publicJson(file.bytes, path);
  return { name, id: keyIdOf(json), json };
}

function publicJson(bytes: Uint8Array, path: string): JsonObject {
  try {
    const json = parseJson(bytes, { maxDepth: 8, maxValues: 64, maxDigits: 16 }, path);
    if (isJsonObject(json)) return json;
  } catch (cause) {
    throw new TidegateError(
      'key-file-invalid',
      `${path} is no public key: it is no JSON`,
      { path },
      { cause },
    );
  }
  throw new TidegateError('key-file-invalid', `${path} is no public key: it is no JSON object`, { path });
}

/** Opens private keys when they are first needed, and asks for each passphrase once. */
export class KeyRing {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #unlock: KeyUnlocker;
  readonly #opened = new Map<string, SigningKey | undefined>();

  constructor(fs: FileSystem, folder: string, unlock: KeyUnlocker) {
    this.#fs = fs;
    this.#folder = folder;
    this.#unlock = unlock;
  }

  /**
   * The private key, or undefined when it is not at hand or was left out.
   *
   * @throws key-file-permissions, key-file-invalid, passphrase-wrong, key-unusable
   */
  async open(key: NamedKey): Promise<SigningKey | undefined> {
    if (!this.#opened.has(key.name)) this.#opened.set(key.name, await this.#read(key));
    return this.#opened.get(key.name);
  }

  async #read({ name, id }: NamedKey): Promise<SigningKey | undefined> {
    const path = privateKeyPath(this.#folder, name);
    const found = await readPlainFile(this.#fs, path, maxKeyFileLength);
    if (found === undefined) return undefined;
    checkPermissions(found.status, path);
    const file = parseKeyFile(found.bytes, path);
    if (file.keyId !== id) {
      throw new TidegateError('key-file-invalid', `${path} is not the private half of ${name}.pub`, { path });
    }
    const passphrase = file.encrypted ? await this.#unlock({ name, path }) : new Uint8Array();
    return passphrase && (await openKeyFile(file, async () => passphrase));
  }
}

/** True when the private half lies in the workspace; it is not looked into. */
export async function hasPrivateKey(fs: FileSystem, folder: string, name: string): Promise<boolean> {
  return (await statusIfAny(fs, privateKeyPath(folder, name)))?.kind === 'file';
}

/** Systems without owners (Windows) have other means, which are not looked into. */
function checkPermissions({ mode, owner }: FileStatus, path: string): void {
  const user = process.getuid?.();
  const found = `0${(mode & 0o777).toString(8)}`;
  if (user === undefined) return;
  const details = { path, mode: found, owner };
  if (owner !== user) {
    const text = `${path} belongs to user ${owner}, expected ${user}, who is signing. Nothing was signed.`;
    throw new TidegateError('key-file-permissions', text, details);
  }
  if ((mode & 0o077) !== 0) {
    const text = `${path} has mode ${found}: others can use this private key. Expected 0600; if nobody has read it, type: chmod 600 ${path}`;
    throw new TidegateError('key-file-permissions', text, details);
  }
}
