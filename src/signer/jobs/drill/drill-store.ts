/**
 * A store in memory for rehearsals. What was not written to it, images above all, is read from the real store, to which
 * nothing is ever written.
 */
import { MemoryStore } from '../../../storage/memory.ts';
import type {
  CancelOptions,
  FileInfo,
  OpenFile,
  ReadableStore,
  ReadOptions,
  SmallFile,
} from '../../../storage/store.ts';

export class DrillStore extends MemoryStore {
  readonly #behind: ReadableStore;
  readonly #isBehind: (name: string) => boolean;

  /** @param isBehind which names may be read from the real store: images, but no metadata */
  constructor(behind: ReadableStore, isBehind: (name: string) => boolean) {
    super('a rehearsal');
    this.#behind = behind;
    this.#isBehind = isBehind;
  }

  override async read(name: string, limit: number, options?: CancelOptions): Promise<SmallFile | undefined> {
    const own = await super.read(name, limit, options);
    return own ?? (this.#isBehind(name) ? await this.#behind.read(name, limit, options) : undefined);
  }

  override async open(name: string, options?: ReadOptions): Promise<OpenFile | undefined> {
    const own = await super.open(name, options);
    return own ?? (this.#isBehind(name) ? await this.#behind.open(name, options) : undefined);
  }

  override async stat(name: string, options?: CancelOptions): Promise<FileInfo | undefined> {
    const own = await super.stat(name, options);
    return own ?? (this.#isBehind(name) ? await this.#behind.stat(name, options) : undefined);
  }
}
