/** A folder of a store, with its own files alone in view. Names of files are given as they are, not encoded. */
import { HttpStore, nameFor } from '../../storage/http.ts';
import { openStore } from '../../storage/location.ts';
import type { CancelOptions, OpenFile, ReadableStore, ReadOptions } from '../../storage/store.ts';

export class StoreFolder {
  /** For messages: never with credentials or query. */
  readonly location: string;
  readonly #store: ReadableStore;
  readonly #prefix: string;

  /** @param folder below the store's location, without a slash at either end; empty for the location itself */
  constructor(store: ReadableStore, folder: string) {
    this.#store = store;
    this.#prefix = folder === '' ? '' : `${folder}/`;
    const base = store.location.replace(/\/$/, '');
    this.location = folder === '' ? store.location : `${base}/${folder}`;
  }

  /** A metadata file, by its name with an encoded role in it. */
  async readMetadata(name: string, limit: number, options: CancelOptions): Promise<Uint8Array | undefined> {
    return (await this.#store.read(this.#prefix + name, limit, options))?.bytes;
  }

  async openTarget(name: string, options: ReadOptions): Promise<OpenFile | undefined> {
    return await this.#store.open(this.#named(name), options);
  }

  /** The length of a target's file; undefined when there is none. */
  async targetLength(name: string, options: CancelOptions): Promise<number | undefined> {
    return (await this.#store.stat(this.#named(name), options))?.length;
  }

  #named(name: string): string {
    return nameFor(this.#store, this.#prefix + name);
  }
}

/**
 * A store that others fill. Over HTTP 403 means absent, as a bucket that may not be listed answers.
 *
 * @throws config-invalid, store-unsupported, not-found for a folder that does not exist
 */
export async function openPublicStore(location: string): Promise<ReadableStore> {
  if (!/^https?:\/\//i.test(location)) return await openStore(location);
  return new HttpStore(location, { encodedNames: true, forbiddenMeansAbsent: true });
}
