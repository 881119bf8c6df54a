/**
 * Brings an adopted repository into the store of its workspace, create-only: images, metadata, roots, `timestamp.json`
 * last. Where the store is the place that was adopted, all of it is there already and nothing is written. No file is
 * ever written over.
 */
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import type { RepositoryFolders } from '../../metadata/repository-layout.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { AdoptedPlace } from './adopted-places.ts';
import { type CheckedTarget, contentOf, inParallel } from './adopted-targets.ts';
import type { AdoptedRoot } from './read-adopted.ts';
import { hashedNames } from './source.ts';

export interface CopyOptions {
  /** Told the files done, and how many there are. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** @returns bytes of images that were written. @throws name-taken when other bytes are in a file's place */
export async function copyTargets(
  store: SwappableStore,
  folder: string,
  targets: readonly CheckedTarget[],
  { progress, signal }: CopyOptions,
): Promise<number> {
  let done = 0;
  const written = await inParallel(targets, signal, async (target) => {
    let bytes = 0;
    for (const name of hashedNames(target.path, target.hashes)) {
      const outcome = await store.create(
        `${folder}/${name}`,
        contentOf(target, signal),
        signal && { signal },
      );
      if (outcome === 'created') bytes += target.length;
    }
    done += 1;
    progress?.(done, targets.length);
    return bytes;
  });
  return written.reduce((sum, bytes) => sum + bytes, 0);
}

/** @throws name-taken when another repository, or another state of this one, is published there */
export async function copyMetadata(
  store: SwappableStore,
  { metadata }: RepositoryFolders,
  { repository }: AdoptedPlace,
  roots: readonly AdoptedRoot[],
): Promise<void> {
  const timestamp = metadataFileName('timestamp');
  const named = [
    ...[...repository.files].filter(([name]) => name !== timestamp),
    ...roots.map(({ document, bytes }) => [metadataFileName('root', document.version), bytes] as const),
  ];
  for (const [name, bytes] of named) await store.create(`${metadata}/${name}`, bytes);
  await putTimestamp(store, `${metadata}/${timestamp}`, repository.files.get(timestamp) ?? new Uint8Array());
}

/** As it is in the store, if anything is. @throws name-taken */
export async function requireSameTimestamp(
  store: SwappableStore,
  name: string,
  bytes: Uint8Array,
): Promise<'absent' | 'same'> {
  const there = await store.read(name, defaultLimits.maxTimestampLength);
  if (there === undefined) return 'absent';
  if (Buffer.from(there.bytes).equals(bytes)) return 'same';
  throw new TidegateError(
    'name-taken',
    `${name} in ${store.location} is another than that of the repository to be adopted. Adopt into an empty store, or adopt what is published there`,
    { name, location: store.location },
  );
}

async function putTimestamp(store: SwappableStore, name: string, bytes: Uint8Array): Promise<void> {
  if ((await requireSameTimestamp(store, name, bytes)) === 'same') return;
  if ((await store.swap(name, bytes, undefined)) === 'lost') await requireSameTimestamp(store, name, bytes);
}
