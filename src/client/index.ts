/** What outsiders import as `tidegate/client`. Nothing inside the package imports this file. */
export { type ErrorClass, type ErrorCode, isTidegateError, TidegateError } from '../errors.ts';
export { type HttpOptions, HttpStore } from '../storage/http.ts';
export type {
  CancelOptions,
  FileInfo,
  OpenFile,
  ReadableStore,
  ReadOptions,
  SmallFile,
} from '../storage/store.ts';
export { defaultLimits, type Limits } from '../trust/limits.ts';
export type { Choice, Host, NoneChoice, NoneReason, UpdateChoice } from '../waves/choose.ts';
export type { Manifest, Release } from '../waves/release.ts';
export { seedOf } from '../waves/seed.ts';
export type { DownloadResult } from './download.ts';
export type { SourceFault } from './mirrors.ts';
export type { Note } from './notes.ts';
export type { ClientOptions, Location, SecondVerifierMode } from './options.ts';
export type { RefreshResult, Versions } from './refresh-result.ts';
export type { ResolvedTarget } from './resolved-target.ts';
export type { SecondVerdict } from './second-opinion.ts';
export type { Progress, TransferOptions } from './target-stream.ts';
export { RepositoryClient } from './updater.ts';
