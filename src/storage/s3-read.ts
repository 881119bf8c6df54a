/**
 * Reading from a bucket.
 * - An answer to a range is believed only when it is exactly the range that was asked for; an etag is compared here,
 *   not by the store.
 * - Opening is tried again; a body that breaks off is reported, because only the caller knows what its bytes are worth.
 */
import { IncomingMessage } from 'node:http';
import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { isTidegateError, TidegateError } from '../errors.ts';
import { type BodyLimits, HttpBody } from './http-body.ts';
import { isAskedRange, parseContentRange, rangeHeader } from './http-range.ts';
import { checkPinned, checkRange, rangeWithin, tooLarge } from './read-range.ts';
import { s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import { faultError } from './s3-fault.ts';
import type { CancelOptions, FileInfo, OpenFile, ReadOptions, SmallFile } from './store.ts';
import { checkStoreName } from './store-name.ts';

/** A file as the bucket describes it. */
export interface S3Head extends Omit<FileInfo, 'sha256'> {
  /** Base64, with a hyphen and the number of parts where it is over parts; undefined when the store has none. */
  readonly sha256: string | undefined;
}

export async function headFile(
  calls: S3Calls,
  name: string,
  { signal }: CancelOptions = {},
): Promise<S3Head | undefined> {
  const { address } = calls.connection;
  const what = `looking at ${name}`;
  const input = { Bucket: address.bucket, Key: s3Key(address, name) };
  const mode = address.checksums === 'sha256' ? { ChecksumMode: 'ENABLED' as const } : {};
  const look = async () =>
    await calls.repeatUnless<HeadObjectCommandOutput>(
      what,
      (client, sdk, options) => client.send(new sdk.HeadObjectCommand({ ...input, ...mode }), options),
      signal,
      ['absent', 'forbidden', 'expired', 'elsewhere', 'refused'],
    );
  let head = await look();
  if (head instanceof S3Refusal) {
    if (head.fault.kind === 'absent') return undefined;
    // An answer to HEAD has no body and so no reason; the same question by GET has, and renews what has expired.
    const opened = await openFile(calls, name, { length: 1, ...(signal && { signal }) });
    await opened?.body[Symbol.asyncIterator]().return?.();
    if (opened === undefined) return undefined;
    head = await look();
    if (head instanceof S3Refusal) throw faultError(head.fault, what, calls.location);
  }
  const length = head.ContentLength ?? 0;
  return { name, length, etag: head.ETag ?? '', sha256: head.ChecksumSHA256 };
}

export async function openFile(
  calls: S3Calls,
  name: string,
  options: ReadOptions,
  limits: Partial<BodyLimits> = {},
): Promise<OpenFile | undefined> {
  checkStoreName(name);
  checkRange(name, options);
  if (options.etag === '') checkPinned(name, 'unknown', options);
  if (options.length === 0) return await openEmpty(calls, name, options);
  const asked = rangeHeader(options);
  const answer = await getFile(calls, name, asked, options.signal);
  if (answer === 'absent') return undefined;
  if (answer === 'range') return await openEmpty(calls, name, options);
  try {
    return openedFile(calls, name, answer, options, limits);
  } catch (error) {
    bodyOf(answer)?.destroy();
    throw error;
  }
}

export async function readFile(
  calls: S3Calls,
  name: string,
  limit: number,
  options: CancelOptions,
): Promise<SmallFile | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await readOnce(calls, name, limit, options);
    } catch (error) {
      const broken =
        isTidegateError(error, 'network-unreachable', 'too-slow') && error.details.phase === 'body';
      if (!broken || attempt >= calls.attempts) throw error;
      await calls.wait(attempt, `reading ${name}`, options.signal);
    }
  }
}

async function readOnce(
  calls: S3Calls,
  name: string,
  limit: number,
  options: CancelOptions,
): Promise<SmallFile | undefined> {
  const file = await openFile(calls, name, options);
  if (file === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    if (file.length !== undefined && file.length > limit) throw tooLarge(name, calls.location, limit);
    for await (const chunk of file.body) {
      total += chunk.byteLength;
      if (total > limit) throw tooLarge(name, calls.location, limit);
      chunks.push(chunk);
    }
  } finally {
    await file.body[Symbol.asyncIterator]().return?.();
  }
  return { bytes: Buffer.concat(chunks, total), etag: file.etag };
}

async function getFile(
  calls: S3Calls,
  name: string,
  range: string | undefined,
  signal: AbortSignal | undefined,
): Promise<GetObjectCommandOutput | 'absent' | 'range'> {
  const { address } = calls.connection;
  const input = {
    Bucket: address.bucket,
    Key: s3Key(address, name),
    ...(range !== undefined && { Range: range }),
  };
  const answer = await calls.repeatUnless<GetObjectCommandOutput>(
    `reading ${name}`,
    (client, sdk, options) => client.send(new sdk.GetObjectCommand(input), options),
    signal,
    ['absent', 'range', 'forbidden'],
  );
  if (!(answer instanceof S3Refusal)) return answer;
  const { kind, code } = answer.fault;
  if (kind === 'absent' || (code === 'AccessDenied' && address.forbidden === 'absent')) return 'absent';
  if (kind === 'range' && range !== undefined) return 'range';
  throw faultError(answer.fault, `reading ${name}`, calls.location);
}

function bodyOf({ Body }: GetObjectCommandOutput): IncomingMessage | undefined {
  return Body instanceof IncomingMessage ? Body : undefined;
}

function openedFile(
  calls: S3Calls,
  name: string,
  answer: GetObjectCommandOutput,
  options: ReadOptions,
  limits: Partial<BodyLimits>,
): OpenFile {
  const response = bodyOf(answer);
  const { ContentLength: stated, ContentRange, ETag: etag = '', ContentEncoding: encoding = '' } = answer;
  if (response === undefined || stated === undefined) throw unusable(calls, name, 'no length or no body');
  if (!/^(|identity|aws-chunked)$/i.test(encoding)) {
    const text = `${name} in ${calls.location} came with the encoding ${JSON.stringify(encoding.slice(0, 80))}`;
    throw new TidegateError('encoding-refused', `${text}; expected the plain bytes.`, { name });
  }
  checkPinned(name, etag, options);
  let total = stated;
  let wanted = options.length;
  if (response.statusCode === 206) {
    const part = parseContentRange(ContentRange);
    if (part?.total === undefined || !isAskedRange(part, options) || stated !== part.end - part.start)
      throw unusable(calls, name, 'not the range that was asked for');
    total = part.total;
    wanted = stated;
  } else if ((options.start ?? 0) > 0) {
    throw unusable(calls, name, 'the whole file in answer to a range');
  }
  const url = new URL(`${calls.location}${name.split('/').map(encodeURIComponent).join('/')}`);
  const body = new HttpBody(response, url, { stated, wanted }, { ...bodyLimits, ...limits }, options);
  return { name, length: total, etag, body };
}

/** Times in milliseconds, the rate in bytes per second. */
const bodyLimits: BodyLimits = {
  stallTimeout: 30_000,
  minimumRate: 16 * 1024,
  rateWindow: 60_000,
  clock: () => performance.now(),
};

/** An empty range: only the file's length and etag are asked for. */
async function openEmpty(calls: S3Calls, name: string, options: ReadOptions): Promise<OpenFile | undefined> {
  const head = await headFile(calls, name, options);
  if (head === undefined) return undefined;
  checkPinned(name, head.etag, options);
  const { start, end } = rangeWithin(name, head.length, options);
  if (start !== end) throw unusable(calls, name, 'that a range within the file cannot be read');
  return { name, length: head.length, etag: head.etag, body: nothing() };
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

function unusable(calls: S3Calls, name: string, what: string): TidegateError {
  const text = `${calls.location} answered to a read of ${name} with ${what}.`;
  return new TidegateError('http-status', text, { location: calls.location, name });
}
