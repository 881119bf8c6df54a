/** A fetcher for tuf-js that answers from memory: what it is not given does not exist. */
import type { Fetcher } from 'tuf-js';

export class MemoryFetcher implements Fetcher {
  readonly #files = new Map<string, Uint8Array>();
  /** The error that tuf-js takes for "does not exist"; the package does not export it. */
  readonly #notFound: (url: string) => Error;

  private constructor(notFound: (url: string) => Error) {
    this.#notFound = notFound;
  }

  static async create(): Promise<MemoryFetcher> {
    const { DownloadHTTPError } = await import('tuf-js/dist/error.js');
    return new MemoryFetcher((url) => new DownloadHTTPError(`${url} was not accepted`, 404));
  }

  serve(files: ReadonlyMap<string, Uint8Array>): void {
    for (const [url, bytes] of files) this.#files.set(url, bytes);
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const bytes = this.#files.get(url);
    if (bytes === undefined || bytes.byteLength > maxLength) throw this.#notFound(url);
    return Buffer.from(bytes);
  }

  /** Targets are not its business. */
  async downloadFile<T>(url: string): Promise<T> {
    throw this.#notFound(url);
  }
}
