/**
 * A store in a bucket: AWS S3, or what speaks its language.
 * - Writes are create-only or compare-and-swap, never unconditional; what the store promises beyond its name is what
 *   `tidegate store probe` has seen it do.
 * - The SHA-256 goes with every write and is compared afterwards; metadata is read back.
 * - Memory is bounded by the parts on their way, time by tries and stall limits.
 */
import { streamed } from './content.ts';
import { triedPromises } from './essential-probe.ts';
import type { PromisingStore, StorePromises } from './promises.ts';
import { parseS3Address, s3Key } from './s3-address.ts';
import { S3Calls, type S3RetryOptions } from './s3-calls.ts';
import { compareStored } from './s3-compare.ts';
import { S3Connection, type S3ConnectionOptions } from './s3-connection.ts';
import { listFiles } from './s3-list.ts';
import { uploadInParts } from './s3-multipart.ts';
import { defaultS3Sizes, type S3Sizes } from './s3-parts.ts';
import { headFile, openFile, readFile } from './s3-read.ts';
import { abortUpload, type OpenUpload, openUploads } from './s3-uploads.ts';
import { putNew, removeFile, swapFile } from './s3-write.ts';
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  ListOptions,
  OpenFile,
  ReadOptions,
  RemoveOptions,
  SmallFile,
} from './store.ts';
import { checkStorePrefix } from './store-name.ts';

export interface S3Options extends S3ConnectionOptions {
  readonly retry?: S3RetryOptions;
  readonly sizes?: Partial<S3Sizes>;
  /** Look before every write, because the store does not heed conditions and nobody else writes. */
  readonly lookFirst?: boolean;
}

export class S3Store implements PromisingStore {
  readonly location: string;
  readonly listsTimes = true;
  readonly calls: S3Calls;
  readonly #sizes: S3Sizes;
  readonly #lookFirst: boolean;
  readonly #stall: { readonly stallTimeout?: number };

  #promises: Promise<StorePromises> | undefined;

  /**
   * Nothing is asked of the bucket yet.
   *
   * @throws config-invalid for an address that cannot be used
   */
  constructor(address: string | S3Calls, options: S3Options = {}) {
    const { retry = {}, sizes = {}, lookFirst = false, ...connection } = options;
    this.calls =
      typeof address === 'string'
        ? new S3Calls(new S3Connection(parseS3Address(address), connection), retry)
        : address.retrying(retry);
    this.location = this.calls.location;
    this.#sizes = { ...defaultS3Sizes, ...sizes };
    this.#lookFirst = lookFirst;
    const { stallTimeout } = options;
    this.#stall = stallTimeout === undefined ? {} : { stallTimeout };
  }

  async read(name: string, limit: number, options: CancelOptions = {}): Promise<SmallFile | undefined> {
    return await readFile(this.calls, name, limit, options);
  }

  async open(name: string, options: ReadOptions = {}): Promise<OpenFile | undefined> {
    return await openFile(this.calls, name, options, this.#stall);
  }

  async stat(name: string, options: CancelOptions = {}): Promise<FileInfo | undefined> {
    const head = await headFile(this.calls, name, options);
    if (head === undefined) return undefined;
    // Over parts it is the hash of hashes, which says nothing to whoever knows the parts not.
    const whole = head.sha256?.includes('-') === false ? { sha256: hexOf(head.sha256) } : {};
    return { name, length: head.length, etag: head.etag, ...whole };
  }

  async create(name: string, content: Content, options: CreateOptions = {}): Promise<'created' | 'present'> {
    s3Key(this.calls.connection.address, name);
    const stated = streamed(content);
    if (this.#lookFirst) {
      const { signal } = options;
      if ((await compareStored(this.calls, name, stated, this.#sizes, signal)) === 'same') return 'present';
    }
    const write = stated.length > this.#sizes.singlePut ? uploadInParts : putNew;
    return await write(this.calls, name, stated, this.#sizes, options);
  }

  async *list(prefix = '', { most, signal }: ListOptions = {}): AsyncGenerator<FileInfo, void> {
    yield* await listFiles(this.calls, prefix, signal, most === undefined ? {} : { entries: most });
  }

  async swap(
    name: string,
    bytes: Uint8Array,
    expected: string | undefined,
    options: CancelOptions = {},
  ): Promise<'swapped' | 'lost'> {
    return await swapFile(this.calls, name, bytes, expected, { ...options, lookFirst: this.#lookFirst });
  }

  async remove(
    name: string,
    expected: string,
    options: RemoveOptions = {},
  ): Promise<'removed' | 'absent' | 'lost'> {
    return await removeFile(this.calls, name, expected, options);
  }

  /** By the Date of an answer, whatever the answer is; undefined when it has none. */
  async storeTime({ signal }: CancelOptions = {}): Promise<number | undefined> {
    const { bucket } = this.calls.connection.address;
    await this.calls.repeatUnless(
      'asking for the time',
      (client, sdk, options) => client.send(new sdk.HeadBucketCommand({ Bucket: bucket }), options),
      signal,
      ['absent', 'forbidden', 'skewed', 'bucket-absent', 'expired', 'elsewhere', 'refused', 'unsupported'],
    );
    return this.calls.connection.storeTime;
  }

  async promises(options: CancelOptions = {}): Promise<StorePromises> {
    this.#promises ??= triedPromises(this.tuned({ retry: { attempts: 3 }, lookFirst: false }), options);
    // A failure to ask is no answer: the next one asks again.
    this.#promises.catch(() => (this.#promises = undefined));
    return await this.#promises;
  }

  /** The same bucket by the same connection, with other rules. */
  tuned(options: Pick<S3Options, 'retry' | 'sizes' | 'lookFirst'>): S3Store {
    return new S3Store(this.calls, {
      sizes: this.#sizes,
      lookFirst: this.#lookFirst,
      ...this.#stall,
      ...options,
    });
  }

  /** Uploads in parts that were begun below this prefix and not ended; undefined where the store cannot list them. */
  async openUploads(prefix = ''): Promise<readonly OpenUpload[] | undefined> {
    checkStorePrefix(prefix);
    return await openUploads(this.calls, prefix);
  }

  /** False when it could not be done now; nobody sees a difference but the bill. */
  async abortUpload(upload: OpenUpload): Promise<boolean> {
    return await abortUpload(this.calls, upload);
  }

  close(): void {
    this.calls.connection.close();
  }
}

/** Of a checksum as S3 writes it. */
function hexOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
