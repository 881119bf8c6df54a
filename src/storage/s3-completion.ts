/** The step by which a file of many parts appears, and what its outcome was. */
import type { CompleteMultipartUploadCommandInput } from '@aws-sdk/client-s3';
import { s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import { faultError, isAmbiguous } from './s3-fault.ts';
import type { Part } from './s3-parts.ts';

/** 'conflict': to be begun anew, from the first part. 'failed': nothing appeared. */
export type Completion = 'created' | 'present' | 'conflict' | 'failed';

/** @param look what is stored under the name; throws name-taken for other bytes */
export async function completeUpload(
  calls: S3Calls,
  { name, id }: { readonly name: string; readonly id: string },
  parts: readonly Part[],
  look: () => Promise<'absent' | 'same'>,
  signal: AbortSignal | undefined,
): Promise<Completion> {
  const what = `completing the upload of ${name}`;
  const input = completionOf(calls, { name, id }, parts);
  let ambiguous = false;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await calls.once(
      what,
      (client, sdk, options) => client.send(new sdk.CompleteMultipartUploadCommand(input), options),
      signal,
    );
    if (!(outcome instanceof S3Refusal)) return 'created';
    const { fault } = outcome;
    const gone = fault.kind === 'upload-absent';
    const lost = gone || fault.kind === 'precondition' || fault.kind === 'conflict';
    if (!lost && !isAmbiguous(fault)) throw faultError(fault, what, calls.location);
    ambiguous ||= isAmbiguous(fault);
    if ((await look()) === 'same') return ambiguous ? 'created' : 'present';
    if (lost) return 'conflict';
    if (attempt >= calls.attempts) throw faultError(fault, what, calls.location);
    await calls.wait(attempt, what, signal);
  }
}

function completionOf(
  { connection: { address } }: S3Calls,
  { name, id }: { readonly name: string; readonly id: string },
  parts: readonly Part[],
): CompleteMultipartUploadCommandInput {
  const checked = address.checksums === 'sha256';
  return {
    Bucket: address.bucket,
    Key: s3Key(address, name),
    UploadId: id,
    IfNoneMatch: '*',
    MultipartUpload: {
      Parts: parts.map(({ number, etag, sha256 }) => ({
        PartNumber: number,
        ETag: etag,
        ...(checked && { ChecksumSHA256: sha256 }),
      })),
    },
  };
}
