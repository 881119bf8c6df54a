/** What a folder of keys holds: names, ids, words, roles, and where each private half is. Nothing is opened. */
import { isTidegateError } from '../../errors.ts';
import { onDisk } from '../../storage/disk-error.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { fingerprintWords } from './fingerprint.ts';
import { maxKeyFileLength, parseKeyFile } from './key-file.ts';
import { privateKeyPath, publicKeyPath } from './key-ring.ts';
import { parsePublicKeyFile } from './public-key-file.ts';

/** Where a private half is: in a key file of the folder, at an address, or with somebody else. */
export type PrivateHalf = 'encrypted' | 'unencrypted' | 'damaged' | 'at-address' | 'elsewhere';

export interface ListedKey {
  readonly name: string;
  /** Absent when neither half can be read. */
  readonly id?: string;
  readonly words?: string;
  readonly type?: string;
  readonly roles: readonly string[];
  readonly privateHalf: PrivateHalf;
  /** The file or the address; absent when it is elsewhere. */
  readonly place?: string;
  /** What somebody should look at. */
  readonly warnings: readonly string[];
}

export interface ListOptions {
  readonly folder: string;
  /** Roles by names of keys. */
  readonly roles?: ReadonlyMap<string, readonly string[]>;
  /** Addresses by names of keys. */
  readonly places?: ReadonlyMap<string, string>;
  /** Private key files that version control has, as paths; see `trackedKeyFiles`. */
  readonly tracked?: ReadonlySet<string>;
}

const endings = ['.key.json', '.pub'];

/** Sorted by name. @throws disk-error, not-a-plain-file */
export async function listKeys(fs: FileSystem, options: ListOptions): Promise<readonly ListedKey[]> {
  const {
    folder,
    roles = new Map<string, readonly string[]>(),
    places = new Map<string, string>(),
  } = options;
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const stored = entries.flatMap(({ name }) => {
    const ending = endings.find((candidate) => name.endsWith(candidate));
    return ending === undefined ? [] : [name.slice(0, -ending.length)];
  });
  const names = new Set([...stored, ...roles.keys(), ...places.keys()]);
  const keys: ListedKey[] = [];
  for (const name of [...names].sort()) keys.push(await describeKey(fs, name, options));
  return keys;
}

async function describeKey(fs: FileSystem, name: string, options: ListOptions): Promise<ListedKey> {
  const { folder, roles, places, tracked } = options;
  const publicHalf = await readable(fs, publicKeyPath(folder, name), (bytes, path) => {
    const { id, type } = parsePublicKeyFile(bytes, path);
    return { id, type };
  });
  const path = privateKeyPath(folder, name);
  const file = await readable(fs, path, parseKeyFile);
  const address = places?.get(name);
  const known = publicHalf.found ?? (file.found && { id: file.found.keyId, type: 'key file' });
  const warnings = [
    ...(publicHalf.state === 'absent' ? [`${name}.pub is missing`] : []),
    ...(publicHalf.state === 'damaged' ? [`${name}.pub is no public key`] : []),
    ...(file.state === 'damaged' ? [`${path} is damaged`] : []),
    ...(file.found?.encrypted === false ? [`${path} is not encrypted`] : []),
    ...(publicHalf.found && file.found && publicHalf.found.id !== file.found.keyId
      ? [`${path} is not the private half of ${name}.pub`]
      : []),
    ...(tracked?.has(path) === true
      ? [`${path} is under version control: whoever has a copy has the key. Replace the key`]
      : []),
  ];
  const place = address ?? (file.state === 'absent' ? undefined : path);
  return {
    name,
    ...(known !== undefined && { ...known, words: fingerprintWords(known.id) }),
    roles: roles?.get(name) ?? [],
    privateHalf: privateHalfOf(address, file),
    ...(place !== undefined && { place }),
    warnings,
  };
}

type Readable<T> = { readonly state: 'absent' | 'damaged' | 'read'; readonly found?: T };

function privateHalfOf(
  address: string | undefined,
  { state, found }: Readable<{ readonly encrypted: boolean }>,
): PrivateHalf {
  if (address !== undefined) return 'at-address';
  if (state === 'absent') return 'elsewhere';
  if (found === undefined) return 'damaged';
  return found.encrypted ? 'encrypted' : 'unencrypted';
}

/** One file that cannot be read must not hide the others. */
async function readable<T>(
  fs: FileSystem,
  path: string,
  parse: (bytes: Uint8Array, path: string) => T,
): Promise<Readable<T>> {
  try {
    const file = await readPlainFile(fs, path, maxKeyFileLength);
    return file === undefined ? { state: 'absent' } : { state: 'read', found: parse(file.bytes, path) };
  } catch (error) {
    if (isTidegateError(error, 'key-file-invalid', 'length-limit', 'not-a-plain-file'))
      return { state: 'damaged' };
    throw error;
  }
}
