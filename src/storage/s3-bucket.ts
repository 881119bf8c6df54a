/** What a bucket says of itself, where this identity may ask: for whoever looks after it. Nothing is changed. */
import type { GetBucketAclCommandOutput, LifecycleRule as SdkRule } from '@aws-sdk/client-s3';
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
  /** Whether its access control list lets everybody write; undefined: it has none. */
  readonly acl?: 'public' | 'private' | Unknown | undefined;
  /** Rules that are on; undefined: nobody asked. */
  readonly lifecycle?: readonly LifecycleRule[] | Unknown | undefined;
}

export interface LifecycleRule {
  readonly id: string;
  /** Of keys. */
  readonly prefix: string;
  /** Removes current objects, or moves them to where nobody can read them at once. */
  readonly takesCurrent: boolean;
  readonly endsUploads: boolean;
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
  const acl = await ask(calls, 'asking for the access control list', signal, (client, sdk, options) =>
    client.send(new sdk.GetBucketAclCommand(input), options),
  );
  const lifecycle = await ask(calls, 'asking for the lifecycle rules', signal, (client, sdk, options) =>
    client.send(new sdk.GetBucketLifecycleConfigurationCommand(input), options),
  );
  return {
    acl: typeof acl === 'object' ? publicOf(acl) : acl,
    lifecycle: typeof lifecycle === 'string' ? lifecycle : rulesOf(lifecycle?.Rules ?? []),
    policy: typeof policy === 'string' ? policy : policy?.Policy,
    versioning: typeof versioning === 'string' ? versioning : versioning?.Status === 'Enabled' ? 'on' : 'off',
  };
}

/** AWS names groups by an address, versitygw by a word. */
const everybody = /(?:\/groups\/global\/(?:AllUsers|AuthenticatedUsers)|^all-users)$/;

function publicOf({ Grants = [] }: GetBucketAclCommandOutput): 'public' | 'private' {
  const writes = Grants.some(
    ({ Grantee, Permission = '' }) =>
      everybody.test(Grantee?.URI ?? Grantee?.ID ?? '') &&
      ['WRITE', 'WRITE_ACP', 'FULL_CONTROL'].includes(Permission),
  );
  return writes ? 'public' : 'private';
}

function rulesOf(rules: readonly SdkRule[]): readonly LifecycleRule[] {
  return rules.flatMap((rule) => {
    if (rule.Status !== 'Enabled') return [];
    const { Expiration, Transitions = [], Filter, AbortIncompleteMultipartUpload: abort } = rule;
    const archives = Transitions.some(({ StorageClass = '' }) => /GLACIER$|DEEP_ARCHIVE/.test(StorageClass));
    return {
      id: rule.ID ?? 'a rule without a name',
      prefix: Filter?.Prefix ?? Filter?.And?.Prefix ?? rule.Prefix ?? '',
      takesCurrent: Expiration?.Days !== undefined || Expiration?.Date !== undefined || archives,
      endsUploads: abort?.DaysAfterInitiation !== undefined,
    };
  });
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
