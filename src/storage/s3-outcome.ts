/**
 * A conditional write whose outcome must be known.
 * - It is sent once at a time. After anything but a success somebody looks at what is there: own bytes, others', or what
 *   was there before. Only in the last case is it sent again, a bounded number of times.
 * - So a delayed, repeated or lost request changes nothing: each is refused by its own condition.
 */
import { TidegateError } from '../errors.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import type { S3Request } from './s3-connection.ts';
import { faultError, isAmbiguous, type S3FaultKind } from './s3-fault.ts';

export type Seen = 'ours' | 'theirs' | 'unchanged';

/** Faults after which looking is of use; every other one is certain to have done nothing. */
const worthALook: readonly S3FaultKind[] = [
  'precondition',
  'conflict',
  'absent',
  'throttled',
  'server',
  'unreachable',
  'too-slow',
  'digest',
];

export interface ConditionalWrite<Output> {
  readonly what: string;
  /** On which condition: that no file is there, or one of a known etag. */
  readonly condition: 'absent' | 'etag';
  readonly request: S3Request<Output>;
  readonly look: () => Promise<Seen>;
  readonly signal: AbortSignal | undefined;
}

/**
 * The output when the store said yes; 'written' when its answer was lost and our bytes are there; 'ours' when it said no
 * and they are there all the same: somebody else wrote the same.
 */
export async function writeUntilKnown<Output>(
  calls: S3Calls,
  { what, condition, request, look, signal }: ConditionalWrite<Output>,
): Promise<Output | 'written' | 'ours' | 'theirs'> {
  let ambiguous = false;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await calls.once(what, request, signal);
    if (!(outcome instanceof S3Refusal)) return outcome;
    const { fault } = outcome;
    if (!worthALook.includes(fault.kind)) throw faultError(fault, what, calls.location);
    ambiguous ||= isAmbiguous(fault);
    const seen = await look();
    if (seen === 'ours') return ambiguous ? 'written' : 'ours';
    if (seen === 'theirs') return 'theirs';
    if (attempt >= calls.attempts)
      throw fault.kind === 'precondition'
        ? contradiction(calls, what, condition)
        : faultError(fault, what, calls.location);
    await calls.wait(attempt, what, signal);
  }
}

/** Ceph's object gateway compares the quotes too; versitygw with versioning counts what was removed as there. */
function contradiction(
  { location }: S3Calls,
  what: string,
  condition: ConditionalWrite<unknown>['condition'],
): TidegateError {
  const reason =
    condition === 'absent'
      ? 'it says that a file is there, and none is. It may count a removed one that versioning keeps; then switch versioning off there. `tidegate store probe` tells: "creates what was removed"'
      : 'if `tidegate store probe` says so, write etags=bare into the address';
  const text = `${location} refuses a condition that holds when ${what}: ${reason}.`;
  return new TidegateError('store-unsupported', text, { location });
}
