/** A host with tuf-js alone, unmodified, and a folder in which it remembers what it has seen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseFetcher, type TargetFile, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import type { ReadableStore } from '../../src/storage/store.ts';

class StoreFetcher extends BaseFetcher {
  readonly #store: ReadableStore;

  constructor(store: ReadableStore) {
    super();
    this.#store = store;
  }

  override async downloadBytes(url: string): Promise<Buffer> {
    const file = await this.#store.read(url.replace('http://peer/', ''), 10_000_000);
    if (file === undefined) throw new DownloadHTTPError('not found', 404);
    return Buffer.from(file.bytes);
  }

  async fetch(): Promise<never> {
    throw new Error('only metadata is asked for');
  }
}

export class PeerHost {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidegate-peer-host-'));
  now = 0;

  constructor(root: Uint8Array) {
    writeFileSync(join(this.#folder, 'root.json'), root);
  }

  /** Refreshes and looks a target up; undefined: it is not listed. */
  async lookUp(store: ReadableStore, path: string): Promise<TargetFile | undefined> {
    const updater = new Updater({
      metadataDir: this.#folder,
      metadataBaseUrl: 'http://peer/metadata/',
      fetcher: new StoreFetcher(store),
    });
    const set = (updater as unknown as { trustedSet: object }).trustedSet;
    Object.assign(set, { referenceTime: new Date(this.now) });
    await updater.refresh();
    return await updater.getTargetInfo(path);
  }

  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
