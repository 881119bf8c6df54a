/** The operating system's errors, turned into coded ones that name the path and the call. */
import { type ErrorCode, TidegateError } from '../errors.ts';

/** The operating system's code (ENOENT, EACCES ...), or undefined for another kind of error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof TidegateError || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const codeOf: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  ELOOP: 'not-a-plain-file',
  ENOTDIR: 'not-a-plain-file',
  EISDIR: 'not-a-plain-file',
  ENXIO: 'not-a-plain-file',
};

/** By the system's code, else by ours. */
const meaningOf: Readonly<Record<string, string>> = {
  'disk-full': 'there is not enough space',
  'not-a-plain-file': 'a link, folder or device stands there or in its path',
  EACCES: 'this user may not: look at owner and mode of the file and of the folders above it',
  EPERM: 'this user may not: look at owner and mode of the file and of the folders above it',
  EROFS: 'the disk is mounted for reading alone',
};

/**
 * A coded error for one that a call of `FileSystem` threw: disk-full, not-a-plain-file or disk-error. Errors that
 * are not the operating system's are handed back as they are.
 *
 * @param doing what was tried, as in "Cannot <doing> <path>"
 */
export function diskError(error: unknown, doing: string, path: string): unknown {
  const system = systemCode(error);
  if (system === undefined) return error;
  const code = codeOf[system] ?? 'disk-error';
  const why = meaningOf[system] ?? meaningOf[code];
  const text = `Cannot ${doing} ${path}: ${system}${why === undefined ? '' : ` (${why})`}.`;
  return new TidegateError(code, text, { path, system, doing }, { cause: error });
}

/** Runs one step, its system errors coded. */
export async function onDisk<T>(doing: string, path: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw diskError(error, doing, path);
  }
}

/** True for a system error with one of the codes. */
export function isSystem(error: unknown, ...codes: readonly string[]): boolean {
  const code = systemCode(error);
  return code !== undefined && codes.includes(code);
}
