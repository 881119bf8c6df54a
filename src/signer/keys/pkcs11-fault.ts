/** What a token says by number, in our words. A PIN is never part of what it says. */
import { type ErrorCode, TidegateError } from '../../errors.ts';
import { results } from './pkcs11-constants.ts';

/** The CKR_ number of an error that pkcs11js threw; undefined for any other error. */
export function resultOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** After these the session is dead; opening the token anew can help. */
const gone: readonly (number | undefined)[] = [
  results.CKR_DEVICE_ERROR,
  results.CKR_DEVICE_REMOVED,
  results.CKR_SESSION_CLOSED,
  results.CKR_SESSION_HANDLE_INVALID,
  results.CKR_TOKEN_NOT_PRESENT,
  results.CKR_USER_NOT_LOGGED_IN,
];

export function isTokenGone(error: unknown): boolean {
  return gone.includes(resultOf(error));
}

const pinFaults: ReadonlyMap<number, readonly [ErrorCode, string]> = new Map([
  [results.CKR_PIN_INCORRECT, ['passphrase-wrong', 'the PIN is wrong']],
  [results.CKR_PIN_INVALID, ['passphrase-wrong', 'the PIN holds characters that the token does not take']],
  [results.CKR_PIN_LEN_RANGE, ['passphrase-wrong', 'the PIN is too short or too long for the token']],
  [results.CKR_PIN_EXPIRED, ['key-service-denied', "the PIN has expired; change it with the maker's tool"]],
  [results.CKR_PIN_LOCKED, ['key-service-denied', 'the PIN is locked; unlock it with the PUK or the SO PIN']],
]);

/** @param action a C_ function, for the message */
export function tokenFault(error: unknown, where: string, action: string): TidegateError {
  const result = resultOf(error);
  const name = error instanceof Error && /^CKR_\w+$/.test(error.message) ? error.message : 'an unknown error';
  const details = { key: where, action };
  const pin = result === undefined ? undefined : pinFaults.get(result);
  if (pin !== undefined) return new TidegateError(pin[0], `${where}: ${pin[1]}`, details);
  if (result === results.CKR_FUNCTION_CANCELED)
    return new TidegateError('cancelled', `${where}: cancelled at the token`, details);
  if (isTokenGone(error)) {
    const text = `${where}: the token was removed or does not answer (${action}: ${name})`;
    return new TidegateError('key-service-unavailable', text, details);
  }
  return new TidegateError('key-unusable', `${where}: the token refused ${action}: ${name}`, details);
}
