/**
 * One location that metadata or targets come from. It is opened when it is first needed, so that an unreachable
 * mirror does not keep a client from starting.
 */
import { TidegateError } from '../errors.ts';
import { isAddress } from '../storage/address.ts';
import { openHostStore } from '../storage/host-location.ts';
import { HttpStore, nameFor } from '../storage/http.ts';
import { encodeName } from '../storage/http-address.ts';
import type { CancelOptions, OpenFile, ReadableStore, ReadOptions } from '../storage/store.ts';
import type { Location, Settings } from './options.ts';

export class Source {
  /** For messages: never with credentials or query. */
  readonly location: string;
  readonly #open: () => Promise<ReadableStore>;
  #store: ReadableStore | undefined;
  #ownStore: ReadableStore | undefined;

  constructor(location: Location, { http }: Pick<Settings, 'http'>) {
    if (typeof location !== 'string') {
      this.location = location.location;
      this.#open = async () => location;
      return;
    }
    // Made at once: an address that cannot be used is the caller's mistake, not a broken mirror.
    const store = /^https?:\/\//i.test(location)
      ? new HttpStore(location, { ...http, encodedNames: true })
      : undefined;
    this.location = store?.location ?? location;
    this.#open = async () => {
      this.#ownStore = store ?? (await openHostStore(location));
      return this.#ownStore;
    };
  }

  /** A small file; undefined when it does not exist. @param name of a metadata file, as `metadataFileName` gives it */
  async readMetadata(name: string, limit: number, options: CancelOptions): Promise<Uint8Array | undefined> {
    return await this.#reading(name, async (store) => (await store.read(name, limit, options))?.bytes);
  }

  /** @param name of a target, as `targetFileName` gives it */
  async openTarget(name: string, options: ReadOptions): Promise<OpenFile | undefined> {
    return await this.#reading(name, async (store) => await store.open(nameFor(store, name), options));
  }

  /** The address of a target, for people and for other tools. */
  targetUrl(name: string): string {
    const isUrl = isAddress(this.location);
    return `${this.location.replace(/\/$/, '')}/${isUrl ? encodeName(name) : name}`;
  }

  close(): void {
    this.#ownStore?.close?.();
  }

  async #reading<T>(name: string, read: (store: ReadableStore) => Promise<T>): Promise<T> {
    try {
      return await read(await this.#opened());
    } catch (error) {
      throw asSourceTrouble(error, name, this.location);
    }
  }

  /** Opened once; after a failure it is tried again at the next need. */
  async #opened(): Promise<ReadableStore> {
    this.#store ??= await this.#open();
    return this.#store;
  }
}

/** A folder that cannot be read is a mirror that cannot be reached, not trouble with this host's own state. */
function asSourceTrouble(error: unknown, name: string, location: string): unknown {
  if (!(error instanceof TidegateError) || !['disk', 'config'].includes(error.class)) return error;
  const text = `${name} cannot be read from ${location}: ${error.message}`;
  return new TidegateError('network-unreachable', text, { ...error.details, file: name }, { cause: error });
}
