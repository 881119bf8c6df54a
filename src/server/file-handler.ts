/**
 * Files of a store over HTTP, as a plain request handler that needs no framework: small ones from memory, large
 * ones streamed. GET and HEAD; the caller has refused other methods.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTidegateError, TidegateError } from '../errors.ts';
import type { ReadableStore } from '../storage/store.ts';
import { answerFile, type FileAnswer, isPlain } from './file-answer.ts';
import type { ServerLimits } from './limits.ts';
import type { FoundFile, MemoryFile, MemoryFiles, StoredFile } from './memory-files.ts';
import { refuse } from './refusal.ts';
import { parseRequestPath } from './request-path.ts';
import { absenceCacheControl, type ServedName, servedName } from './served-name.ts';
import { sendBody, sendBytes } from './transfer.ts';

export interface FileHandlerOptions {
  readonly store: ReadableStore;
  readonly memory: MemoryFiles;
  readonly limits: ServerLimits;
  /** Told every file that was found, before it is answered. */
  readonly onFound?: (file: FoundFile) => void;
}

export class FileHandler {
  readonly #options: FileHandlerOptions;

  constructor(options: FileHandlerOptions) {
    this.#options = options;
  }

  /** Answers at once what lies in memory. False: nothing was done, and `answer` must be asked. */
  answerAtOnce(request: IncomingMessage, response: ServerResponse): boolean {
    const { memory, limits } = this.#options;
    const served = servedOf(request);
    const file = typeof served === 'object' ? memory.held(served) : undefined;
    if (file === undefined) return false;
    answerFromMemory(file, request, response, limits.stepTime);
    return true;
  }

  /** Answers every request. Rejects with what went wrong in the store; the answer may have begun by then. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { memory, limits, onFound } = this.#options;
    const served = servedOf(request);
    if (typeof served === 'number') return refuse(response, served);
    const file = await memory.find(served);
    if (file === undefined) {
      return refuse(response, 404, ['Cache-Control', absenceCacheControl(served.name)]);
    }
    onFound?.(file);
    if ('bytes' in file) return answerFromMemory(file, request, response, limits.stepTime);
    await this.#answerFromStore(file, request, response, 'again');
  }

  async #answerFromStore(
    file: StoredFile,
    request: IncomingMessage,
    response: ServerResponse,
    onChange: 'again' | 'fail',
  ): Promise<void> {
    const answer = answerFile(file, request);
    if (request.method === 'HEAD' || !('span' in answer)) return answerWithout(answer, response);
    const cancel = new AbortController();
    try {
      const body = await this.#open(file, answer.span, cancel.signal);
      response.writeHead(answer.status, [...answer.headers]);
      const { stepTime } = this.#options.limits;
      await sendBody(response, body, { length: answer.span.length, stepTime, cancel });
    } catch (error) {
      const changed = isTidegateError(error, 'store-conflict') && !response.headersSent;
      if (!changed || onChange === 'fail') throw error;
      const now = await this.#options.memory.find(file.served);
      if (now === undefined || 'bytes' in now) throw error;
      await this.#answerFromStore(now, request, response, 'fail');
    }
  }

  /** The bytes of exactly the file that the headers speak of. Code store-conflict when it has changed. */
  async #open(
    { info }: StoredFile,
    span: { start: number; length: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const pin = info.etag === '' ? {} : { etag: info.etag };
    const opened = await this.#options.store.open(info.name, {
      ...span,
      ...pin,
      signal,
      // A chunk has left for the network before the next one is asked for.
      reuseChunks: true,
    });
    if (opened?.length === info.length) return opened.body;
    await opened?.body[Symbol.asyncIterator]().return?.();
    throw new TidegateError('store-conflict', `${info.name} changed while it was opened.`);
  }
}

/** What the request asks for, or the status that refuses it. */
function servedOf(request: IncomingMessage): ServedName | 400 | 404 {
  const path = parseRequestPath(request.url ?? '');
  return 'refused' in path ? path.refused : (servedName(path.name) ?? 404);
}

function answerFromMemory(
  file: MemoryFile,
  request: IncomingMessage,
  response: ServerResponse,
  stepTime: number,
): void {
  const answer = request.method === 'GET' && isPlain(request) ? file.whole : answerFile(file, request);
  if (request.method === 'HEAD' || !('span' in answer)) {
    answerWithout(answer, response);
    return;
  }
  const { start, length } = answer.span;
  response.writeHead(answer.status, [...answer.headers]);
  sendBytes(response, file.bytes.subarray(start, start + length), stepTime);
}

/** An answer that has no bytes of the file. */
function answerWithout(answer: FileAnswer, response: ServerResponse): void {
  if (answer.status === 412) {
    refuse(response, 412);
  } else if (answer.status === 416) {
    refuse(response, 416, ['Content-Range', answer.contentRange]);
  } else {
    response.writeHead(answer.status, [...answer.headers]);
    response.end();
  }
}
