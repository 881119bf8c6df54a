/**
 * A store that counts its calls, dies before or after one of them, loses the reply of one, or lets one fail. Record
 * a good run, then run again once for every call: `everyStorageCut` does both.
 */
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  ReadOptions,
  RemoveOptions,
  SwappableStore,
} from '../../src/storage/store.ts';
import { ProcessDied } from './file-system-replay.ts';
import { rememberSignatures } from './remembered-signatures.ts';

export interface StorageCall {
  readonly call: 'read' | 'open' | 'stat' | 'create' | 'list' | 'swap' | 'remove';
  readonly name: string;
}

export interface StorageReplayOptions {
  /** Index of the call at which the process dies: every later call fails too. */
  readonly cut?: number;
  /** Whether that call still happened. */
  readonly after?: boolean;
  /** Index of a call that happens, whose reply is lost: it fails with `error`, once. */
  readonly lostReply?: { readonly index: number; readonly error: Error };
  /** Index of a call that does not happen: it fails with `error`, once. */
  readonly failure?: { readonly index: number; readonly error: Error };
  /** Runs before a call, for instance to let somebody else be faster. */
  readonly before?: (call: StorageCall, index: number) => Promise<void>;
}

export class StorageReplay implements SwappableStore {
  readonly location: string;
  readonly calls: StorageCall[] = [];
  readonly #inner: SwappableStore;
  readonly #options: StorageReplayOptions;
  #dead = false;

  constructor(inner: SwappableStore, options: StorageReplayOptions = {}) {
    this.#inner = inner;
    this.#options = options;
    this.location = inner.location;
  }

  /** The calls that change the store, in their order. */
  get writes(): readonly StorageCall[] {
    return this.calls.filter(({ call }) => isChange(call));
  }

  read(name: string, limit: number, options?: CancelOptions) {
    return this.#step({ call: 'read', name }, () => this.#inner.read(name, limit, options));
  }

  open(name: string, options?: ReadOptions) {
    return this.#step({ call: 'open', name }, () => this.#inner.open(name, options));
  }

  stat(name: string, options?: CancelOptions) {
    return this.#step({ call: 'stat', name }, () => this.#inner.stat(name, options));
  }

  create(name: string, content: Content, options?: CreateOptions) {
    return this.#step({ call: 'create', name }, () => this.#inner.create(name, content, options));
  }

  async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    yield* await this.#step({ call: 'list', name: prefix }, async () => this.#inner.list(prefix));
  }

  swap(name: string, bytes: Uint8Array, expected: string | undefined, options?: CancelOptions) {
    return this.#step({ call: 'swap', name }, () => this.#inner.swap(name, bytes, expected, options));
  }

  remove(name: string, expected: string, options?: RemoveOptions) {
    return this.#step({ call: 'remove', name }, () => this.#inner.remove(name, expected, options));
  }

  async #step<T>(call: StorageCall, step: () => Promise<T>): Promise<T> {
    const died = new ProcessDied(`${call.call} ${call.name}`);
    if (this.#dead) throw died;
    const index = this.calls.push(call) - 1;
    const { cut, after = false, lostReply, failure, before } = this.#options;
    await before?.(call, index);
    if (failure?.index === index) throw failure.error;
    if (cut === index && !after) {
      this.#dead = true;
      throw died;
    }
    const result = await step();
    if (lostReply?.index === index) throw lostReply.error;
    if (cut !== index) return result;
    this.#dead = true;
    throw died;
  }
}

function isChange(call: StorageCall['call']): boolean {
  return call === 'create' || call === 'swap' || call === 'remove';
}

/** For a publisher that dies at its commit: everything is written but `timestamp.json`. */
export function dyingAtCommit(store: SwappableStore): StorageReplay {
  return new StorageReplay(store, {
    before: async ({ call, name }) => {
      if (call === 'swap' && name.endsWith('timestamp.json')) throw new Error('died');
    },
  });
}

/**
 * Runs the work cut before and after every one of its calls on a fresh store, and shows the store each time. A call that
 * only looks is cut once: nothing has changed after it. Returns the number of calls of the good run.
 */
export async function everyStorageCut<S extends SwappableStore>(
  prepare: () => Promise<S>,
  work: (store: SwappableStore) => Promise<unknown>,
  check: (store: S, where: string) => Promise<void>,
): Promise<number> {
  const recorder = new StorageReplay(await prepare());
  const putBack = rememberSignatures();
  try {
    await work(recorder);
    for (const [index, { call, name }] of recorder.calls.entries()) {
      for (const after of isChange(call) ? [false, true] : [false]) {
        const store = await prepare();
        await work(new StorageReplay(store, { cut: index, after })).catch(() => undefined);
        await check(store, `cut ${after ? 'after' : 'before'} call ${index}: ${call} ${name}`);
      }
    }
  } finally {
    putBack();
  }
  return recorder.calls.length;
}
