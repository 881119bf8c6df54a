/**
 * What an audit finds, one after another: a file that is wrong ends the look at that file and at what only it vouches
 * for, not the audit.
 */
import { type ErrorCode, type ErrorDetails, isTidegateError, TidegateError } from '../../errors.ts';
import { escaped } from '../../metadata/printable.ts';

export interface Problem {
  /** `warning`: hosts work today. */
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** A hostile repository could have a million. */
const maxProblems = 10_000;
/** Files that the network, not the repository, may have failed: beyond so many the audit gives up. */
const maxNetworkFailures = 10;

export class Problems {
  readonly #found: Problem[] = [];
  #networkFailures = 0;

  get all(): readonly Problem[] {
    return this.#found;
  }

  add({ code, message, details }: TidegateError, severity: Problem['severity'] = 'error'): void {
    if (this.#found.length > maxProblems) return;
    if (this.#found.length === maxProblems) {
      const text = `more than ${maxProblems} problems; the rest is not listed`;
      this.#found.push({
        severity: 'error',
        code: 'count-limit',
        message: text,
        details: { limit: maxProblems },
      });
      return;
    }
    this.#found.push({ severity, code, message, details });
  }

  /** The outcome of work, or undefined and a problem. What is no fault of the repository is thrown. */
  async attempt<T>(work: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#caught(error);
      return undefined;
    }
  }

  /** The same for work that does not wait. */
  attemptNow<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#caught(error);
      return undefined;
    }
  }

  #caught(error: unknown): void {
    if (!isTidegateError(error) || isOwnTrouble(error)) throw error;
    const network = error.class === 'network' && error.code !== 'not-found';
    if (network) this.#networkFailures += 1;
    if (this.#networkFailures > maxNetworkFailures) throw error;
    this.add(error);
  }
}

function isOwnTrouble({ class: kind, code }: TidegateError): boolean {
  return ['usage', 'config', 'internal', 'cancelled', 'lock'].includes(kind) || code === 'disk-full';
}

/** A file that is named by another and is not there. */
export function missingFile(
  name: string,
  where: string,
  consequence: string,
  details: ErrorDetails = {},
): TidegateError {
  const text = `${escaped(name)} is missing from ${where}: ${consequence}`;
  return new TidegateError('not-found', text, { file: name, ...details });
}
