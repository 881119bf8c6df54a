/**
 * One request up to the head of its answer, redirects followed. Every phase has a limit: looking up, connecting and
 * encryption together the connect limit; the whole head the stall limit, so that dripping headers help nobody.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { cancelled, checkCancelled } from './cancel.ts';
import { isSystem } from './disk-error.ts';
import { type RedirectRules, redirectTarget, urlText } from './http-address.ts';
import { brokenConnection, type HttpPhase, httpError, statusError, tooSlow } from './http-error.ts';

export interface HttpLimits extends RedirectRules {
  /** Milliseconds until the connection stands, encryption included. */
  readonly connectTimeout: number;
  /** Milliseconds without an answer, or without a byte of the body. */
  readonly stallTimeout: number;
}

export interface ExchangeOptions {
  readonly method: 'GET' | 'HEAD';
  /** Sent to whoever answers in the end. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the first origin only: they may hold a token. */
  readonly ownHeaders: Readonly<Record<string, string>>;
  readonly limits: HttpLimits;
  agentFor(url: URL): http.Agent;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly response: http.IncomingMessage;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Bytes of a body nobody wants that are read to keep the connection. */
const DRAINED = 64 * 1024;

/** Codes network-unreachable, too-slow, redirect-refused, encoding-refused, cancelled. */
export async function exchange(first: URL, options: ExchangeOptions): Promise<Answer> {
  let url = first;
  for (let redirects = 1; ; redirects += 1) {
    const headers = { ...options.headers, ...(url.origin === first.origin ? options.ownHeaders : {}) };
    const response = await requestFresh(url, headers, options);
    const status = response.statusCode ?? 0;
    const { location } = response.headers;
    if (!REDIRECTS.has(status) || location === undefined) {
      refuseEncoding(url, response);
      return { url, status, response };
    }
    await drain(response, options.limits.stallTimeout);
    url = redirectTarget(url, location, redirects, options.limits);
  }
}

/**
 * Reads off a body that nobody wants, so that the connection can be used again; a long or slow one is cut off.
 */
export async function drain(response: http.IncomingMessage, stallTimeout: number): Promise<void> {
  let bytes = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => response.destroy(), stallTimeout);
    response.on('data', (chunk: Uint8Array) => {
      bytes += chunk.byteLength;
      if (bytes > DRAINED) response.destroy();
    });
    response.on('error', () => undefined);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** A kept connection may have been closed by the other side just now; that is no reason to fail. */
async function requestFresh(
  url: URL,
  headers: Readonly<Record<string, string>>,
  options: ExchangeOptions,
): Promise<http.IncomingMessage> {
  for (;;) {
    const reuse = { tried: false };
    try {
      return await request(url, headers, options, reuse);
    } catch (error) {
      if (!reuse.tried || !(error instanceof Error) || !isSystem(error.cause, 'ECONNRESET', 'EPIPE'))
        throw error;
    }
  }
}

/** Says how far the connection of a request has come. */
function followPhases(sent: http.ClientRequest, url: URL, enter: (next: HttpPhase) => void): void {
  sent.once('socket', (socket) => {
    if (sent.reusedSocket || !socket.connecting) return enter('headers');
    socket.once('lookup', () => enter('connect'));
    socket.once('connect', () => enter(url.protocol === 'https:' ? 'tls' : 'headers'));
    socket.once('secureConnect', () => enter('headers'));
  });
}

function request(
  url: URL,
  headers: Readonly<Record<string, string>>,
  { method, limits, signal, agentFor }: ExchangeOptions,
  reuse: { tried: boolean },
): Promise<http.IncomingMessage> {
  const what = `${method} ${urlText(url)}`;
  checkCancelled(what, signal);
  const library = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    let phase: HttpPhase = isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0 ? 'resolve' : 'connect';
    const sent = library.request(url, { method, headers, agent: agentFor(url) });
    const limit = (): number => (phase === 'headers' ? limits.stallTimeout : limits.connectTimeout);
    const late = (): void => void sent.destroy(tooSlow(url, phase, limit()));
    let timer = setTimeout(late, limit());
    const enter = (next: HttpPhase): void => {
      phase = next;
      if (next !== 'headers') return;
      clearTimeout(timer);
      timer = setTimeout(late, limit());
    };
    const onAbort = (): void => void sent.destroy(cancelled(what, signal));
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    followPhases(sent, url, enter);
    sent.once('response', (response) => {
      settle();
      resolve(response);
    });
    // Without this node:http closes the connection and tells nobody.
    sent.once('upgrade', (response, socket) => {
      settle();
      socket.destroy();
      reject(statusError(url, response.statusCode ?? 101, 'a change of protocol that was not asked for'));
    });
    // Whatever else ends it unsaid: nobody may wait for ever.
    sent.once('close', () => {
      settle();
      reject(httpError('network-unreachable', url, phase, 'closed the connection without an answer'));
    });
    // Stays for good: a connection may break after its answer has begun, which the body reports.
    sent.on('error', (error) => {
      settle();
      reuse.tried = sent.reusedSocket;
      reject(brokenConnection(error, url, phase));
    });
    sent.end();
  });
}

/** Only the bytes themselves are asked for; anything a server or a proxy has made of them is refused. */
function refuseEncoding(url: URL, response: http.IncomingMessage): void {
  const content = response.headers['content-encoding'] ?? 'identity';
  const transfer = response.headers['transfer-encoding'] ?? 'chunked';
  if (['', 'identity'].includes(content.trim().toLowerCase()) && transfer.trim().toLowerCase() === 'chunked')
    return;
  response.destroy();
  const found = content.toLowerCase() === 'identity' ? transfer : content;
  const text = `came with the encoding ${JSON.stringify(found.slice(0, 80))}; expected the plain bytes`;
  throw httpError('encoding-refused', url, 'headers', text, { found: found.slice(0, 80) });
}
