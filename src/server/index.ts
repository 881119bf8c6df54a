/** `tidegate/server`: a repository over HTTP. */
export { isTidegateError, TidegateError } from '../errors.ts';
export { createApp, type ServerOptions } from './app.ts';
export type { Health, RepositoryHealth } from './health.ts';
export { defaultServerLimits, type ServerLimits } from './limits.ts';
export { type RunningServer, type ServeOptions, serve } from './serve.ts';
