/** Stores by the text that people write into configurations: `s3://…`, `https://…`, `file://…`, a path. */
import { schemeOf } from './address.ts';
import { DirectoryStore } from './directory.ts';
import { openHostStore, pathOf } from './host-location.ts';
import type { ReadableStore, SwappableStore } from './store.ts';

export interface WritingOptions {
  /** Nobody else writes there: what the store does not check by itself is looked at before each write. */
  readonly singleWriter?: boolean;
}

/**
 * Opens a store for reading. Codes store-unsupported, config-invalid, and not-found for a folder that does not exist.
 * A bucket is not asked anything yet.
 */
export async function openStore(location: string): Promise<ReadableStore> {
  return schemeOf(location) === 's3' ? await openBucket(location) : await openHostStore(location);
}

/** Opens a store for publishing; a folder is made at the first write. Codes store-unsupported, config-invalid. */
export async function openSwappableStore(
  location: string,
  options: WritingOptions = {},
): Promise<SwappableStore> {
  const scheme = schemeOf(location);
  return scheme === 's3' ? await openBucket(location, options) : new DirectoryStore(pathOf(location, scheme));
}

async function openBucket(
  location: string,
  { singleWriter = false }: WritingOptions = {},
): Promise<SwappableStore> {
  const { S3Store } = await import('./s3.ts');
  return new S3Store(location, { lookFirst: singleWriter });
}
