/**
 * What goes wrong. Every error that leaves a public function is a `TidegateError` with a code of the closed union in
 * error-codes.ts; callers and tests branch on the code, never on the text.
 *
 * A message names the role, file or option, what was found and what was expected.
 */
import {
  type Entry,
  type ErrorClass,
  type ErrorCode,
  errorCatalogue,
  exitStatusOf,
  httpStatusOf,
} from './error-codes.ts';

export { type ErrorClass, type ErrorCode, errorCatalogue } from './error-codes.ts';

/** Machine-readable facts beside the message: role, target, url (without query), found, expected, bytes. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export class TidegateError extends Error {
  override readonly name = 'TidegateError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  get class(): ErrorClass {
    return errorCatalogue[this.code].class;
  }

  get exitStatus(): number {
    return exitStatusOf[this.class];
  }

  get httpStatus(): number {
    const entry: Entry = errorCatalogue[this.code];
    return entry.http ?? httpStatusOf[entry.class];
  }

  toJSON(): { code: ErrorCode; class: ErrorClass; message: string; details: ErrorDetails } {
    return { code: this.code, class: this.class, message: this.message, details: this.details };
  }
}

/** True for a `TidegateError` with one of the given codes, or with any code when none is given. */
export function isTidegateError(error: unknown, ...codes: readonly ErrorCode[]): error is TidegateError {
  return error instanceof TidegateError && (codes.length === 0 || codes.includes(error.code));
}
