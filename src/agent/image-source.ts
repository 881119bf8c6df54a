/** What the agent needs of a repository: a part of `RepositoryClient`, which verifies all of it. */
import type { Choice, Host } from '../waves/choose.ts';
import type { Release } from '../waves/release.ts';

export interface CancelOptions {
  /** Code cancelled. */
  readonly signal?: AbortSignal;
}

export interface TransferOptions extends CancelOptions {
  /** Told the bytes so far, as they lie in the repository. */
  readonly progress?: (bytes: number) => void;
}

/** A target that a trusted role lists. */
export interface ImageTarget {
  /** In bytes, as it lies in the repository. */
  readonly length: number;
  /** The signed member `custom` of the target. */
  readonly custom?: unknown;
}

export interface ImageSource {
  refresh(options?: CancelOptions): Promise<unknown>;
  choose(host: Host, options?: CancelOptions): Promise<Choice>;
  /** The releases that are open for a host. */
  updates(host: Host, options?: CancelOptions): Promise<readonly Release[]>;
  /** Code target-not-found. */
  resolve(targetPath: string, options?: CancelOptions): Promise<ImageTarget>;
  /** Throws at the end when hash or length are wrong: nothing may be trusted before it ended. */
  stream(targetPath: string, options?: TransferOptions): AsyncIterable<Uint8Array>;
}
