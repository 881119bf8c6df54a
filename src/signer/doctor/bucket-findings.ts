/** What a bucket promises by its settings: that nobody overwrites, whatever program he uses. Pure. */
import { isTidegateError } from '../../errors.ts';
import type { BucketFacts } from '../../storage/s3-bucket.ts';
import { notesFolder } from '../publication/store-note.ts';
import { type Policy, type PolicyRequest, parsePolicy, verdictOf } from './bucket-policy.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

export interface BucketPlace {
  /** For messages. */
  readonly location: string;
  readonly bucket: string;
  /** Of all keys, empty or with a slash at the end. */
  readonly prefix: string;
  /** Folders of metadata, without slashes at the ends. */
  readonly folders: readonly string[];
}

const templateAdvice = 'set the policy of repo-templates/s3/bucket-policy.json';

export function bucketFindings(facts: BucketFacts, place: BucketPlace): readonly Finding[] {
  const { policy, versioning, acl, lifecycle } = facts;
  const lists = [aclFinding(acl, place), lifecycleFinding(lifecycle, place)];
  return [
    policyFinding(policy, place),
    versioningFinding(versioning, place),
    ...lists.filter((each) => each !== undefined),
  ];
}

function aclFinding(acl: BucketFacts['acl'], { location }: BucketPlace): Finding | undefined {
  if (acl !== 'public') return undefined;
  const advice = 'take the grants of write to all users away, or switch access control lists off';
  return fail('policy', location, 'its access control list lets everybody write', advice);
}

/** No rule may touch what is current: hosts in the field begin with any root, and need every listed file. */
function lifecycleFinding(lifecycle: BucketFacts['lifecycle'], place: BucketPlace): Finding | undefined {
  if (lifecycle === undefined || lifecycle === 'unsupported') return undefined;
  const { location } = place;
  const advice = 'set the rules of repo-templates/s3/lifecycle.json';
  if (lifecycle === 'refused')
    return warn(
      'lifecycle',
      location,
      'this identity may not ask',
      'look with one that has s3:GetLifecycleConfiguration',
    );
  const { versioned, timestamps } = keysOf(place);
  const names = [...versioned, ...timestamps];
  const harmful = lifecycle.filter(
    ({ takesCurrent, prefix }) => takesCurrent && names.some((name) => name.startsWith(prefix)),
  );
  if (harmful.length > 0) {
    const found = `rules take away or put into an archive what is published: ${harmful.map(({ id }) => id).join(', ')}`;
    return fail('lifecycle', location, found, advice);
  }
  if (lifecycle.some(({ endsUploads }) => endsUploads))
    return ok('lifecycle', location, 'ends forgotten uploads, and touches nothing that is published');
  return warn('lifecycle', location, 'no rule ends forgotten uploads', advice);
}

function policyFinding(policy: BucketFacts['policy'], place: BucketPlace): Finding {
  const { location } = place;
  if (policy === 'refused')
    return warn(
      'policy',
      location,
      'this identity may not read it',
      'look at it with one that has s3:GetBucketPolicy',
    );
  if (policy === 'unsupported')
    return warn('policy', location, 'the store has none', 'let nothing but Tidegate write there');
  if (policy === undefined)
    return warn(
      'policy',
      location,
      'there is none: any program may overwrite what is published',
      templateAdvice,
    );
  try {
    const parsed = parsePolicy(policy, 'the bucket policy');
    const granted = everyWrite(place).filter((request) => verdictOf(parsed, request) === 'allowed');
    if (granted.length > 0) {
      const actions = [...new Set(granted.map(({ action }) => action))].join(', ');
      const advice = `${templateAdvice}; let only publishers write, by policies of their own`;
      return fail('policy', location, `it lets everybody write: ${actions}`, advice);
    }
    const open = unconditionalWrites(place).filter((request) => verdictOf(parsed, request) !== 'denied');
    if (open.length > 0)
      return warn(
        'policy',
        location,
        `unconditional writes are not denied: ${namesOf(open)}`,
        templateAdvice,
      );
    return blockedFinding(parsed, place);
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    return warn('policy', location, error.message, templateAdvice);
  }
}

/** A policy that goes too far stops the next publication. */
function blockedFinding(policy: Policy, place: BucketPlace): Finding {
  const blocked = conditionalWrites(place).filter((request) => verdictOf(policy, request) === 'denied');
  if (blocked.length === 0) return ok('policy', place.location, 'unconditional writes are denied');
  const found = `writes that a publication needs are denied: ${namesOf(blocked)}`;
  return warn('policy', place.location, found, `${templateAdvice}; requests over plain HTTP count as denied`);
}

function namesOf(requests: readonly PolicyRequest[]): string {
  return [...new Set(requests.map(({ resource }) => resource.slice(resource.indexOf('/') + 1)))].join(', ');
}

const anyHash = 'a'.repeat(64);

function keysOf({ prefix, folders }: BucketPlace): {
  readonly versioned: readonly string[];
  readonly timestamps: readonly string[];
} {
  const versioned = folders.flatMap((folder) =>
    ['2.root', '7.snapshot', '7.targets'].map((name) => `${folder}/${name}.json`),
  );
  return {
    versioned: [`targets/${anyHash}.image`, ...versioned].map((name) => prefix + name),
    timestamps: folders.map((folder) => `${prefix}${folder}/timestamp.json`),
  };
}

function put({ bucket }: BucketPlace, key: string, context: Readonly<Record<string, string>>): PolicyRequest {
  const common = { 's3:objectcreationoperation': 'true', 'aws:securetransport': 'true' };
  return {
    action: 's3:PutObject',
    resource: `arn:aws:s3:::${bucket}/${key}`,
    context: new Map(Object.entries({ ...common, ...context })),
  };
}

export function unconditionalWrites(place: BucketPlace): readonly PolicyRequest[] {
  const { versioned, timestamps } = keysOf(place);
  return [...versioned, ...timestamps].map((key) => put(place, key, {}));
}

export function conditionalWrites(place: BucketPlace): readonly PolicyRequest[] {
  const { versioned, timestamps } = keysOf(place);
  return [
    ...versioned.map((key) => put(place, key, { 's3:if-none-match': '*' })),
    ...versioned.map((key) => put(place, key, { 's3:objectcreationoperation': 'false' })),
    ...timestamps.map((key) => put(place, key, { 's3:if-none-match': '*' })),
    ...timestamps.map((key) => put(place, key, { 's3:if-match': '"etag"' })),
    // A pin that is held anew.
    ...place.folders.map((folder) =>
      put(place, `${place.prefix}${notesFolder}/${folder}/plans/${anyHash}.json`, {
        's3:if-match': '"etag"',
      }),
    ),
  ];
}

/** As one who knows the conditions would. */
function everyWrite(place: BucketPlace): readonly PolicyRequest[] {
  const writes = conditionalWrites(place);
  const context = new Map([['aws:securetransport', 'true']]);
  const bucket = `arn:aws:s3:::${place.bucket}`;
  return [
    ...writes,
    ...writes.map(({ resource }) => ({ action: 's3:DeleteObject', resource, context })),
    ...['s3:PutBucketPolicy', 's3:PutLifecycleConfiguration'].map((action) => {
      return { action, resource: bucket, context };
    }),
  ];
}

function versioningFinding(versioning: BucketFacts['versioning'], { location }: BucketPlace): Finding {
  switch (versioning) {
    case 'on':
      return ok('versioning', location, 'on');
    case 'off':
      return warn(
        'versioning',
        location,
        'off: what is removed by mistake is gone',
        'switch it on, and wait 15 minutes before the next publication',
      );
    case 'refused':
      return warn(
        'versioning',
        location,
        'this identity may not ask',
        'look with one that has s3:GetBucketVersioning',
      );
    default:
      return warn('versioning', location, 'the store has none', 'keep copies elsewhere');
  }
}
