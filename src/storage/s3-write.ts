/**
 * Writing to a bucket with one PUT. There is no unconditional write here: each one says "only if absent" or "only if
 * still this one".
 */
import type { PutObjectCommandInput, PutObjectCommandOutput } from '@aws-sdk/client-s3';
import { TidegateError } from '../errors.ts';
import { checkCancelled } from './cancel.ts';
import { checkWritten, chunksOf, nameTaken, sha256Of } from './content.ts';
import { checkSwapLength } from './read-range.ts';
import { type S3Address, s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import { altered, compareStored, verifyStored } from './s3-compare.ts';
import type { S3Request } from './s3-connection.ts';
import { headersFor } from './s3-headers.ts';
import { type Seen, writeUntilKnown } from './s3-outcome.ts';
import { base64Of, type S3Sizes } from './s3-parts.ts';
import { headFile, readFile } from './s3-read.ts';
import {
  type CancelOptions,
  type CreateOptions,
  type RemoveOptions,
  type StreamedContent,
  SWAP_LIMIT,
} from './store.ts';

/** Creates a file that fits into memory. */
export async function putNew(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  sizes: S3Sizes,
  options: CreateOptions,
): Promise<'created' | 'present'> {
  const buffer = await calls.buffers.take(stated.length, `creating ${name}`, options.signal);
  try {
    return await putGathered(
      calls,
      name,
      stated,
      await gathered(buffer, name, stated, options),
      sizes,
      options,
    );
  } finally {
    calls.buffers.give(buffer, false);
  }
}

async function putGathered(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  bytes: Uint8Array,
  sizes: S3Sizes,
  { signal }: CreateOptions,
): Promise<'created' | 'present'> {
  const outcome = await writeUntilKnown(calls, {
    what: `creating ${name}`,
    condition: 'absent',
    request: put(calls, name, bytes, stated.sha256, { IfNoneMatch: '*' }),
    look: async () =>
      (await compareStored(calls, name, stated, sizes, signal)) === 'same' ? 'ours' : 'unchanged',
    signal,
  });
  if (outcome === 'theirs') throw nameTaken(name, calls.location, 'other bytes are stored there');
  if (outcome === 'ours') return 'present';
  const expected = bytes.byteLength > sizes.readBack ? [base64Of(stated.sha256)] : [];
  if (outcome !== 'written') await verifyStored(calls, name, stated, expected, signal);
  return 'created';
}

/** The bytes, once they have kept their word. */
async function gathered(
  bytes: Uint8Array,
  name: string,
  stated: StreamedContent,
  options: CreateOptions,
): Promise<Uint8Array> {
  let filled = 0;
  for await (const chunk of chunksOf(name, stated, options)) {
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  const written = bytes.subarray(0, filled);
  checkWritten(name, stated, { length: filled, sha256: sha256Of(written) });
  return written;
}

export interface SwapOptions extends CancelOptions {
  /** Look before writing, because the store does not heed conditions and nobody else writes. */
  readonly lookFirst?: boolean;
}

export async function swapFile(
  calls: S3Calls,
  name: string,
  bytes: Uint8Array,
  expected: string | undefined,
  { signal, lookFirst = false }: SwapOptions,
): Promise<'swapped' | 'lost'> {
  const { address } = calls.connection;
  s3Key(address, name);
  checkSwapLength(name, bytes);
  checkCancelled(`writing ${name}`, signal);
  // A copy; `slice` of a Buffer would be the same memory.
  const own = new Uint8Array(bytes);
  const condition = expected === undefined ? { IfNoneMatch: '*' } : { IfMatch: etagFor(address, expected) };
  const read = () => readFile(calls, name, SWAP_LIMIT, signal === undefined ? {} : { signal });
  const look = async (): Promise<Seen> => {
    const found = await read().catch(tooLargeToBeOurs);
    if (found !== 'larger' && found !== undefined && Buffer.from(found.bytes).equals(own)) return 'ours';
    const etag = found === 'larger' ? (await headFile(calls, name))?.etag : found?.etag;
    return etag === expected ? 'unchanged' : 'theirs';
  };
  if (lookFirst) {
    const seen = await look();
    if (seen !== 'unchanged') return seen === 'ours' ? 'swapped' : 'lost';
  }
  const request = put(calls, name, own, sha256Of(own), condition);
  const outcome = await writeUntilKnown(calls, {
    what: `replacing ${name}`,
    condition: expected === undefined ? 'absent' : 'etag',
    request,
    look,
    signal,
  });
  if (typeof outcome === 'string') return outcome === 'theirs' ? 'lost' : 'swapped';
  const found = await read().catch(tooLargeToBeOurs);
  // Another etag: somebody has replaced it since, which is their right.
  if (found !== 'larger' && found?.etag === outcome.ETag && !Buffer.from(found?.bytes ?? []).equals(own))
    throw altered(calls.location, name);
  return 'swapped';
}

function tooLargeToBeOurs(error: unknown): 'larger' {
  if (error instanceof Error && 'code' in error && error.code === 'length-limit') return 'larger';
  throw error;
}

/** A request is signed for a quarter of an hour: what is on its way for longer is refused by the store. */
export async function removeFile(
  calls: S3Calls,
  name: string,
  expected: string,
  { ready }: RemoveOptions,
): Promise<'removed' | 'absent' | 'lost'> {
  const { address } = calls.connection;
  const what = `removing ${name}`;
  const key = s3Key(address, name);
  // Not every store heeds the condition; looking first leaves only a moment between.
  const head = await headFile(calls, name);
  if (head === undefined) return 'absent';
  if (head.etag !== expected) return 'lost';
  // Some compare the etag with its quotes and some without; either way it must be the one that was seen.
  for (const etag of new Set([etagFor(address, expected), expected.replaceAll('"', '')])) {
    const input = { Bucket: address.bucket, Key: key, IfMatch: etag };
    const outcome = await calls.repeatUnless(
      what,
      async (client, sdk, options) => {
        ready?.();
        return await client.send(new sdk.DeleteObjectCommand(input), options);
      },
      undefined,
      ['absent', 'precondition'],
    );
    if (!(outcome instanceof S3Refusal)) return 'removed';
    if (outcome.fault.kind === 'absent') return 'absent';
    if ((await headFile(calls, name))?.etag !== expected) return 'lost';
  }
  const text = `${calls.location} refuses a condition that holds when ${what}.`;
  throw new TidegateError('store-unsupported', text, { location: calls.location, name });
}

export function etagFor({ etags }: S3Address, etag: string): string {
  return etags === 'bare' ? etag.replaceAll('"', '') : etag;
}

/** One conditional PUT. The hash of the body is known, so that it is not computed again to sign it. */
function put(
  { connection: { address } }: S3Calls,
  name: string,
  bytes: Uint8Array,
  sha256: string,
  condition: Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>,
): S3Request<PutObjectCommandOutput> {
  const { contentType, cacheControl } = headersFor(name);
  const input = {
    Bucket: address.bucket,
    Key: s3Key(address, name),
    Body: bytes,
    ContentLength: bytes.byteLength,
    ContentType: contentType,
    CacheControl: cacheControl,
    ...(address.checksums === 'sha256' && { ChecksumSHA256: base64Of(sha256) }),
    ...condition,
  };
  return (client, sdk, options) => {
    const command = new sdk.PutObjectCommand(input);
    command.middlewareStack.add(signedHash(sha256), { step: 'build', name: 'tidegateSignedHash' });
    return client.send(command, options);
  };
}

interface Signed {
  readonly request: unknown;
}

/** Names the body's hash to the signer. */
export function signedHash(sha256: string) {
  return <Output>(next: (args: never) => Promise<Output>) =>
    async (args: Signed): Promise<Output> => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'headers' in request)
        Object.assign(request.headers ?? {}, { 'x-amz-content-sha256': sha256 });
      return await next(args as never);
    };
}
