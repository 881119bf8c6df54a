/** `tidegate/server`: a repository over HTTP. */
export { isTidegateError, TidegateError } from '../errors.ts';
export type { ReadableStore } from '../storage/store.ts';
export { createApp, type RequestHandler, type ServerOptions } from './app.ts';
export type { Health, RepositoryHealth } from './health.ts';
export { defaultServerLimits, type ServerLimits } from './limits.ts';
export { type RunningServer, type ServeOptions, serve } from './serve.ts';
