/** Uploads in parts that a publisher began and nobody will end: they cost money and are seen by nobody. */
import { abortUpload, openUploads } from '../../storage/housekeeping.ts';
import type { OpenUpload } from '../../storage/s3-uploads.ts';
import type { ReadableStore } from '../../storage/store.ts';

/** Milliseconds: longer than the slowest upload of one image. */
export const staleAfter = 3 * 24 * 3_600_000;

export interface StaleUploads {
  readonly stale: readonly OpenUpload[];
  /** Of them, those that are gone now. */
  readonly aborted: number;
}

/** undefined: the store has no uploads in parts, or does not list them. @param now by the store's clock where it has one */
export async function endStaleUploads(
  store: ReadableStore,
  { now, act }: { readonly now: number; readonly act: boolean },
): Promise<StaleUploads | undefined> {
  const open = await openUploads(store);
  if (open === undefined) return undefined;
  const time = (await store.storeTime?.()) ?? now;
  const stale = open.filter(
    ({ name, begun }) => isOurs(name) && begun !== undefined && time - begun > staleAfter,
  );
  let aborted = 0;
  for (const upload of act ? stale : []) if (await abortUpload(store, upload)) aborted += 1;
  return { stale, aborted };
}

/** Only files with a hash in their names are large enough to be written in parts. */
function isOurs(name: string): boolean {
  return /(?:^|\/)(?:[0-9a-f]{64}|[0-9a-f]{128})\.[^/]*$/.test(name) || name.startsWith('.probe/');
}
