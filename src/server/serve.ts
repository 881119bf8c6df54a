/** Listening: connections, their limits, and an orderly end. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TidegateError } from '../errors.ts';
import { createParts, type RequestHandler, type ServerOptions } from './app.ts';
import type { ServerLimits } from './limits.ts';
import { refusalText } from './refusal.ts';

export interface ServeOptions extends ServerOptions {
  /** Loopback by default: to be reachable from elsewhere is a decision. */
  readonly host?: string;
  /** 0, the default, takes any free one. */
  readonly port?: number;
}

export interface RunningServer {
  /** With the port that was taken, without a slash at the end. */
  readonly url: string;
  /**
   * Takes no more connections, lets running answers end until the limit, and cuts off what is left then. Resolves
   * when no connection is open.
   */
  close(): Promise<void>;
}

/** Milliseconds between two looks for connections that have become idle while the server closes. */
const SWEEP_EVERY = 50;

/** @throws usage when nothing can listen there */
export async function serve({
  host = '127.0.0.1',
  port = 0,
  ...options
}: ServeOptions): Promise<RunningServer> {
  const { limits, handler } = createParts(options);
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTime,
      requestTimeout: limits.requestTime,
      keepAliveTimeout: limits.idleTime,
      connectionsCheckingInterval: Math.min(1000, limits.headersTime),
    },
    handler,
  );
  limitConnections(server, limits, handler);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await listen(server, host, port);
  let closing: Promise<void> | undefined;
  return {
    url: urlOf(server.address() as AddressInfo),
    close: () => {
      closing ??= drain(server, sockets, limits.drainTime);
      return closing;
    },
  };
}

function limitConnections(server: Server, limits: ServerLimits, handler: RequestHandler): void {
  server.maxConnections = limits.connections;
  server.maxHeadersCount = limits.headerCount;
  // Behind the limit of a step, which knows what it cuts off and why.
  server.timeout = 2 * limits.stepTime;
  // Without "100 Continue": the body is not wanted, and the answer says so.
  server.on('checkContinue', handler);
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    socket.end(bareRefusal(405, 'Allow: GET, HEAD\r\n'));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // After a first answer this one could end up in the middle of another.
    const begun = 'bytesWritten' in socket && socket.bytesWritten !== 0;
    if (begun || !socket.writable) socket.destroy();
    else socket.end(bareRefusal(statusOfFault(error)), () => socket.destroy());
  });
}

/** For requests that never became one. */
function bareRefusal(status: number, headers = ''): string {
  const body = refusalText(status);
  const fields = `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nConnection: close\r\n${headers}`;
  return `HTTP/1.1 ${body.trimEnd()}\r\n${fields}\r\n${body}`;
}

function statusOfFault({ code }: NodeJS.ErrnoException): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'this user may not, ports below 1024 are for the administrator',
  EADDRNOTAVAIL: 'this machine has no such address',
};

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const reason = reasons[code] === undefined ? code : `${reasons[code]} (${code})`;
    const text = `Cannot listen on ${host} port ${port}: ${reason}. Choose another address or port.`;
    throw new TidegateError('usage', text, { host, port }, { cause: error });
  }
}

function urlOf({ family, address, port }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

async function drain(server: Server, sockets: ReadonlySet<Socket>, limit: number): Promise<void> {
  const closed = once(server, 'close');
  // An answer that is under way keeps its connection; the connection ends with it.
  const closeAfter = (_request: IncomingMessage, response: ServerResponse): void => {
    response.shouldKeepAlive = false;
  };
  server.prependListener('request', closeAfter);
  server.close();
  const endIdle = (): void => {
    server.closeIdleConnections();
    // To Node a connection that never said a word is not idle, but waiting for its first request.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
  endIdle();
  const sweep = setInterval(endIdle, SWEEP_EVERY);
  const deadline = setTimeout(() => server.closeAllConnections(), limit);
  try {
    await closed;
  } finally {
    clearInterval(sweep);
    clearTimeout(deadline);
  }
}
