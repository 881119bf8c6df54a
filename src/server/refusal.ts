/** Answers without a file: a status, one short line, and nothing that tells how the server is made. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { isTidegateError } from '../errors.ts';

/** Answers with a status and its name. `headers` are names and values in turn. */
export function refuse(response: ServerResponse, status: number, headers: readonly string[] = []): void {
  const body = refusalText(status);
  const cache = headers.includes('Cache-Control') ? [] : ['Cache-Control', 'no-store'];
  response.writeHead(status, [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    'X-Content-Type-Options',
    'nosniff',
    ...cache,
    ...headers,
  ]);
  response.end(body);
}

export function refusalText(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Error'}\n`;
}

/** Ends an answer that went wrong: with a status while it has not begun, else by cutting it off visibly. */
export function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const status = statusOf(error);
  refuse(response, status, status === 503 ? ['Retry-After', '1'] : []);
}

/** A link or device does not exist for a client; a file that changes while it is read can be asked for again. */
function statusOf(error: unknown): number {
  if (isTidegateError(error, 'not-a-plain-file')) return 404;
  if (isTidegateError(error, 'store-conflict', 'length-limit', 'length-mismatch')) return 503;
  return isTidegateError(error) ? error.httpStatus : 500;
}
