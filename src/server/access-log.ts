/**
 * One line of JSON per request, when its answer has ended. The rules:
 *
 * 1. ASCII without control characters: nothing that a client sends can begin a line or move a cursor.
 * 2. What a client sends is cut to a fixed length, and there is no query: it may hold a token or signature.
 * 3. A log that fails stops no answer.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTidegateError } from '../errors.ts';
import { withoutQuery } from './request-path.ts';

/** Characters kept of each text that a client sends. */
const LONGEST_TEXT = 256;

export class AccessLog {
  readonly #log: ((line: string) => void) | undefined;
  readonly #clock: () => number;
  readonly #observed = new WeakSet<ServerResponse>();
  readonly #errors = new WeakMap<ServerResponse, string>();

  constructor(log: ((line: string) => void) | undefined, clock: () => number) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Writes the line of this request once its answer has ended, in whatever way; once, however often called. */
  observe(request: IncomingMessage, response: ServerResponse): void {
    if (this.#log === undefined || this.#observed.has(response)) return;
    this.#observed.add(response);
    const begun = this.#clock();
    const { socket } = request;
    const client = socket.remoteAddress ?? '';
    const before = socket.bytesWritten;
    response.once('close', () => {
      this.#write({
        time: new Date(begun).toISOString(),
        client,
        method: request.method ?? '',
        path: withoutQuery(request.url ?? ''),
        status: response.statusCode,
        sent: socket.bytesWritten - before,
        complete: response.writableFinished,
        took: this.#clock() - begun,
        range: request.headers.range,
        agent: request.headers['user-agent'],
        error: this.#errors.get(response) ?? codeOf(response.errored),
      });
    });
  }

  /** The code of what went wrong, for the line of that request. */
  noteError(response: ServerResponse, error: unknown): void {
    this.#errors.set(response, codeOf(error) ?? 'internal');
  }

  #write(entry: Readonly<Record<string, string | number | boolean | undefined>>): void {
    try {
      this.#log?.(formatEntry(entry));
    } catch {
      // Rule 3; the log has nobody else to tell.
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return isTidegateError(error) ? error.code : undefined;
}

/** Text cut to size, everything but printable ASCII escaped. */
export function formatEntry(entry: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const cut = (_: string, value: unknown): unknown =>
    typeof value === 'string' && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}...` : value;
  return JSON.stringify(entry, cut).replaceAll(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
