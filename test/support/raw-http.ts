/** Requests byte by byte over a bare socket: nothing is normalised, encoded, retried or decoded on the way. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. A name that comes twice has its values joined by ` | `. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface RawRequest {
  readonly method?: string;
  /** Lines such as `Range: bytes=0-0`, as they are. */
  readonly headers?: readonly string[];
}

export function openSocket(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  return socket;
}

/** Sends bytes and gives everything that comes back until the other side ends. */
export async function exchange(url: string, bytes: string | Uint8Array): Promise<Buffer> {
  const socket = openSocket(url);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** One request on a connection of its own. `target` goes into the request line as it is, in Latin-1. */
export async function ask(url: string, target: string, request: RawRequest = {}): Promise<RawAnswer> {
  const { method = 'GET', headers = [] } = request;
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''];
  return parseAnswer(await exchange(url, lines.join('\r\n')));
}

/** The first answer in the bytes; all bytes after its head are the body. */
export function parseAnswer(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`No answer in ${JSON.stringify(bytes.toString('latin1').slice(0, 200))}`);
  const [line = '', ...fields] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map<string, string>();
  for (const field of fields) {
    const colon = field.indexOf(':');
    const name = field.slice(0, colon).toLowerCase();
    const before = headers.get(name);
    const value = field.slice(colon + 1).trim();
    headers.set(name, before === undefined ? value : `${before} | ${value}`);
  }
  return { status: Number(line.split(' ')[1]), headers, body: bytes.subarray(end + 4) };
}
