/**
 * Which listed files have to be asked for before a commit, and which a list of the bucket is enough for.
 *
 * Whoever committed the timestamp that is published now has asked for every file that it reaches. A file that the store
 * has not touched since, by its own clock, is still what was asked for then, so that a publication asks for what it adds
 * and for what changed behind its back, and not for thousands of files that nobody touched. All of these have to hold,
 * else the file is asked for by itself:
 * 1. The published targets roles list it, with this length and this hash.
 * 2. The list of the store shows it with this length.
 * 3. The store changed it for the last time before it changed the published `timestamp.json`, by more than `clocks`.
 * 4. That `timestamp.json` is the one that was planned from.
 *
 * Where another tool committed that timestamp, nobody may have asked; then lengths are compared, as they would be for
 * files that were uploaded without checksums.
 *
 * An upload in parts is dated by its beginning: somebody who may write to the bucket, and began one before the commit
 * and ended it afterwards, is seen by `--verify readback` only. Hosts verify what they download in any case.
 */
import { metadataName } from '../../metadata/repository-layout.ts';
import type { WritableStore } from '../../storage/store.ts';
import { type ListedFile, listedFiles } from './listed-files.ts';
import { type LiveRepository, listingIn } from './live-repository.ts';
import { listTargets } from './target-list.ts';

/** Milliseconds by which the clocks of one store's machines may differ. */
const clocks = 60_000;

/** @returns those of `files` that must be asked for; all of them where the store's lists tell no times */
export async function filesInDoubt(
  store: WritableStore,
  live: LiveRepository,
  files: readonly ListedFile[],
  signal: AbortSignal | undefined,
): Promise<readonly ListedFile[]> {
  const { folders } = live.place;
  const committed = await committedAt(store, live, signal);
  if (committed === undefined) return files;
  const list = await listTargets(store, folders, files.length, signal);
  if (list === undefined) return files;
  const before = new Map(listedFiles(folders, listingIn(live)).map((file) => [file.name, file]));
  return files.filter((file) => {
    const [then, now] = [before.get(file.name), list.get(file.name)];
    const same = then?.length === file.length && then.hash.value === file.hash.value;
    const untouched = now?.changed !== undefined && now.changed + clocks < committed;
    return !(same && untouched && now.length === file.length);
  });
}

/** By the store's clock, in milliseconds since the epoch. */
async function committedAt(
  store: WritableStore,
  { place, published }: LiveRepository,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (published?.etag === undefined || store.listsTimes !== true) return undefined;
  const name = metadataName(place.folders, 'timestamp');
  for await (const info of store.list(name, signal && { signal }))
    if (info.name === name && info.etag === published.etag) return info.changed;
  return undefined;
}
