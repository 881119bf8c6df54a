/**
 * What went wrong with a request to a bucket, in few words to branch on. Pure.
 * - A status alone is not believed where S3 names the reason in the body.
 * - An outcome is known only where the store has answered no: after a broken connection, a time-out or a 5xx the
 *   write may have happened; also after a 2xx whose body cannot be read.
 */
import { type ErrorCode, type ErrorDetails, TidegateError } from '../errors.ts';
import { systemCode } from './disk-error.ts';

export type S3FaultKind =
  | 'absent'
  | 'upload-absent'
  | 'bucket-absent'
  | 'precondition'
  | 'conflict'
  | 'range'
  | 'throttled'
  | 'server'
  | 'unreachable'
  | 'too-slow'
  | 'expired'
  | 'skewed'
  | 'forbidden'
  | 'elsewhere'
  | 'unsupported'
  | 'digest'
  | 'refused';

export interface S3Fault {
  readonly kind: S3FaultKind;
  /** 0 without an answer. */
  readonly status: number;
  /** S3's word for it, or that of the operating system. */
  readonly code: string;
  readonly text: string;
  /** Milliseconds by which this clock is ahead of the store's; undefined when the answer had no date. */
  readonly skew: number | undefined;
  readonly cause: unknown;
}

const kindOfCode: Readonly<Record<string, S3FaultKind>> = {
  NoSuchKey: 'absent',
  NotFound: 'absent',
  NoSuchUpload: 'upload-absent',
  NoSuchBucket: 'bucket-absent',
  PreconditionFailed: 'precondition',
  ConditionalRequestConflict: 'conflict',
  OperationAborted: 'conflict',
  InvalidRange: 'range',
  SlowDown: 'throttled',
  ServiceUnavailable: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  RequestLimitExceeded: 'throttled',
  InternalError: 'server',
  RequestTimeout: 'unreachable',
  IncompleteBody: 'unreachable',
  ExpiredToken: 'expired',
  ExpiredTokenException: 'expired',
  InvalidToken: 'expired',
  TokenRefreshRequired: 'expired',
  RequestTimeTooSkewed: 'skewed',
  // versitygw answers 404 to a key that nobody has: read as "absent", a bucket with everything in it looks empty.
  InvalidAccessKeyId: 'forbidden',
  XAdminUserNotFound: 'forbidden',
  AuthorizationHeaderMalformed: 'elsewhere',
  PermanentRedirect: 'elsewhere',
  TemporaryRedirect: 'elsewhere',
  IllegalLocationConstraintException: 'elsewhere',
  NotImplemented: 'unsupported',
  BadDigest: 'digest',
  XAmzContentChecksumMismatch: 'digest',
  XAmzContentSHA256Mismatch: 'digest',
  InvalidDigest: 'digest',
};

const kindOfStatus: Readonly<Record<number, S3FaultKind>> = {
  403: 'forbidden',
  404: 'absent',
  409: 'conflict',
  412: 'precondition',
  416: 'range',
  429: 'throttled',
  501: 'unsupported',
  503: 'throttled',
};

/** What the SDK throws, and the fault in it. `now` in milliseconds, `date` as the answer gave it. */
export function faultOf(error: unknown, now: number, date: number | undefined): S3Fault {
  const status = statusOf(error);
  const skew = date === undefined ? undefined : now - date;
  const name = error instanceof Error ? error.name : 'unknown';
  const region = regionAdvice(error);
  const text = (region ?? (error instanceof Error ? error.message : String(error))).slice(0, 300);
  const code = status === 0 ? (systemCode(error) ?? name) : name;
  const kind = region === undefined ? kindOf(status, name, skew) : 'elsewhere';
  return { kind, status, code, text, skew, cause: error };
}

/** Where an answer says that the bucket is elsewhere: nothing of ours follows it there. */
function regionAdvice(error: unknown): string | undefined {
  const response = error instanceof Error && '$response' in error ? error.$response : undefined;
  if (typeof response !== 'object' || response === null || !('headers' in response)) return undefined;
  const region = new Map(Object.entries(response.headers ?? {})).get('x-amz-bucket-region');
  if (typeof region !== 'string' || ![301, 307, 400].includes(statusOf(error))) return undefined;
  return `the bucket is in the region ${region.slice(0, 40)}`;
}

/** The difference from which S3 refuses requests, a little less: a 403 to HEAD does not tell its reason. */
const mostSkew = 14 * 60_000;

function kindOf(status: number, name: string, skew: number | undefined): S3FaultKind {
  const named = Object.hasOwn(kindOfCode, name) ? kindOfCode[name] : undefined;
  if (named !== undefined && (named !== 'absent' || status === 404)) return named;
  if (status === 403 && skew !== undefined && Math.abs(skew) > mostSkew) return 'skewed';
  if (status === 0) return name === 'TimeoutError' ? 'too-slow' : 'unreachable';
  // A yes that cannot be read is no no: the work may be done.
  if (status >= 200 && status < 300) return 'server';
  return kindOfStatus[status] ?? (status >= 500 ? 'server' : 'refused');
}

/** 0 without an answer. */
export function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('$metadata' in error)) return 0;
  const metadata = error.$metadata;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return 0;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : 0;
}

/** True when the work may have been done all the same. */
export function isAmbiguous({ kind }: S3Fault): boolean {
  return ['throttled', 'server', 'unreachable', 'too-slow'].includes(kind);
}

const codeOf: Readonly<Record<S3FaultKind, ErrorCode>> = {
  absent: 'not-found',
  'upload-absent': 'http-status',
  'bucket-absent': 'not-found',
  precondition: 'store-conflict',
  conflict: 'store-conflict',
  range: 'http-status',
  throttled: 'http-status',
  server: 'http-status',
  unreachable: 'network-unreachable',
  'too-slow': 'too-slow',
  expired: 'access-denied',
  skewed: 'clock-skewed',
  forbidden: 'access-denied',
  elsewhere: 'config-invalid',
  unsupported: 'store-unsupported',
  digest: 'hash-mismatch',
  refused: 'http-status',
};

/** The coded error. @param what for instance `reading metadata/timestamp.json` */
export function faultError(fault: S3Fault, what: string, location: string): TidegateError {
  const { kind, status, code, skew, cause } = fault;
  const answered = status === 0 ? `gave no answer (${code})` : `answered ${status} ${code}`;
  const details: ErrorDetails = { location, status, found: code, ...(skew !== undefined && { skew }) };
  const text = `${location} ${answered} when ${what}${advice(fault)}.`;
  return new TidegateError(codeOf[kind], text, details, { cause });
}

const wrongCredentials: Readonly<Record<string, string>> = {
  InvalidAccessKeyId:
    'nobody has the access key of these credentials; look at the profile and the environment',
  XAdminUserNotFound:
    'nobody has the access key of these credentials; look at the profile and the environment',
  SignatureDoesNotMatch: 'the secret key does not belong to the access key of these credentials',
};

function advice({ kind, code, skew, text }: S3Fault): string {
  switch (kind) {
    case 'skewed':
      return `: this machine's clock is ${skewText(skew)}; set it`;
    case 'expired':
      return ': the credentials have expired, and the new ones that were looked for have too';
    case 'forbidden':
      if (Object.hasOwn(wrongCredentials, code)) return `: ${wrongCredentials[code]}`;
      return ': the credentials are wrong, a permission is missing, or the file is absent and s3:ListBucket is missing';
    case 'elsewhere':
      return `: ${printable(text).replace(/\.$/, '')}; write region=… of the bucket into its address, or set AWS_REGION`;
    case 'unsupported':
      return ': it lacks what this work needs; `tidegate store probe` shows what it can do';
    case 'refused':
      return `: ${printable(text)}`;
    default:
      return '';
  }
}

function skewText(skew: number | undefined): string {
  if (skew === undefined) return "too far from the store's";
  return `${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} the store's`;
}

export function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/g, '?');
}
