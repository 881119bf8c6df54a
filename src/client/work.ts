/** What one piece of work under the lock needs, handed from step to step. */
import type { Datastore } from './datastore.ts';
import type { FloorsKeeper } from './floors-keeper.ts';
import type { Mirrors } from './mirrors.ts';
import type { Notes } from './notes.ts';
import type { Settings } from './options.ts';

export interface Work {
  readonly settings: Settings;
  readonly datastore: Datastore;
  readonly keeper: FloorsKeeper;
  /** Of metadata. */
  readonly mirrors: Mirrors;
  readonly notes: Notes;
  readonly signal: AbortSignal | undefined;
}

/** As options of a store: the signal, if there is one. */
export function cancelOptions({ signal }: Pick<Work, 'signal'>): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
