/** The public keys that a signer keeps of the others: a folder of NAME.pub files. They say whose a key is. */
import { TidegateError } from '../../errors.ts';
import { diskError } from '../../storage/disk-error.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPublicKey } from '../keys/key-ring.ts';

const ending = '.pub';

/**
 * Names by key id. The id is computed from the key, never read.
 *
 * @throws key-file-invalid for a file that holds no key, usage when there is none at all or one key has two names
 */
export async function readOwnKeys(fs: FileSystem, folder: string): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const file of await fileNames(fs, folder)) {
    const { id, name } = await readPublicKey(fs, folder, file.slice(0, -ending.length));
    const known = names.get(id);
    if (known !== undefined)
      throw new TidegateError(
        'usage',
        `${folder}: ${known}${ending} and ${file} are the same key; remove one`,
      );
    names.set(id, name);
  }
  if (names.size > 0) return names;
  throw new TidegateError('usage', `${folder} holds no public key; expected files such as alice${ending}`, {
    folder,
  });
}

async function fileNames(fs: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    const entries = await fs.entries(folder);
    return entries
      .map(({ name }) => name)
      .filter((name) => name.endsWith(ending))
      .toSorted();
  } catch (cause) {
    throw diskError(cause, 'list', folder);
  }
}
