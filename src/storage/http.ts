/**
 * A store behind an HTTP server, a bucket's public address or a CDN: read only.
 * - 404 and 410 are absence; 403 too where the server is said to answer so (a bucket that may not be listed).
 * - Time limits are a stall limit and a minimum rate, never a total, so that slow links carry large images.
 * - Nothing is cached, retried or resumed here: the caller knows what the bytes are worth. A resume pins the etag.
 * - HTTP proxies are not used, whatever the environment says.
 */
import * as http from 'node:http';
import { TidegateError } from '../errors.ts';
import { checkEncodedName, encodeName, fileUrl, parseBaseUrl, urlText } from './http-address.ts';
import { type BodyLimits, HttpBody } from './http-body.ts';
import { statusError } from './http-error.ts';
import { type Answer, drain, exchange, type HttpLimits } from './http-exchange.ts';
import * as range from './http-range.ts';
import { plainAgent, secureAgent } from './http-socket.ts';
import { checkPinned, checkRange, rangeWithin, tooLarge } from './read-range.ts';
import type { CancelOptions, FileInfo, OpenFile, ReadableStore, ReadOptions, SmallFile } from './store.ts';
import { checkStoreName } from './store-name.ts';

export interface HttpOptions extends Partial<HttpLimits>, Partial<BodyLimits> {
  /** Sent with every request to the store's own origin, for instance an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly forbiddenMeansAbsent?: boolean;
  /**
   * Names are given percent-encoded, segment by segment, and go into the address as they are. So a name may hold what
   * no file system stores, such as an encoded slash inside a segment.
   */
  readonly encodedNames?: boolean;
  /** For certificates of one's own: an https agent for https bases. The caller closes it. */
  readonly agent?: http.Agent;
}

/** Times in milliseconds, the rate in bytes per second. */
const defaultLimits: HttpLimits & BodyLimits = {
  connectTimeout: 10_000,
  stallTimeout: 20_000,
  minimumRate: 16 * 1024,
  rateWindow: 60_000,
  maximumRedirects: 3,
  allowedHosts: [],
  clock: () => performance.now(),
};

/** What this store decides itself. */
const RESERVED_HEADERS: readonly string[] = ['accept-encoding', 'range', 'if-range', 'host', 'connection'];

/** A name as a store takes it: encoded where that is asked for. */
export function nameFor(store: ReadableStore, name: string): string {
  return store instanceof HttpStore && store.encodedNames ? encodeName(name) : name;
}

export class HttpStore implements ReadableStore {
  readonly location: string;
  readonly encodedNames: boolean;
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #limits: HttpLimits & BodyLimits;
  readonly #absent: ReadonlySet<number>;
  readonly #agents: { readonly plain: http.Agent; readonly secure: http.Agent };
  readonly #given: http.Agent | undefined;

  /** Code config-invalid for a base URL or header that cannot be used. */
  constructor(baseUrl: string, options: HttpOptions = {}) {
    const { headers = {}, forbiddenMeansAbsent = false, encodedNames = false, agent, ...limits } = options;
    this.#base = parseBaseUrl(baseUrl);
    this.encodedNames = encodedNames;
    this.location = urlText(this.#base);
    this.#headers = checkHeaders(headers);
    this.#limits = { ...defaultLimits, ...limits };
    this.#absent = new Set(forbiddenMeansAbsent ? [403, 404, 410] : [404, 410]);
    this.#given = agent;
    this.#agents = { plain: plainAgent(), secure: secureAgent() };
  }

  async read(name: string, limit: number, options: CancelOptions = {}): Promise<SmallFile | undefined> {
    const file = await this.open(name, options);
    if (file === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    let total = 0;
    try {
      if (file.length !== undefined && file.length > limit) throw tooLarge(name, this.location, limit);
      for await (const chunk of file.body) {
        total += chunk.byteLength;
        if (total > limit) throw tooLarge(name, this.location, limit);
        chunks.push(chunk);
      }
    } finally {
      await file.body[Symbol.asyncIterator]().return?.();
    }
    return { bytes: Buffer.concat(chunks, total), etag: file.etag };
  }

  async open(name: string, options: ReadOptions = {}): Promise<OpenFile | undefined> {
    this.#checkName(name);
    checkRange(name, options);
    if (options.etag === '') checkPinned(name, 'unknown', options);
    if (options.length === 0) return await this.#openEmpty(name, options);
    const asked = range.rangeHeader(options);
    const answer = await this.#ask('GET', name, options, {
      ...(asked !== undefined && { range: asked }),
      ...(asked !== undefined && options.etag !== undefined && { 'if-range': options.etag }),
    });
    if (answer === undefined) return undefined;
    try {
      return this.#opened(name, answer, options, asked !== undefined);
    } catch (error) {
      answer.response.destroy();
      throw error;
    }
  }

  async stat(name: string, options: CancelOptions = {}): Promise<FileInfo | undefined> {
    this.#checkName(name);
    const answer = await this.#ask('HEAD', name, options, {});
    if (answer === undefined) return undefined;
    const { url, status, response } = answer;
    await drain(response, this.#limits.stallTimeout);
    if (status !== 200) throw refusedStatus(answer);
    const length = range.parseContentLength(response.headers['content-length']);
    if (length !== undefined) return { name, length, etag: range.strongEtag(response.headers.etag) };
    const text = `${urlText(url)} does not tell its length in answer to HEAD.`;
    throw new TidegateError('store-unsupported', text, { url: urlText(url), host: url.host });
  }

  /** Ends all connections; what is being read breaks off. */
  close(): void {
    this.#agents.plain.destroy();
    this.#agents.secure.destroy();
  }

  #checkName(name: string): void {
    if (this.encodedNames) checkEncodedName(name);
    else checkStoreName(name);
  }

  /** The answer, or undefined for a file that does not exist. */
  async #ask(
    method: 'GET' | 'HEAD',
    name: string,
    { signal }: CancelOptions,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer | undefined> {
    const url = this.encodedNames ? new URL(name, this.#base) : fileUrl(this.#base, name);
    const answer = await exchange(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...headers },
      ownHeaders: this.#headers,
      limits: this.#limits,
      agentFor: (url) =>
        this.#given ?? (url.protocol === 'https:' ? this.#agents.secure : this.#agents.plain),
      signal,
    });
    if (!this.#absent.has(answer.status)) return answer;
    await drain(answer.response, this.#limits.stallTimeout);
    return undefined;
  }

  #opened(name: string, answer: Answer, options: ReadOptions, ranged: boolean): OpenFile {
    const { url, status, response } = answer;
    const etag = range.strongEtag(response.headers.etag);
    const stated = range.parseContentLength(response.headers['content-length']);
    if (status === 412) checkPinned(name, etag, { etag: options.etag ?? '' });
    if (status === 416 && ranged) return this.#openAtEnd(name, answer, options);
    if (status !== 200 && !(status === 206 && ranged)) throw refusedStatus(answer);
    checkPinned(name, etag, options);
    let total = stated;
    let body = { stated, wanted: options.length };
    if (status === 206) {
      const part = range.parseContentRange(response.headers['content-range']);
      const length = part && part.end - part.start;
      if (part === undefined || !range.isAskedRange(part, options) || (stated ?? length) !== length) {
        throw statusError(url, status, 'not the range that was asked for');
      }
      total = part.total;
      body = { stated: length, wanted: length };
    } else if ((options.start ?? 0) > 0) {
      throw statusError(url, status, 'the whole file in answer to a range');
    }
    const stream = new HttpBody(response, url, body, this.#limits, options);
    return { name, length: total, etag, body: stream };
  }

  /** A range that begins where the file ends is empty; one that begins behind is an error. */
  #openAtEnd(name: string, answer: Answer, options: ReadOptions): OpenFile {
    const etag = range.strongEtag(answer.response.headers.etag);
    const total = range.parseUnsatisfiedRange(answer.response.headers['content-range']);
    if (total === undefined || total > (options.start ?? 0)) throw refusedStatus(answer);
    checkPinned(name, etag, options);
    rangeWithin(name, total, options);
    answer.response.destroy();
    return { name, length: total, etag, body: nothing() };
  }

  async #openEmpty(name: string, options: ReadOptions): Promise<OpenFile | undefined> {
    const info = await this.stat(name, options);
    if (info === undefined) return undefined;
    checkPinned(name, info.etag, options);
    rangeWithin(name, info.length, options);
    return { ...info, body: nothing() };
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

function refusedStatus({ url, status, response }: Answer): TidegateError {
  return statusError(url, status, 'neither the file nor its absence', response.headers['retry-after']);
}

function checkHeaders(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(headers)) {
    try {
      http.validateHeaderName(name);
      http.validateHeaderValue(name, value);
    } catch {
      throw new TidegateError('config-invalid', `The HTTP header ${JSON.stringify(name)} cannot be sent.`, {
        name,
      });
    }
    if (RESERVED_HEADERS.includes(name.toLowerCase())) {
      throw new TidegateError('config-invalid', `The HTTP header ${name} is not for configuration.`, {
        name,
      });
    }
  }
  return headers;
}
