/**
 * Of many repositories one may fail for reasons of its own, for good: the others are published all the same, and the
 * failure is thrown at the end. What concerns all of them, a store that does not answer or a missing right, ends the run.
 */
import { type ErrorCode, isTidegateError, TidegateError } from '../../errors.ts';

const ofOneRepository: readonly ErrorCode[] = [
  'base-moved',
  'expired',
  'hash-mismatch',
  'length-mismatch',
  'name-taken',
  'not-found',
  'rollback',
  'state-damaged',
  'store-conflict',
  'threshold-not-met',
  'workspace-invalid',
];

export interface Failure {
  readonly repository: string;
  readonly error: TidegateError;
}

/** @returns the failure of this repository. @throws the error, where it is no matter of one repository */
export function failureOf(repository: string, error: unknown): Failure {
  if (isTidegateError(error, ...ofOneRepository)) return { repository, error };
  throw error;
}

/**
 * @param published how many repositories of the plan are published
 * @throws the first failure, as it is where the plan has one repository, and else with the names of all that failed
 */
export function throwFailures(failures: readonly Failure[], published: number): void {
  const [first] = failures;
  if (first === undefined) return;
  const { error } = first;
  if (failures.length + published === 1) throw error;
  const names = failures.map(({ repository }) => repository);
  const text = `${error.message} (${published} of ${published + failures.length} repositories are published; not ${names.join(', ')}. Next: tidegate release status)`;
  throw new TidegateError(error.code, text, { ...error.details, failed: names }, { cause: error });
}
