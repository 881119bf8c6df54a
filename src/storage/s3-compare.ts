/**
 * Is what the bucket holds what we meant to write? Answered by the SHA-256 that the store keeps, whole or over parts
 * of our size, and where it keeps none, by reading every byte back.
 */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { nameTaken } from './content.ts';
import type { S3Calls } from './s3-calls.ts';
import { base64Of, compositeOf, partSizeFor, type S3Sizes } from './s3-parts.ts';
import { headFile, openFile, type S3Head } from './s3-read.ts';
import type { StreamedContent } from './store.ts';

/** @throws name-taken for other bytes; never for what is absent */
export async function compareStored(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  sizes: S3Sizes,
  signal: AbortSignal | undefined,
): Promise<'absent' | 'same'> {
  const head = await headFile(calls, name, signal && { signal });
  if (head === undefined) return 'absent';
  if (head.length !== stated.length)
    throw nameTaken(
      name,
      calls.location,
      `a file of ${head.length} bytes is stored there, not of ${stated.length}`,
    );
  if (await isSame(calls, head, stated, sizes, signal)) return 'same';
  throw nameTaken(name, calls.location, 'other bytes are stored there');
}

async function isSame(
  calls: S3Calls,
  head: S3Head,
  stated: StreamedContent,
  sizes: S3Sizes,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (head.sha256 !== undefined && !head.sha256.includes('-') && stated.length > sizes.readBack)
    return head.sha256 === base64Of(stated.sha256);
  const size = partSizeFor(stated.length, sizes);
  if (head.sha256?.endsWith(`-${Math.ceil(stated.length / size)}`) === true) {
    const chunks = stated.open();
    if (head.sha256 === (await compositeOf(chunks, size))) return true;
  }
  return (await storedHash(calls, head, signal)) === stated.sha256;
}

/**
 * After a write that the store has confirmed: what it holds has the hash that was sent.
 *
 * @param expected checksums, in base64, of which the store may name one; otherwise everything is read back
 * @throws hash-mismatch
 */
export async function verifyStored(
  calls: S3Calls,
  name: string,
  stated: StreamedContent,
  expected: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const head = await headFile(calls, name, signal && { signal });
  const trusted = head?.sha256 !== undefined && expected.includes(head.sha256);
  if (
    head?.length === stated.length &&
    (trusted || (await storedHash(calls, head, signal)) === stated.sha256)
  )
    return;
  throw altered(calls.location, name);
}

/** The error of a store that does not keep the bytes that it took. */
export function altered(location: string, name: string): TidegateError {
  const text = `${name} in ${location} is not what was written there, though the store said so; do not trust this store.`;
  return new TidegateError('hash-mismatch', text, { name, location });
}

/** Lower-case hex over what a client would get; of another version of the file: store-conflict. */
async function storedHash(calls: S3Calls, head: S3Head, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  const options = { reuseChunks: true, etag: head.etag, ...(signal && { signal }) };
  const file = await openFile(calls, head.name, options);
  for await (const chunk of file?.body ?? []) hash.update(chunk);
  return hash.digest('hex');
}
