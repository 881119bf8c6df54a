/**
 * The far side of AWS Signature Version 4: is this request signed by someone whom we know? Pure: the clock and the
 * secrets come in. Both ways are checked, the Authorization header and the presigned query.
 *
 * 1. The credential's day, region, service and last word are those of this service.
 * 2. A header-signed request is at most 15 minutes off; a presigned one lives from its date for 1 s to 7 days.
 * 3. `host` and every `x-amz-*` header that came must be signed.
 * 4. The hash that was signed is that of the body; what is not signed says so in words that AWS knows.
 * 5. A session token is the one that belongs to the access key.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface ReceivedRequest {
  readonly method: string;
  /** Path and query as they came over the wire. */
  readonly url: string;
  /** Lower-case names, as node:http gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Left out: the signed hash is taken at its word, as for a body that is still to come. */
  readonly body?: Uint8Array;
}

export interface KnownCredential {
  readonly secretAccessKey: string;
  /** Set for temporary credentials, which then must send it. */
  readonly sessionToken?: string;
}

export interface SignatureRules {
  readonly service: string;
  readonly region: string;
  /** By access key id. */
  readonly credentials: ReadonlyMap<string, KnownCredential>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Named as S3 names them. */
export type SignatureFault =
  | 'AccessDenied'
  | 'AuthorizationHeaderMalformed'
  | 'AuthorizationQueryParametersError'
  | 'InvalidAccessKeyId'
  | 'InvalidToken'
  | 'RequestTimeTooSkewed'
  | 'SignatureDoesNotMatch'
  | 'XAmzContentSHA256Mismatch';

export const maxClockSkew = 15 * 60_000;
const maxPresignedSeconds = 7 * 86_400;
const unsignedPayloads = ['UNSIGNED-PAYLOAD', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'];

interface Claim {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly token: string | undefined;
  /** Presigned requests: seconds. */
  readonly lifetime: number | undefined;
}

type Pair = readonly [name: string, value: string];

/** What is wrong with the signature; undefined when nothing is. */
export function signatureFault(request: ReceivedRequest, rules: SignatureRules): SignatureFault | undefined {
  const { path, query } = splitUrl(request.url);
  const presigned = query.some(([name]) => name === 'X-Amz-Signature' || name === 'X-Amz-Algorithm');
  const claim = presigned ? presignedClaim(query) : headerClaim(request);
  if (typeof claim === 'string') return claim;
  const malformed = presigned ? 'AuthorizationQueryParametersError' : 'AuthorizationHeaderMalformed';
  const [accessKeyId = '', ...scope] = claim.credential.split('/');
  const time = timeOf(claim.date);
  const expected = [claim.date.slice(0, 8), rules.region, rules.service, 'aws4_request'];
  if (time === undefined || scope.join('/') !== expected.join('/')) return malformed;
  const known = rules.credentials.get(accessKeyId);
  if (known === undefined) return 'InvalidAccessKeyId';
  if (claim.token !== known.sessionToken) return 'InvalidToken';
  const late = timeFault(time, claim.lifetime, rules.now);
  if (late !== undefined) return late;
  if (unsignedHeader(request, claim.signedHeaders) !== undefined) return 'AccessDenied';
  const payload = presigned ? 'UNSIGNED-PAYLOAD' : payloadHash(request);
  if (payload === undefined) return 'XAmzContentSHA256Mismatch';
  const canonical = [
    request.method,
    canonicalPath(path, rules.service),
    canonicalQuery(query),
    ...claim.signedHeaders.map((name) => `${name}:${headerText(request, name)}`),
    '',
    claim.signedHeaders.join(';'),
    payload,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', claim.date, scope.join('/'), sha256(canonical)].join('\n');
  return isSame(signatureOver(text, known.secretAccessKey, scope), claim.signature)
    ? undefined
    : 'SignatureDoesNotMatch';
}

function headerClaim(request: ReceivedRequest): Claim | SignatureFault {
  const authorization = request.headers.authorization;
  if (typeof authorization !== 'string') return 'AccessDenied';
  const form = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/;
  const [, credential, names, signature] = form.exec(authorization) ?? [];
  if (credential === undefined || names === undefined || signature === undefined)
    return 'AuthorizationHeaderMalformed';
  return {
    credential,
    signedHeaders: names.split(';'),
    signature,
    date: headerText(request, 'x-amz-date'),
    token: request.headers['x-amz-security-token']?.toString(),
    lifetime: undefined,
  };
}

function presignedClaim(query: readonly Pair[]): Claim | SignatureFault {
  const values = new Map(query);
  const lifetime = values.get('X-Amz-Expires') ?? '';
  const signature = values.get('X-Amz-Signature') ?? '';
  if (
    values.get('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256' ||
    !/^\d{1,6}$/.test(lifetime) ||
    Number(lifetime) < 1 ||
    Number(lifetime) > maxPresignedSeconds ||
    !/^[0-9a-f]{64}$/.test(signature)
  )
    return 'AuthorizationQueryParametersError';
  return {
    credential: values.get('X-Amz-Credential') ?? '',
    signedHeaders: (values.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature,
    date: values.get('X-Amz-Date') ?? '',
    token: values.get('X-Amz-Security-Token'),
    lifetime: Number(lifetime),
  };
}

function timeOf(date: string): number | undefined {
  const form = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
  const time = form.test(date) ? Date.parse(date.replace(form, '$1-$2-$3T$4:$5:$6Z')) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

function timeFault(time: number, lifetime: number | undefined, now: number): SignatureFault | undefined {
  if (lifetime === undefined) return Math.abs(now - time) > maxClockSkew ? 'RequestTimeTooSkewed' : undefined;
  return now > time + 1000 * lifetime || time > now + maxClockSkew ? 'AccessDenied' : undefined;
}

/** A header that somebody on the way could have added or changed. */
function unsignedHeader({ headers }: ReceivedRequest, signed: readonly string[]): string | undefined {
  const needed = Object.keys(headers).filter((name) => name === 'host' || name.startsWith('x-amz-'));
  return ['host', ...needed].find((name) => !signed.includes(name));
}

/** The hash that was signed, or undefined when it is not that of the body. */
function payloadHash(request: ReceivedRequest): string | undefined {
  const stated = request.headers['x-amz-content-sha256']?.toString();
  if (stated !== undefined && unsignedPayloads.includes(stated)) return stated;
  if (request.body === undefined) return stated;
  const found = sha256(request.body);
  return stated === undefined || stated === found ? found : undefined;
}

function headerText({ headers }: ReceivedRequest, name: string): string {
  const value = headers[name];
  const text = typeof value === 'string' ? value : (value?.join(',') ?? '');
  return text.trim().replaceAll(/ +/g, ' ');
}

function splitUrl(url: string): { readonly path: string; readonly query: readonly Pair[] } {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const parts = mark < 0 ? [] : url.slice(mark + 1).split('&');
  return { path, query: parts.filter((part) => part !== '').map(pairOf) };
}

function pairOf(part: string): Pair {
  const mark = part.indexOf('=');
  return mark < 0 ? [decoded(part), ''] : [decoded(part.slice(0, mark)), decoded(part.slice(mark + 1))];
}

/** Only S3 signs a path as it is; the other services encode it once more. */
function canonicalPath(path: string, service: string): string {
  const once = path.split('/').map((segment) => encoded(decoded(segment)));
  return (service === 's3' ? once : once.map(encoded)).join('/');
}

function canonicalQuery(query: readonly Pair[]): string {
  return query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
}

/** RFC 3986: everything but the unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function signatureOver(text: string, secret: string, scope: readonly string[]): string {
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of scope) key = hmac(key, part);
  return hmac(key, text).toString('hex');
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
