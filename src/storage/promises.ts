/**
 * What a store must keep so that several people and jobs can publish to it: a create that never overwrites, and a swap
 * that one of many wins. Folders keep it by how they are made; of a bucket it is tried once in each process, because many
 * that speak S3's language take the conditions and ignore them.
 */
import { TidegateError } from '../errors.ts';
import type { CancelOptions, SwappableStore } from './store.ts';

/** `refused`: the store says that it cannot. `no`: it says yes and does not do it. */
export type Kept = 'yes' | 'no' | 'refused';

export interface StorePromises {
  readonly createOnly: Kept;
  readonly compareAndSwap: Kept;
  /** What was seen where one is not kept, for people. */
  readonly found: readonly string[];
}

/** A store that has to be tried before it can be trusted. */
export interface PromisingStore extends SwappableStore {
  /** Tries what the store promises, with small files of its own that it removes again; once in its life. */
  promises(options?: CancelOptions): Promise<StorePromises>;
}

function isPromising(store: SwappableStore): store is PromisingStore {
  return 'promises' in store && typeof store.promises === 'function';
}

export interface PublishingRules extends CancelOptions {
  /** Declared in the workspace: nobody else publishes there, and a lock of this machine stands for the swap. */
  readonly singleWriter: boolean;
}

/**
 * Refuses a store to which two could publish at once and both be told that they won.
 *
 * @returns what is missing, where a single writer is declared; undefined when nothing is
 * @throws store-unsupported; also for a single writer where the store refuses conditions, since nothing is ever written
 *   without one
 */
export async function requirePublishable(
  store: SwappableStore,
  { singleWriter, signal }: PublishingRules,
): Promise<string | undefined> {
  if (!isPromising(store)) return undefined;
  const promises = await store.promises(signal && { signal });
  const { createOnly, compareAndSwap, found } = promises;
  if (createOnly === 'yes' && compareAndSwap === 'yes') return undefined;
  const seen = found.join('; ');
  const refused = createOnly === 'refused' || compareAndSwap === 'refused';
  if (singleWriter && !refused)
    return `${store.location} does not heed conditions (${seen}). A single writer is declared: nothing but this machine's lock keeps two publications apart`;
  const way = refused
    ? 'expected a store with conditional writes'
    : 'expected a store that heeds them; or, if only one machine ever publishes there, [store] single_writer = true in tidegate.toml';
  throw new TidegateError(
    'store-unsupported',
    `${store.location} cannot be published to safely: ${seen}; ${way}. tidegate store probe shows everything it promises`,
    { location: store.location, createOnly, compareAndSwap, found },
  );
}
