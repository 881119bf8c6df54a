/**
 * The one write that hosts see: `timestamp.json`, only if it is still the one that was planned from. It is sent once; after
 * anything but a plain answer what is there is read, and the bytes decide who won.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { LiveRepository } from './live-repository.ts';

type Base = Pick<LiveRepository, 'place' | 'published'>;

/** A cheap look, so that a publication that cannot win burns no numbers. @throws base-moved */
export async function requireBase(
  store: SwappableStore,
  { place, published }: Base,
  signal?: AbortSignal,
): Promise<void> {
  const found = await store.stat(metadataName(place.folders, 'timestamp'), signal && { signal });
  if (found?.etag !== published?.etag) throw baseMoved(place.name, store.location);
}

/** @throws base-moved when somebody else's timestamp is there; what the store throws when nobody can tell */
export async function commitTimestamp(
  store: SwappableStore,
  { place, published }: Base,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const name = metadataName(place.folders, 'timestamp');
  try {
    const outcome = await store.swap(name, bytes, published?.etag, signal && { signal });
    if (outcome === 'swapped') return;
  } catch (error) {
    if (isTidegateError(error, 'cancelled') || !(await isThere(store, name, bytes))) throw error;
    return;
  }
  throw baseMoved(place.name, store.location);
}

/** Also false when nothing can be read: then the first error is the one to tell. */
async function isThere(store: SwappableStore, name: string, bytes: Uint8Array): Promise<boolean> {
  const found = await store.read(name, defaultLimits.maxTimestampLength).catch(() => undefined);
  return found !== undefined && Buffer.from(found.bytes).equals(bytes);
}

export function baseMoved(repository: string, location: string): TidegateError {
  return new TidegateError(
    'base-moved',
    `${repository}: somebody published to ${location} since this plan was made. Plan again; images that are uploaded stay`,
    { repository, location },
  );
}
