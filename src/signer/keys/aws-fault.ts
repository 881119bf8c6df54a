/**
 * What went wrong at AWS, in our words: which code, whether asking again can help, and what to do.
 *
 * 1. Nothing of a request is ever repeated: no header, no signed URL, no token. The SDK's error is not kept as the
 *    cause either, because the answer that hangs on it leads to the request that was signed.
 * 2. What the service says is quoted only for answers that speak of the key or of permissions, made printable and
 *    short, with everything blanked that is as long as a token.
 */
import type { ErrorCode } from '../../errors.ts';
import { printable } from '../../metadata/printable.ts';

export interface AwsFault {
  readonly code: ErrorCode;
  readonly reason: string;
  /** Asking again, later, can help. */
  readonly passing: boolean;
}

interface Kind {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly quoted?: boolean;
}

const denied: Kind = { code: 'key-service-denied', reason: 'this identity may not do it', quoted: true };
const unaccepted: Kind = {
  code: 'key-service-denied',
  reason: 'the credentials are not accepted; check access key, secret and clock',
};
const absent: Kind = {
  code: 'key-not-found',
  reason: 'it does not exist in this region and account',
  quoted: true,
};
const unfit: Kind = { code: 'key-unusable', reason: 'it cannot be used so', quoted: true };
const misnamed: Kind = {
  code: 'key-uri-invalid',
  reason: 'the service does not take this name',
  quoted: true,
};

/** By the names that the services give. */
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['AccessDeniedException', denied],
  ['AccessDenied', denied],
  ['InvalidGrantTokenException', denied],
  [
    'ExpiredTokenException',
    { ...unaccepted, reason: 'the session of these credentials has expired; renew it' },
  ],
  ['ExpiredToken', { ...unaccepted, reason: 'the session of these credentials has expired; renew it' }],
  ['UnrecognizedClientException', unaccepted],
  ['InvalidClientTokenId', unaccepted],
  ['InvalidSignatureException', unaccepted],
  ['SignatureDoesNotMatch', unaccepted],
  ['IncompleteSignature', unaccepted],
  ['MissingAuthenticationTokenException', unaccepted],
  [
    'CredentialsProviderError',
    {
      ...unaccepted,
      reason:
        'no usable credentials were found in the environment, the shared configuration files or the role of this machine; with IAM Identity Center, type: aws sso login',
    },
  ],
  ['NotFoundException', absent],
  ['ParameterNotFound', absent],
  ['ParameterVersionNotFound', absent],
  ['DisabledException', { ...unfit, reason: 'the key is disabled' }],
  ['KMSInvalidStateException', { ...unfit, reason: 'the state of the key does not allow it' }],
  ['InvalidKeyUsageException', unfit],
  ['UnsupportedOperationException', unfit],
  ['InvalidKeyId', { ...unfit, reason: 'the key that encrypts the parameter cannot be used' }],
  ['InvalidArnException', misnamed],
  ['ValidationException', misnamed],
]);

const throttling =
  /^(?:Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|LimitExceeded|SlowDown)/;
const brokenConnection =
  /^(?:ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/;

/** What of the SDK's errors is looked at; all of it may be missing. */
interface SdkError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly clockSkewCorrected?: unknown };
}

/** @param error whatever the SDK threw */
export function awsFaultOf(error: unknown): AwsFault {
  const { name, code, message, $metadata }: SdkError =
    typeof error === 'object' && error !== null ? error : {};
  const status = typeof $metadata?.httpStatusCode === 'number' ? $metadata.httpStatusCode : 0;
  const named = printable(`${name}`);
  if (throttling.test(named) || status === 429) return passing(`the service throttles (${named})`);
  // The SDK has set its clock by the answer's date, so that the next request can be right.
  if ($metadata?.clockSkewCorrected === true)
    return passing(`this clock is not that of the service (${named})`);
  if (status >= 500) return passing(`the service failed with status ${status} (${named})`);
  if (brokenConnection.test(`${code}`) || named === 'TimeoutError')
    return passing(`the service was not reached (${brokenConnection.test(`${code}`) ? code : named})`);
  const kind = kinds.get(named);
  if (kind !== undefined) {
    const words = kind.quoted === true ? quoted(message) : '';
    return { code: kind.code, reason: `${kind.reason} (${named}${words})`, passing: false };
  }
  if (message === 'Region is missing')
    return {
      code: 'key-uri-invalid',
      reason: 'no region is known; add ?region=… to the address, or set AWS_REGION',
      passing: false,
    };
  const what = code === undefined ? named : `${named}, ${printable(`${code}`)}`;
  return {
    code: 'key-service-unavailable',
    reason: `the service gave no usable answer (${what})`,
    passing: false,
  };
}

function passing(reason: string): AwsFault {
  return { code: 'key-service-unavailable', reason, passing: true };
}

const maxQuoted = 300;
/** The parts of an ARN are shorter. */
const longAsTokens = /[A-Za-z0-9+/=_]{40,}/g;

function quoted(message: unknown): string {
  if (typeof message !== 'string' || message === '') return '';
  const short = message.slice(0, maxQuoted).replaceAll(longAsTokens, '…');
  return `: ${(short.match(/.{1,80}/gs) ?? []).map(printable).join('')}`;
}
