/** What a bucket promises by its settings: that nobody overwrites, whatever program he uses. Pure. */
import { isTidegateError } from '../../errors.ts';
import type { BucketFacts } from '../../storage/s3-bucket.ts';
import { type Policy, type PolicyRequest, parsePolicy, verdictOf } from './bucket-policy.ts';
import { type Finding, ok, warn } from './finding.ts';

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

export function bucketFindings({ policy, versioning }: BucketFacts, place: BucketPlace): readonly Finding[] {
  return [policyFinding(policy, place), versioningFinding(versioning, place)];
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
