/**
 * The AWS SDK, loaded when the first request is made, and what is asked of it beyond signing and writing XML:
 * - It never tries again by itself: whether a request may be repeated is known one floor above.
 * - No checksum is added unasked; the SHA-256 that we know goes with every write, and is signed as the body's hash.
 * - Every answer is bounded before it is parsed, and its Date is noted.
 * - Credentials come from AWS's usual places. When they expire on the way, all places are read anew.
 */
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import type * as Sdk from '@aws-sdk/client-s3';
import { TidegateError } from '../errors.ts';
import type { S3Address } from './s3-address.ts';
import { s3LocationText } from './s3-address.ts';
import { boundAnswer, isRawAnswer } from './s3-answer.ts';
import { CredentialNotes, checkCredentials } from './s3-credentials.ts';
import { agentOptions, isPathStyle } from './s3-environment.ts';

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface S3ConnectionOptions {
  /** Instead of AWS's usual places; asked again when they expire. */
  readonly credentials?: () => Promise<S3Credentials>;
  /** Milliseconds to connect, and milliseconds without a byte in either direction. */
  readonly connectTimeout?: number;
  readonly stallTimeout?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const defaultTimeouts = { connectTimeout: 10_000, stallTimeout: 30_000 };
/** Connections kept; more than requests at once, because bodies of files are read beside them. */
const connections = 64;

/** One request: the module of the SDK in, a sent command out. */
export type S3Request<Output> = (
  client: Sdk.S3Client,
  sdk: typeof Sdk,
  options: { readonly abortSignal?: AbortSignal },
) => Promise<Output>;

export class S3Connection {
  readonly address: S3Address;
  readonly location: string;
  readonly now: () => number;
  readonly #options: S3ConnectionOptions;
  readonly #notes = new CredentialNotes();
  #open: Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.S3Client }> | undefined;
  /** With its connections, which outlive credentials. */
  #handler: Sdk.S3ClientConfig['requestHandler'];
  #renewals = 0;
  #closed = false;
  /** Of the last answer, in milliseconds: the store's clock less ours. */
  #offset: number | undefined;
  /** What the store calls itself in its last answer. */
  server: string | undefined;

  constructor(address: S3Address, options: S3ConnectionOptions = {}) {
    this.address = address;
    this.location = s3LocationText(address);
    this.now = options.now ?? Date.now;
    this.#options = options;
  }

  /** The store's time by its last answer; undefined before the first one with a date. */
  get storeTime(): number | undefined {
    return this.#offset === undefined ? undefined : this.now() + this.#offset;
  }

  async send<Output>(request: S3Request<Output>, signal: AbortSignal | undefined): Promise<Output> {
    this.#open ??= this.#connect();
    const { sdk, client } = await this.#open;
    const profile = this.address.profile ?? process.env.AWS_PROFILE;
    await checkCredentials(client, { notes: this.#notes, location: this.location, profile });
    return await request(client, sdk, signal === undefined ? {} : { abortSignal: signal });
  }

  /** Counts the renewals. */
  get renewals(): number {
    return this.#renewals;
  }

  /**
   * Reads the credentials anew, from wherever they come; once for all requests that were sent with the old ones.
   *
   * @param seen the count of renewals before the request that was told so
   */
  renew(seen: number): void {
    if (this.#closed || seen !== this.#renewals) return;
    this.#renewals += 1;
    this.#open = undefined;
  }

  close(): void {
    this.#open?.then(({ client }) => client.destroy()).catch(() => undefined);
    this.#closed = true;
    this.#open = Promise.reject(
      new TidegateError('usage', `${this.location} has been closed and cannot be used again.`),
    );
    this.#open.catch(() => undefined);
  }

  async #connect(): Promise<{ readonly sdk: typeof Sdk; readonly client: Sdk.S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const client = new sdk.S3Client(this.#config(await agentOptions()));
    this.#handler = client.config.requestHandler;
    client.middlewareStack.add(
      (next, context) => async (args) => {
        const result = await next(args);
        if (!isRawAnswer(result.response)) return result;
        this.#noteDate(result.response.headers.date);
        this.server = result.response.headers.server ?? this.server;
        await boundAnswer(result.response, {
          command: context.commandName ?? '',
          location: this.location,
          patience: this.#options.stallTimeout ?? defaultTimeouts.stallTimeout,
        });
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'tidegateBoundAnswer' },
    );
    return { sdk, client };
  }

  #config(options: AgentOptions): Sdk.S3ClientConfig {
    const { region, endpoint, profile } = this.address;
    const { credentials, connectTimeout, stallTimeout } = { ...defaultTimeouts, ...this.#options };
    const agent = { ...options, keepAlive: true, maxSockets: connections };
    const config: Sdk.S3ClientConfig = {
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      ...(profile !== undefined && { profile }),
      ...(credentials !== undefined && { credentials }),
      forcePathStyle: isPathStyle(this.address),
      maxAttempts: 1,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      logger: this.#notes.logger,
      requestHandler: this.#handler ?? {
        connectionTimeout: connectTimeout,
        socketTimeout: stallTimeout,
        // Made here: for a body that waits for its "100 Continue" the SDK would make others, without these options.
        httpAgent: new HttpAgent(agent),
        httpsAgent: new HttpsAgent(agent),
      },
    };
    // Otherwise the files of profiles are read once per process, and rotated credentials never seen.
    return Object.assign(config, { ignoreCache: true });
  }

  #noteDate(date: string | undefined): void {
    const time = Date.parse(date ?? '');
    if (!Number.isNaN(time)) this.#offset = time - this.now();
  }
}
