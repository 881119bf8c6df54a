/** A file with a private key must belong to the user that reads it, and nobody else may read or write it. */
import { TidegateError } from '../../errors.ts';
import type { FileStatus } from '../../storage/file-system.ts';

/** Systems without owners (Windows) have other means, which are not looked into. @throws key-file-permissions */
export function checkPrivate({ mode, owner }: Pick<FileStatus, 'mode' | 'owner'>, path: string): void {
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
