/** A plain, honest HTTP server in front of a store: GET and HEAD, one range, strong etags, If-Range. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isTidegateError } from '../../src/errors.ts';
import type { OpenFile, ReadableStore } from '../../src/storage/store.ts';

export interface PlainServer {
  readonly origin: string;
  close(): Promise<void>;
}

export async function startPlainServer(store: ReadableStore): Promise<PlainServer> {
  const server = createServer((request, response) => {
    serve(store, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(isTidegateError(error) ? error.httpStatus : 500).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function serve(
  store: ReadableStore,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const name = (request.url ?? '').slice(1).split('/').map(decodeURIComponent).join('/');
  const info = await store.stat(name);
  if (info === undefined) return void response.writeHead(404, { 'content-length': 9 }).end('Not found');
  const etag = `"${info.etag}"`;
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(request, info.length) : undefined;
  if (range === 'unsatisfied') {
    return void response
      .writeHead(416, { 'content-range': `bytes */${info.length}`, 'content-length': 0 })
      .end();
  }
  const { start, end } = range ?? { start: 0, end: info.length };
  response.writeHead(range === undefined ? 200 : 206, {
    etag,
    'content-length': end - start,
    ...(range !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${info.length}` }),
  });
  if (request.method === 'HEAD') return void response.end();
  const file: OpenFile | undefined = await store.open(name, { start, length: end - start });
  for await (const chunk of file?.body ?? []) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

function rangeOf(
  request: IncomingMessage,
  total: number,
): { readonly start: number; readonly end: number } | 'unsatisfied' | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last === '' || last === undefined ? total : Math.min(total, Number(last) + 1);
  return start >= total ? 'unsatisfied' : { start, end };
}
