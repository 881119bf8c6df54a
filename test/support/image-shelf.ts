/** A repository as the agent sees it, with the verification of images but without metadata: for tests of slots. */
import { createHash } from 'node:crypto';
import type { ImageSource, ImageTarget, TransferOptions } from '../../src/agent/image-source.ts';
import { TidegateError } from '../../src/errors.ts';
import { type Choice, choose, type Host, openReleases } from '../../src/waves/choose.ts';
import type { Release } from '../../src/waves/release.ts';

interface ShelvedImage {
  readonly bytes: Uint8Array;
  readonly custom: unknown;
}

export class ImageShelf implements ImageSource {
  releases: readonly Release[] = [];
  now = Date.UTC(2030, 0, 1);
  /** Thrown by the next refresh. */
  failure: Error | undefined;
  /** Bytes in one chunk of a stream. */
  chunkSize = 64 * 1024;
  /** Bends what is streamed. */
  tamper: ((path: string, bytes: Uint8Array) => Uint8Array) | undefined;
  /** Called before each chunk. */
  onChunk: ((path: string, index: number) => void | Promise<void>) | undefined;
  readonly #images = new Map<string, ShelvedImage>();

  put(path: string, bytes: Uint8Array, custom?: unknown): void {
    this.#images.set(path, { bytes, custom });
  }

  async refresh(): Promise<void> {
    const error = this.failure;
    this.failure = undefined;
    if (error !== undefined) throw error;
  }

  async choose(host: Host): Promise<Choice> {
    return choose({ updates: this.releases, migrations: [] }, host, this.now);
  }

  async updates(host: Host): Promise<readonly Release[]> {
    return openReleases({ updates: this.releases, migrations: [] }, host, this.now);
  }

  async resolve(path: string): Promise<ImageTarget> {
    const { bytes, custom } = this.#image(path);
    return { length: bytes.byteLength, custom };
  }

  async *stream(path: string, { signal, progress }: TransferOptions = {}): AsyncGenerator<Uint8Array, void> {
    const { bytes: right } = this.#image(path);
    const bytes = this.tamper?.(path, right) ?? right;
    const hash = createHash('sha256');
    for (let start = 0, index = 0; start < bytes.byteLength; start += this.chunkSize, index += 1) {
      await this.onChunk?.(path, index);
      if (signal?.aborted === true) throw new TidegateError('cancelled', `cancelled: ${path}`);
      const chunk = bytes.slice(start, start + this.chunkSize);
      hash.update(chunk);
      progress?.(start + chunk.byteLength);
      yield chunk;
    }
    if (hash.digest('hex') !== createHash('sha256').update(right).digest('hex'))
      throw new TidegateError('hash-mismatch', `target ${path}: not the signed hash`);
  }

  #image(path: string): ShelvedImage {
    const image = this.#images.get(path);
    if (image === undefined) throw new TidegateError('target-not-found', `target ${path}`);
    return image;
  }
}
