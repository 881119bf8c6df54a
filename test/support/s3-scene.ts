/** A bucket and a store on it for one test, with waits that take no time. */
import { type S3Options, S3Store } from '../../src/storage/s3.ts';
import { type S3Server, type S3ServerOptions, startS3Server, testCredentials } from './s3-server.ts';

export const mebibyte = 1024 * 1024;
/** The smallest parts that S3 takes. */
export const smallParts = { singlePut: mebibyte, part: 5 * mebibyte, partsInFlight: 3 };

export interface S3Scene {
  readonly server: S3Server;
  readonly store: S3Store;
  /** How long the store meant to wait, each time, in milliseconds. */
  readonly waits: readonly number[];
  /** Another publisher at the same bucket. */
  other(options?: S3Options): S3Store;
}

export interface SceneOptions extends S3ServerOptions {
  readonly store?: S3Options;
  /** Of the store's address. */
  readonly parameters?: string;
}

export async function withS3(options: SceneOptions, test: (scene: S3Scene) => Promise<void>): Promise<void> {
  const { store: storeOptions = {}, parameters = '', ...serverOptions } = options;
  const server = await startS3Server(serverOptions);
  const waits: number[] = [];
  const retry = {
    random: () => 0.5,
    sleep: async (milliseconds: number, _what: string, signal: AbortSignal | undefined): Promise<void> => {
      signal?.throwIfAborted();
      waits.push(milliseconds);
    },
  };
  const stores: S3Store[] = [];
  const other = (more: S3Options = {}): S3Store => {
    const all = { credentials: async () => testCredentials, sizes: smallParts, ...storeOptions, ...more };
    const store = new S3Store(server.address('fleet', parameters), {
      ...all,
      retry: { ...retry, ...all.retry },
    });
    stores.push(store);
    return store;
  };
  try {
    await test({ server, store: other(), waits, other });
  } finally {
    for (const store of stores) store.close();
    await server.close();
  }
}
