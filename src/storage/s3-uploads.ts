/** Uploads in parts that were begun and not ended: they cost money and are seen by nobody. */
import { s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';

export interface OpenUpload {
  readonly name: string;
  readonly id: string;
  /** Milliseconds since the epoch; undefined where the store does not tell. */
  readonly begun: number | undefined;
}

/** Pages of one list, and uploads of it that are looked at: the others are found the next time. */
const mostPages = 1000;
const mostUploads = 100_000;
/** Milliseconds that giving up an upload may take: whoever pressed Ctrl-C waits for it. */
const longestAbort = 10_000;

/** Uploads below this prefix of names; undefined where the store cannot list them. */
export async function openUploads(
  calls: S3Calls,
  prefix: string,
  signal?: AbortSignal,
): Promise<readonly OpenUpload[] | undefined> {
  const { address } = calls.connection;
  const uploads: OpenUpload[] = [];
  let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } = {};
  for (let page = 0; page < mostPages; page += 1) {
    const input = { Bucket: address.bucket, Prefix: address.prefix + prefix, ...marker };
    const answer = await calls.repeatUnless(
      `listing uploads of ${prefix}`,
      (client, sdk, options) => client.send(new sdk.ListMultipartUploadsCommand(input), options),
      signal,
      ['unsupported', 'refused', 'absent', 'forbidden'],
    );
    if (answer instanceof S3Refusal) return undefined;
    for (const { Key = '', UploadId: id = '', Initiated } of answer.Uploads ?? []) {
      if (Key.startsWith(address.prefix + prefix) && id !== '')
        uploads.push({ name: Key.slice(address.prefix.length), id, begun: Initiated?.getTime() });
    }
    if (answer.IsTruncated !== true || answer.NextKeyMarker === undefined || uploads.length > mostUploads)
      break;
    marker = {
      KeyMarker: answer.NextKeyMarker,
      ...(answer.NextUploadIdMarker !== undefined && { UploadIdMarker: answer.NextUploadIdMarker }),
    };
  }
  return uploads;
}

/** Aborts the uploads of one file that were begun longer ago, in milliseconds by the store's clock. */
export async function abortUploads(
  calls: S3Calls,
  name: string,
  olderThan: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const now = calls.connection.storeTime ?? calls.connection.now();
  const found = (await openUploads(calls, name, signal)) ?? [];
  const abandoned = found.filter(
    (upload) => upload.name === name && upload.begun !== undefined && now - upload.begun > olderThan,
  );
  for (const upload of abandoned) await abortUpload(calls, upload);
  return abandoned.length;
}

/**
 * Gives an upload up, in 10 s at most. No signal reaches it, because it is what a cancel does; what it cannot do is left
 * to the next upload of this file, to `gc` and to the bucket's lifecycle rule, since the reason why it is called matters more.
 */
export async function abortUpload(
  calls: S3Calls,
  { name, id }: { readonly name: string; readonly id: string },
  longest = longestAbort,
): Promise<boolean> {
  const { address } = calls.connection;
  const input = { Bucket: address.bucket, Key: s3Key(address, name), UploadId: id };
  try {
    await calls.repeatUnless(
      `aborting the upload of ${name}`,
      (client, sdk, options) => client.send(new sdk.AbortMultipartUploadCommand(input), options),
      AbortSignal.timeout(longest),
      ['absent', 'upload-absent'],
    );
    return true;
  } catch {
    return false;
  }
}
