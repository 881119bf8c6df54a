/** Whether a folder keeps every name apart: a file system that folds case or Unicode forms would mix files up. */
import { join } from 'node:path';
import { TidegateError } from '../errors.ts';
import { onDisk } from './disk-error.ts';
import { type FileSystem, openFlags } from './file-system.ts';
import { statusIfAny } from './plain-file.ts';
import { temporaryName } from './staged-file.ts';

/** Writes one probe file and looks for it under other spellings. Code store-unsupported when it is found. */
export async function requireDistinctNames(fs: FileSystem, folder: string): Promise<void> {
  const name = `${temporaryName()}\u00e9`;
  const path = join(folder, name);
  const handle = await onDisk('create', path, () => fs.open(path, openFlags.create, 0o600));
  try {
    await handle.close();
    const spellings = { 'upper and lower case': name.toUpperCase(), 'Unicode forms': name.normalize('NFD') };
    for (const [what, spelling] of Object.entries(spellings)) {
      if ((await statusIfAny(fs, join(folder, spelling))) === undefined) continue;
      const text = `The file system of ${folder} does not keep ${what} apart in names; use another one.`;
      throw new TidegateError('store-unsupported', text, { path: folder });
    }
  } finally {
    await fs.unlink(path).catch(() => undefined);
  }
}
