/**
 * The keys of a workspace: `keys/NAME.pub` for every key of a role, `keys/NAME.key.json` for those whose private
 * half is at hand, unless tidegate.toml gives another address for it. A missing private half is normal: it lies in a safe.
 */
import { join, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import { fileUri, parseKeyAddress } from './key-address.ts';
import type { KeyUnlocker } from './key-context.ts';
import { maxKeyFileLength } from './key-file.ts';
import { parseKeyUri } from './key-source.ts';
import { asListed, ownKeyId } from './listed-key.ts';
import { parsePublicKeyFile } from './public-key-file.ts';
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
  const { id, json } = parsePublicKeyFile(file.bytes, path);
  return { name, id, json };
}

export interface KeyRingOptions {
  /** Addresses of private halves, by the names of the keys; those without one lie in the folder. */
  readonly places?: ReadonlyMap<string, string>;
  /** Where relative paths of addresses start; default: the folder. */
  readonly directory?: string;
  readonly signal?: AbortSignal;
}

/** Opens private keys when they are first needed, and asks for each passphrase once. */
export class KeyRing {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #unlock: KeyUnlocker;
  readonly #options: KeyRingOptions;
  readonly #opened = new Map<string, SigningKey | undefined>();

  constructor(fs: FileSystem, folder: string, unlock: KeyUnlocker, options: KeyRingOptions = {}) {
    this.#fs = fs;
    this.#folder = folder;
    this.#unlock = unlock;
    this.#options = options;
  }

  /**
   * The private key, or undefined when it is not at hand or was left out.
   *
   * @throws key-file-permissions, key-file-invalid, passphrase-wrong, key-unusable, and what a key service or token says
   */
  async open(key: NamedKey): Promise<SigningKey | undefined> {
    if (!this.#opened.has(key.name)) this.#opened.set(key.name, await this.#read(key));
    return this.#opened.get(key.name);
  }

  async #read(named: NamedKey): Promise<SigningKey | undefined> {
    const { name, id, json } = named;
    const { places, directory = this.#folder, signal } = this.#options;
    if (!(await isPrivateKeyAtHand(this.#fs, this.#folder, name, this.#options))) return undefined;
    const source = parseKeyUri(places?.get(name) ?? fileUri(privateKeyPath(this.#folder, name)));
    let leftOut = false;
    const unlock: KeyUnlocker = async (locked) => {
      const passphrase = await this.#unlock(locked);
      leftOut = passphrase === undefined;
      return passphrase;
    };
    try {
      const context = { fileSystem: this.#fs, directory, unlock, name, keyId: ownKeyId(json) ?? id };
      const key = await source.open({ ...context, ...(signal !== undefined && { signal }) });
      const listed = asListed(key, named);
      if (listed !== undefined) return listed;
    } catch (error) {
      if (leftOut) return undefined;
      throw error;
    }
    throw new TidegateError('key-unusable', `${source.uri} holds another key than ${name}.pub`, { name });
  }
}

/**
 * True when the private half lies in the folder, or has an address. It is not looked into; but a file must exist, which
 * may be on a medium that is not in the machine.
 */
export async function isPrivateKeyAtHand(
  fs: FileSystem,
  folder: string,
  name: string,
  { places, directory = folder }: KeyRingOptions = {},
): Promise<boolean> {
  const uri = places?.get(name);
  if (uri === undefined) return (await statusIfAny(fs, privateKeyPath(folder, name))) !== undefined;
  const address = parseKeyAddress(uri);
  return !('path' in address) || (await statusIfAny(fs, resolve(directory, address.path))) !== undefined;
}
