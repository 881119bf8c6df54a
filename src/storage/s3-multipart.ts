/**
 * A large file in parts.
 * - Parts of one size, each with its SHA-256; so many at once as memory allows, each held until it is stored.
 * - The file appears by one conditional step at the end; where a store ignores that condition, looking before and
 *   comparing after it keeps content that is named by its hash right.
 * - Whatever goes wrong, and on a cancel, the upload is aborted once no part of it is on its way any more. Uploads of
 *   this very file that somebody's death left behind more than a day ago are aborted too: a slow line may take hours over one.
 */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { checkWritten, chunksOf, nameTaken } from './content.ts';
import { s3Key } from './s3-address.ts';
import type { S3Calls } from './s3-calls.ts';
import { compareStored, verifyStored } from './s3-compare.ts';
import { type Completion, completeUpload } from './s3-completion.ts';
import { headersFor } from './s3-headers.ts';
import { PartQueue } from './s3-part-queue.ts';
import { base64Of, compositeChecksum, type Part, partSizeFor, type S3Sizes } from './s3-parts.ts';
import { abortUpload, abortUploads } from './s3-uploads.ts';
import type { CreateOptions, StreamedContent } from './store.ts';

/** Milliseconds after which an upload of the same file cannot be somebody's at work. */
const abandonedAfter = 24 * 60 * 60_000;
/** Uploads of one file from the start, when each ended in a conflict. */
const mostStarts = 3;

export async function uploadInParts(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  sizes: S3Sizes,
  options: CreateOptions,
): Promise<'created' | 'present'> {
  const { signal } = options;
  if ((await compareStored(calls, name, stated, sizes, signal)) === 'same') return 'present';
  await abortUploads(calls, name, abandonedAfter, signal);
  for (let start = 1; start <= mostStarts; start += 1) {
    const outcome = await uploadOnce(calls, name, stated, sizes, options);
    if (outcome !== 'conflict') return outcome;
    await calls.wait(start, `uploading ${name}`, signal);
  }
  const text = `${calls.location} ended ${mostStarts} uploads of ${name} because of another one; try again later.`;
  throw new TidegateError('store-conflict', text, { location: calls.location, name });
}

async function uploadOnce(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  sizes: S3Sizes,
  options: CreateOptions,
): Promise<'created' | 'present' | 'conflict'> {
  const { signal } = options;
  const id = await beginUpload(calls, name, signal);
  let outcome: Completion = 'failed';
  try {
    const parts = await sendParts(calls, { name, id }, stated, sizes, options);
    const look = () => compareStored(calls, name, stated, sizes, signal);
    outcome =
      (await look()) === 'same' ? 'present' : await completeUpload(calls, { name, id }, parts, look, signal);
    if (outcome === 'created') {
      const composite = compositeChecksum(parts.map(({ sha256 }) => sha256));
      await verifyStored(calls, name, stated, [composite, base64Of(stated.sha256)], signal);
    }
  } finally {
    if (outcome !== 'created') await abortUpload(calls, { name, id });
  }
  if (outcome === 'failed') throw nameTaken(name, calls.location, 'other bytes are stored there');
  return outcome;
}

/** @returns the id of the upload */
export async function beginUpload(
  calls: S3Calls,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { address } = calls.connection;
  const { contentType, cacheControl } = headersFor(name);
  const input = {
    Bucket: address.bucket,
    Key: s3Key(address, name),
    ContentType: contentType,
    CacheControl: cacheControl,
    ...(address.checksums === 'sha256' && { ChecksumAlgorithm: 'SHA256' as const }),
  };
  const what = `beginning to upload ${name}`;
  const { UploadId } = await calls.repeat(
    what,
    (client, sdk, options) => client.send(new sdk.CreateMultipartUploadCommand(input), options),
    signal,
  );
  if (UploadId !== undefined && UploadId !== '') return UploadId;
  throw new TidegateError('http-status', `${calls.location} gave no upload id when ${what}.`, { name });
}

/** All parts, in their order; nothing is on its way any more, also when it throws. */
export async function sendParts(
  calls: S3Calls,
  upload: { readonly name: string; readonly id: string },
  stated: StreamedContent,
  sizes: S3Sizes,
  options: CreateOptions,
): Promise<readonly Part[]> {
  const { name } = upload;
  const size = partSizeFor(stated.length, sizes);
  const whole = createHash('sha256');
  const queue = new PartQueue(calls, upload, { size, most: sizes.partsInFlight }, options.signal);
  let length = 0;
  try {
    for await (const chunk of chunksOf(name, stated, options)) {
      whole.update(chunk);
      length += chunk.byteLength;
      await queue.add(chunk);
    }
    checkWritten(name, stated, { length, sha256: whole.digest('hex') });
    return await queue.finish();
  } finally {
    await queue.stop();
  }
}
