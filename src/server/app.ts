/**
 * The server as an express app: `/health`, and every file of a repository that the store holds. It writes nothing,
 * signs nothing and has no other address.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { ReadableStore } from '../storage/store.ts';
import { AccessLog } from './access-log.ts';
import { FileHandler } from './file-handler.ts';
import { answerHealth, HealthCheck } from './health.ts';
import { defaultServerLimits, type ServerLimits } from './limits.ts';
import { MemoryFiles } from './memory-files.ts';
import { fail, refuse } from './refusal.ts';

export interface ServerOptions {
  /** Where the repository lies; its names are the paths of the addresses. */
  readonly store: ReadableStore;
  /**
   * Folders of the store that hold a repository each ('' is the store itself), for `/health`. By default the usual
   * places, and wherever a timestamp was served from.
   */
  readonly repositories?: readonly string[];
  /** Told one line of JSON per request. Nothing is logged by default. */
  readonly log?: (line: string) => void;
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly clock?: () => number;
  readonly limits?: Partial<ServerLimits>;
}

/** What `http.createServer` and the `use` of an express app take. No type of express reaches who imports this. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** The parts of a server that share one memory. */
export interface ServerParts {
  readonly limits: ServerLimits;
  readonly app: RequestHandler;
  /** Answers what lies in memory at once, and hands everything else to the app. */
  readonly handler: RequestHandler;
}

/** An app to be mounted in another one. `serve` is faster, and sets the limits of connections. */
export function createApp(options: ServerOptions): RequestHandler {
  return createParts(options).app;
}

export function createParts(options: ServerOptions): ServerParts {
  const { store, repositories, log, clock = Date.now } = options;
  const limits = { ...defaultServerLimits, ...options.limits };
  const memory = new MemoryFiles(store, limits, clock);
  const health = new HealthCheck({ memory, limits, clock, ...(repositories && { repositories }) });
  const files = new FileHandler({ store, memory, limits, onFound: (file) => health.noteFound(file) });
  const accessLog = new AccessLog(log, clock);
  const app = buildApp(files, health, accessLog, limits);
  const handler: RequestHandler = (request, response) => {
    accessLog.observe(request, response);
    const usual = isReading(request) && !hasTooMany(request, limits) && !carriesBody(request);
    if (!usual || !files.answerAtOnce(request, response)) app(request, response);
  };
  return { limits, app, handler };
}

function buildApp(files: FileHandler, health: HealthCheck, log: AccessLog, limits: ServerLimits): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.enable('strict routing');
  app.enable('case sensitive routing');
  app.use((request, response, next) => {
    log.observe(request, response);
    // A body is never read, so the connection ends before it.
    if (carriesBody(request)) response.shouldKeepAlive = false;
    if (hasTooMany(request, limits)) refuse(response, 431);
    else if (!isReading(request)) refuse(response, 405, ['Allow', 'GET, HEAD']);
    else next();
  });
  app.get('/health', async (_request, response) => answerHealth(response, await health.check()));
  app.use((request, response) => files.answer(request, response));
  const failed: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
    log.noteError(response, error);
    fail(response, error);
  };
  app.use(failed);
  return app;
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Node drops the headers beyond its limit in silence, so at the limit the request is refused. */
function hasTooMany({ rawHeaders }: IncomingMessage, { headerCount }: ServerLimits): boolean {
  return rawHeaders.length >= 2 * headerCount;
}

function carriesBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
