/**
 * A clean-up of the first store and of every region, each by what it shows itself: one that is down or behind is left
 * alone and named, and hinders no other.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import type { SwappableStore } from '../../storage/store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { type Collection, type CollectOptions, collectGarbage } from './collect-garbage.ts';
import { endOldNotes } from './old-notes.ts';
import { endStaleUploads, type StaleUploads } from './stale-uploads.ts';

export interface CleanedStore {
  readonly location: string;
  readonly collection: Collection;
  /** undefined: the store has no uploads in parts, or does not list them. */
  readonly uploads: StaleUploads | undefined;
  /** Names of notes that nobody needs any more. */
  readonly notes: readonly string[];
}

export type StoreOutcome = CleanedStore | { readonly location: string; readonly error: TidegateError };

/**
 * @param region the location of the one store to clean; default: all, the first store first
 * @throws usage for a location that is none of them, cancelled; what else goes wrong is told of its store
 */
export async function collectEverywhere(
  workspace: Workspace,
  options: CollectOptions,
  region?: string,
): Promise<readonly StoreOutcome[]> {
  const outcomes: StoreOutcome[] = [];
  for (const store of storesOf(workspace, region)) {
    try {
      outcomes.push(await cleanStore({ ...workspace, store, regions: [] }, options));
    } catch (error) {
      if (!isTidegateError(error) || error.code === 'cancelled') throw error;
      const behind = store !== workspace.store && error.code === 'rollback';
      outcomes.push({ location: store.location, error: behind ? isBehind(store, error) : error });
    }
  }
  return outcomes;
}

/** @throws usage */
function storesOf({ store, regions, settings }: Workspace, region?: string): readonly SwappableStore[] {
  const stores = [store, ...regions];
  if (region === undefined) return stores;
  const stated = [settings.location, ...settings.regions];
  const chosen = stores.filter(({ location }, index) => location === region || stated[index] === region);
  if (chosen.length > 0) return chosen;
  const expected = stores.map(({ location }) => location);
  const text = `--region: found ${JSON.stringify(region)}, expected ${expected.join(' or ')}`;
  throw new TidegateError('usage', text, { found: region, expected });
}

async function cleanStore(workspace: Workspace, options: CollectOptions): Promise<CleanedStore> {
  const { store } = workspace;
  const { now, act, settings } = options;
  const collection = await collectGarbage(workspace, options);
  const uploads = await endStaleUploads(store, { now: now(), act });
  const notes = await endOldNotes(workspace, { now: now(), grace: settings.grace, act });
  return { location: store.location, collection, uploads, notes };
}

function isBehind({ location }: SwappableStore, cause: TidegateError): TidegateError {
  const text = `${location} is behind the first store: tidegate refresh brings it on; nothing was removed there`;
  return new TidegateError('rollback', text, { location }, { cause });
}
