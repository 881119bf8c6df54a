/**
 * A server between a host and the repository that lies when told to: everything passes through but what the present
 * behaviour answers itself. Real HTTP on loopback, as a hostile mirror, network or cache would be.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What is said instead of the truth. */
export interface Lie {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Without a length the answer is chunked, and may be endless. */
  readonly length?: number;
  readonly body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** Undefined for what passes through. @param path without the leading slash */
export type Behaviour = (path: string, truth: () => Promise<Uint8Array>) => Promise<Lie | undefined>;

export const honest: Behaviour = async () => undefined;

export interface HostileProxy {
  readonly url: string;
  behaviour: Behaviour;
  /** Requests that got a lie. */
  readonly lies: number;
  close(): Promise<void>;
}

/** @param upstream the honest server, without a slash at the end */
export async function startHostileProxy(upstream: string): Promise<HostileProxy> {
  let lies = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const address = request.url ?? '/';
    const fetchTruth = async (): Promise<Uint8Array> => {
      const answer = await fetch(upstream + address);
      if (!answer.ok) throw new Error(`${address}: the honest server said ${answer.status}`);
      return await answer.bytes();
    };
    const lie = await proxy.behaviour(decodeURIComponent(address.slice(1)), fetchTruth);
    if (lie === undefined) return await passThrough(upstream + address, request, response);
    lies += 1;
    const length = lie.length === undefined ? {} : { 'content-length': lie.length };
    response.writeHead(lie.status ?? 200, { ...length, ...lie.headers });
    await pipeline(lie.body, response);
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the hostile proxy has no port');
  const proxy = {
    url: `http://127.0.0.1:${address.port}`,
    behaviour: honest,
    get lies() {
      return lies;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return proxy;
}

const passedOn = ['content-length', 'content-range', 'content-type', 'etag', 'accept-ranges'] as const;

async function passThrough(url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { range } = request.headers;
  const truth = await fetch(url, {
    method: request.method ?? 'GET',
    headers: { 'accept-encoding': 'identity', ...(range !== undefined && { range }) },
  });
  const headers = passedOn.flatMap((name) => {
    const value = truth.headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  response.writeHead(truth.status, Object.fromEntries(headers));
  if (truth.body === null) response.end();
  else await pipeline(Readable.fromWeb(truth.body), response);
}
