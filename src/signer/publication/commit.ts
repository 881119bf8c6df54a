/**
 * The one write that hosts see: `timestamp.json`, only if it is still the one that was planned from. It is sent once; after
 * anything but a plain answer what is there is read, and the bytes decide who won. Nothing is committed upon an old state
 * that a backup brought back.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { LiveRepository } from './live-repository.ts';
import { noteName, objectIn, readNote, textIn } from './store-note.ts';

type Base = Pick<LiveRepository, 'place' | 'published'>;

/** A cheap look, so that a publication that cannot win burns no numbers. @throws base-moved, rollback */
export async function requireBase(
  store: SwappableStore,
  live: Base & Pick<LiveRepository, 'unsigned'>,
  signal?: AbortSignal,
): Promise<void> {
  await requireStill(store, live, signal);
  // Where the timestamp gets other keys hosts forget its numbers: a recovery goes on from an old state.
  if (!live.unsigned.has('timestamp')) await requireNewest(store, live, signal);
}

async function requireStill(
  store: SwappableStore,
  { place, published }: Base,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await store.stat(metadataName(place.folders, 'timestamp'), signal && { signal });
  if (found?.etag !== published?.etag) throw baseMoved(place.name, store.location);
}

/**
 * A store that was put back to an older state betrays itself by its journal, also to a workspace that has never seen the
 * newer one: something was committed upon what is published now. A number whose note names no base says nothing; an
 * attacker's that was noted by the next honest publisher has none.
 */
async function requireNewest(
  store: SwappableStore,
  live: Base,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { place, published } = live;
  if (published === undefined) return;
  const { version } = published.timestamp;
  const note = await readNote(store, noteName(place.name, 'journal', version + 1), signal && { signal });
  if (note === undefined || textIn(objectIn(note.json, 'base'), 'sha256') !== published.sha256) return;
  // Somebody may just have won.
  await requireStill(store, live, signal);
  const text = `${place.name}: ${store.location} shows timestamp ${version}, and its journal says that ${version + 1} was published upon it: it was put back to an older state. Hosts refuse what is signed now; put the later timestamp.json back (tidegate doctor says which)`;
  throw new TidegateError('rollback', text, {
    repository: place.name,
    found: version,
    expected: version + 1,
  });
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
