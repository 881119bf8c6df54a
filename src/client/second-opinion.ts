/** Whether the second verifier is asked, by the setting and by the size of what it would read. */
import type { TargetPath } from '../metadata/target-path.ts';
import type { Target } from '../metadata/targets.ts';
import type { TrustedSet } from '../trust/trusted-set.ts';
import type { Datastore } from './datastore.ts';
import type { SecondVerifierMode } from './options.ts';
import { type Accepted, SecondVerifier } from './second-verifier.ts';
import { tooLargeForSecond } from './second-verifier-limits.ts';

export type SecondVerdict =
  | { readonly verdict: 'agreed' }
  | { readonly verdict: 'left-out'; readonly reason: string };

export class SecondOpinion {
  readonly result: SecondVerdict;
  readonly #mode: SecondVerifierMode;
  readonly #verifier: SecondVerifier | undefined;

  private constructor(mode: SecondVerifierMode, verifier: SecondVerifier | undefined, reason = '') {
    this.#mode = mode;
    this.#verifier = verifier;
    this.result = verifier === undefined ? { verdict: 'left-out', reason } : { verdict: 'agreed' };
  }

  /** @throws verifiers-disagree */
  static async of(
    accepted: Accepted,
    mode: SecondVerifierMode,
    datastore: Datastore,
  ): Promise<SecondOpinion> {
    if (mode === 'off') return new SecondOpinion(mode, undefined, 'switched off');
    const reason = mode === 'auto' ? tooLargeForSecond(accepted.set) : undefined;
    if (reason !== undefined) return new SecondOpinion(mode, undefined, reason);
    return new SecondOpinion(mode, await SecondVerifier.agree(accepted, datastore));
  }

  /** @throws verifiers-disagree */
  async onTarget(path: TargetPath, found: Target | undefined, set: TrustedSet): Promise<void> {
    if (this.#verifier === undefined) return;
    // A delegated role that was loaded since may be too large.
    if (this.#mode === 'auto' && tooLargeForSecond(set) !== undefined) return;
    await this.#verifier.agreeOnTarget(path, found, set);
  }

  async close(): Promise<void> {
    await this.#verifier?.close();
  }
}
