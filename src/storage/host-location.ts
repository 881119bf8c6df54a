/** Stores that a host reads, by the text that people write into configurations: `https://…`, `file://…`, a path. */
import { fileURLToPath } from 'node:url';
import { TidegateError } from '../errors.ts';
import { schemeOf } from './address.ts';
import { DirectoryStore } from './directory.ts';
import { nodeFileSystem } from './file-system.ts';
import { HttpStore } from './http.ts';
import { statusIfAny } from './plain-file.ts';
import type { ReadableStore } from './store.ts';

/**
 * Opens a store for reading, on a machine that never loads what talks to buckets: those are read through a web server.
 * Codes store-unsupported, config-invalid, and not-found for a folder that does not exist: to a reader it would look like
 * a repository without files.
 */
export async function openHostStore(location: string): Promise<ReadableStore> {
  const scheme = schemeOf(location);
  if (scheme === 'http' || scheme === 'https') return new HttpStore(location);
  const path = pathOf(location, scheme);
  if ((await statusIfAny(nodeFileSystem, path)) !== undefined) return new DirectoryStore(path);
  throw new TidegateError('not-found', `The store ${path} does not exist.`, { path });
}

/** The folder that a location names. @throws config-invalid, store-unsupported */
export function pathOf(location: string, scheme: string | undefined): string {
  if (location === '') throw new TidegateError('config-invalid', 'The location of a store is empty.');
  if (scheme === undefined) return location;
  if (scheme !== 'file') {
    const text = `A store of the kind ${scheme}:// cannot be used for this; expected a folder.`;
    throw new TidegateError('store-unsupported', text, { found: scheme });
  }
  try {
    return fileURLToPath(location);
  } catch (error) {
    throw new TidegateError('config-invalid', `${location} is no usable file address.`, {}, { cause: error });
  }
}
