/**
 * An HTTP peer on loopback, scripted at socket level: it says exactly the bytes of its script, when the script says
 * so, whether or not that is HTTP. Every request head it gets is kept for the test to look at.
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A request as it came: the line, the headers with lower-case names, and which connection and request it was. */
export interface PeerRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly connection: number;
  readonly index: number;
}

/** Answers one request on the bare socket; returning leaves the connection open for the next request. */
export type Script = (socket: Socket, request: PeerRequest) => void | Promise<void>;

export interface HostilePeer {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly requests: PeerRequest[];
  /** Sockets open now. */
  openConnections(): number;
  /** Resolves once no socket is open. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a peer. `onConnect` may spoil a connection before any request, for instance by a reset. */
export async function startHostilePeer(
  script: Script,
  onConnect?: (socket: Socket) => void,
): Promise<HostilePeer> {
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  const requests: PeerRequest[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) for (const resolve of waiting.splice(0)) resolve();
    });
    onConnect?.(socket);
    serve(socket, connections, requests, script);
  });
  const origin = await listen(server);
  return {
    origin,
    requests,
    openConnections: () => sockets.size,
    idle: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The peer has no port.');
  return `http://127.0.0.1:${address.port}`;
}

function serve(socket: Socket, connection: number, requests: PeerRequest[], script: Script): void {
  let head = '';
  socket.on('data', (bytes) => {
    head += bytes.toString('latin1');
    for (let end = head.indexOf('\r\n\r\n'); end >= 0; end = head.indexOf('\r\n\r\n')) {
      const request = parseHead(head.slice(0, end), connection, requests.length);
      head = head.slice(end + 4);
      requests.push(request);
      void Promise.resolve(script(socket, request)).catch((error: unknown) => {
        socket.destroy(error instanceof Error ? error : undefined);
      });
    }
  });
}

function parseHead(head: string, connection: number, index: number): PeerRequest {
  const [line = '', ...fields] = head.split('\r\n');
  const [method = '', target = ''] = line.split(' ');
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  return { method, target, headers, connection, index };
}

/** The bytes of an answer. Headers are exactly the given ones; Content-Length is not added. */
export function answer(
  status: number,
  headers: Readonly<Record<string, string | number>>,
  body: Uint8Array | string = '',
): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} X\r\n${fields.join('')}\r\n`, 'latin1'),
    Buffer.from(body),
  ]);
}

/** Says the bytes and leaves the connection as it is. */
export function says(...bytes: (Uint8Array | string)[]): Script {
  return (socket) => {
    for (const part of bytes) socket.write(part);
  };
}

/** Says the bytes, then ends the connection in good order. */
export function saysAndEnds(...bytes: (Uint8Array | string)[]): Script {
  return (socket) => void socket.end(Buffer.concat(bytes.map((part) => Buffer.from(part))));
}

/** Says the bytes, and once they are out, resets the connection. */
export function saysAndResets(...bytes: (Uint8Array | string)[]): Script {
  return (socket) =>
    void socket.write(Buffer.concat(bytes.map((part) => Buffer.from(part))), () => socket.resetAndDestroy());
}

/** Says the head at once and then one byte of the body at a time, each when the one before is out. */
export function drips(head: Uint8Array, body: Uint8Array): Script {
  return (socket) => {
    const drop = (at: number): void => {
      if (at >= body.byteLength || socket.destroyed) return;
      socket.write(body.subarray(at, at + 1), () => setImmediate(drop, at + 1));
    };
    socket.setNoDelay(true);
    socket.write(head, () => drop(0));
  };
}

/** Says nothing at all. */
export const stalls: Script = () => undefined;

/** What a hotel's network answers to every request: success, and a page. */
export const captivePortal: Script = saysAndEnds(
  answer(
    200,
    { 'Content-Type': 'text/html', Connection: 'close' },
    '<!doctype html><title>Welcome</title>Please log in.',
  ),
);

/** One script for each request in turn; the last one goes on for ever. */
export function inTurn(...scripts: readonly [Script, ...Script[]]): Script {
  return (socket, request) => scripts[Math.min(request.index, scripts.length - 1)]?.(socket, request);
}
