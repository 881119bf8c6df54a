/** One file by its path or address. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { HttpStore } from '../../storage/http.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { defaultLimits } from '../../trust/limits.ts';

export interface GivenFileOptions {
  /** Relative paths start here. */
  readonly directory: string;
  readonly signal?: AbortSignal;
}

export function isHttpAddress(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** @throws not-found, length-limit, not-a-plain-file, and what the network does */
export async function readGiven(
  location: string,
  { directory, signal }: GivenFileOptions,
): Promise<Uint8Array> {
  const limit = defaultLimits.maxStatedLength;
  const file = isHttpAddress(location)
    ? await readAddress(location, limit, signal)
    : await readPlainFile(nodeFileSystem, resolve(directory, location), limit);
  if (file !== undefined) return file.bytes;
  throw new TidegateError('not-found', `${location} does not exist`, { location });
}

async function readAddress(
  address: string,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly bytes: Uint8Array } | undefined> {
  const slash = address.lastIndexOf('/');
  const store = new HttpStore(address.slice(0, slash), { encodedNames: true });
  try {
    return await store.read(address.slice(slash + 1), limit, signal && { signal });
  } finally {
    store.close();
  }
}
