/** Files of the local disk as contents: read once for length and hash, read again while they are written to a store. */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { FileBody } from './file-body.ts';
import type { FileSystem } from './file-system.ts';
import { openPlainFile } from './plain-file.ts';
import type { CreateOptions, StreamedContent } from './store.ts';

/**
 * Length and SHA-256 (lower-case hex) of a file, in one pass with flat memory. Codes not-found, not-a-plain-file,
 * disk-error, cancelled.
 */
export async function hashFile(
  fs: FileSystem,
  path: string,
  { signal, progress }: CreateOptions = {},
): Promise<{ readonly length: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of await bodyOfFile(fs, path, { reuseChunks: true, ...(signal && { signal }) })) {
    hash.update(chunk);
    length += chunk.byteLength;
    progress?.(length);
  }
  return { length, sha256: hash.digest('hex') };
}

/** A file that was hashed before; a store finds out when it is another one by now. */
export function contentOfFile(
  fs: FileSystem,
  path: string,
  stated: { readonly length: number; readonly sha256: string },
): StreamedContent {
  return {
    ...stated,
    open: async function* () {
      yield* await bodyOfFile(fs, path, { reuseChunks: true });
    },
  };
}

async function bodyOfFile(
  fs: FileSystem,
  path: string,
  options: { readonly signal?: AbortSignal; readonly reuseChunks?: boolean },
): Promise<FileBody> {
  const file = await openPlainFile(fs, path);
  if (file === undefined) throw new TidegateError('not-found', `The file ${path} does not exist.`, { path });
  return new FileBody(file.handle, path, { start: 0, end: file.status.length }, options);
}
