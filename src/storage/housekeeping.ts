/** What some stores can tell and do for whoever cleans up; of those that cannot the answer is undefined. */
import { join } from 'node:path';
import { DirectoryStore } from './directory.ts';
import { nodeFileSystem } from './file-system.ts';
import { statusIfAny } from './plain-file.ts';
import { S3Store } from './s3.ts';
import { modifiedInBucket } from './s3-bucket.ts';
import type { OpenUpload } from './s3-uploads.ts';
import type { CancelOptions, ReadableStore } from './store.ts';

/** When a file was written, in milliseconds since the epoch, by the store's clock; undefined: nobody knows. */
export async function modifiedTime(
  store: ReadableStore,
  name: string,
  options: CancelOptions = {},
): Promise<number | undefined> {
  if (store instanceof S3Store) return await modifiedInBucket(store.calls, name, options);
  if (!(store instanceof DirectoryStore)) return undefined;
  const status = await statusIfAny(nodeFileSystem, join(store.location, name));
  return status === undefined ? undefined : Number(status.modified / 1_000_000n);
}

/** Uploads in parts that were begun and not ended; undefined: there are none in such a store, or it does not list them. */
export async function openUploads(store: ReadableStore): Promise<readonly OpenUpload[] | undefined> {
  return store instanceof S3Store ? await store.openUploads() : undefined;
}

/** False when it could not be done now. */
export async function abortUpload(store: ReadableStore, upload: OpenUpload): Promise<boolean> {
  return store instanceof S3Store ? await store.abortUpload(upload) : false;
}
