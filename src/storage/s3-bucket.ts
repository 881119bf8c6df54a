/** What a bucket says of itself, where this identity may ask: for whoever looks after it. Nothing is changed. */
import { s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import type { S3Request } from './s3-connection.ts';
import type { S3FaultKind } from './s3-fault.ts';
import type { CancelOptions } from './store.ts';

/** `refused`: this identity may not ask. `unsupported`: the store has no such thing. */
export type Unknown = 'refused' | 'unsupported';

export interface BucketFacts {
  /** The JSON of the policy; undefined: there is none. */
  readonly policy: string | undefined | Unknown;
  readonly versioning: 'on' | 'off' | Unknown;
}

/** When a file was written last; undefined: it does not exist, or the store does not tell. */
export async function modifiedInBucket(
  calls: S3Calls,
  name: string,
  { signal }: CancelOptions = {},
): Promise<number | undefined> {
  const { address } = calls.connection;
  const input = { Bucket: address.bucket, Key: s3Key(address, name) };
  const head = await calls.repeatUnless(
    `looking at ${name}`,
    (client, sdk, options) => client.send(new sdk.HeadObjectCommand(input), options),
    signal,
    ['absent'],
  );
  return head instanceof S3Refusal ? undefined : head.LastModified?.getTime();
}

export async function bucketFacts(calls: S3Calls, { signal }: CancelOptions = {}): Promise<BucketFacts> {
  const input = { Bucket: calls.connection.address.bucket };
  const policy = await ask(calls, 'asking for the bucket policy', signal, (client, sdk, options) =>
    client.send(new sdk.GetBucketPolicyCommand(input), options),
  );
  const versioning = await ask(calls, 'asking for the versioning', signal, (client, sdk, options) =>
    client.send(new sdk.GetBucketVersioningCommand(input), options),
  );
  return {
    policy: typeof policy === 'string' ? policy : policy?.Policy,
    versioning: typeof versioning === 'string' ? versioning : versioning?.Status === 'Enabled' ? 'on' : 'off',
  };
}

const unanswered: readonly S3FaultKind[] = ['absent', 'forbidden', 'refused', 'unsupported'];

/** undefined: there is none. */
async function ask<Output>(
  calls: S3Calls,
  what: string,
  signal: AbortSignal | undefined,
  request: S3Request<Output>,
): Promise<Output | Unknown | undefined> {
  const answer = await calls.repeatUnless(what, request, signal, unanswered);
  if (!(answer instanceof S3Refusal)) return answer;
  const { kind } = answer.fault;
  if (kind === 'absent') return undefined;
  return kind === 'forbidden' ? 'refused' : 'unsupported';
}
