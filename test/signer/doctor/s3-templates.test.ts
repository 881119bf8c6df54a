/** The templates for a bucket, held against the calls that our own commands make, by an evaluator of policies. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bucketFindings, unconditionalWrites } from '../../../src/signer/doctor/bucket-findings.ts';
import {
  type Policy,
  type PolicyRequest,
  parsePolicy,
  verdictOf,
} from '../../../src/signer/doctor/bucket-policy.ts';
import { examine } from '../../../src/signer/doctor/examine.ts';
import { cacheLife } from '../../../src/signer/doctor/header-findings.ts';
import { collectEverywhere } from '../../../src/signer/gc/collect-everywhere.ts';
import { defaultGrace } from '../../../src/signer/gc/grace.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { holdPin } from '../../../src/signer/publication/pin.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { addTarget, removeTarget } from '../../../src/signer/release/add-target.ts';
import { repositoriesOf } from '../../../src/signer/workspace/workspace.ts';
import { headersFor } from '../../../src/storage/s3-headers.ts';
import { mebibyte, withS3 } from '../../support/s3-scene.ts';
import { type S3Call, type S3Operation, testBucket } from '../../support/s3-server.ts';
import {
  day,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  type WorkspaceKind,
  workspaceDisk,
} from '../../support/workspace.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'repo-templates', 's3');

function textOf(name: string): string {
  const text = readFileSync(join(folder, name), 'utf8');
  return text.replaceAll('BUCKET', testBucket).replaceAll('PREFIX', 'fleet');
}

function policyOf(name: string): Policy {
  return parsePolicy(textOf(name), name);
}

const actions: Readonly<Record<S3Operation, string>> = {
  get: 's3:GetObject',
  head: 's3:GetObject',
  put: 's3:PutObject',
  delete: 's3:DeleteObject',
  list: 's3:ListBucket',
  'list-uploads': 's3:ListBucketMultipartUploads',
  'create-upload': 's3:PutObject',
  'upload-part': 's3:PutObject',
  'complete-upload': 's3:PutObject',
  'abort-upload': 's3:AbortMultipartUpload',
  // A look at the bucket itself, for its time.
  other: 's3:ListBucket',
};

/** Questions about the bucket itself, by what stands in the query. */
const settings: Readonly<Record<string, string>> = {
  policy: 's3:GetBucketPolicy',
  acl: 's3:GetBucketAcl',
  versioning: 's3:GetBucketVersioning',
  lifecycle: 's3:GetLifecycleConfiguration',
};

function actionOf({ operation, key, url }: S3Call): string {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  const asked = Object.keys(settings).find((name) => key === '' && query.has(name));
  return (asked && settings[asked]) ?? actions[operation];
}

/** What AWS would be asked; conditions can be left out, as another program would. */
function requestOf(call: S3Call, conditional = true): PolicyRequest {
  const { operation, key, headers } = call;
  const creates = operation === 'put' || operation === 'complete-upload';
  const context = new Map([
    ['aws:securetransport', 'true'],
    ['s3:objectcreationoperation', String(creates)],
  ]);
  for (const name of ['if-match', 'if-none-match']) {
    const value = headers[name];
    if (conditional && typeof value === 'string') context.set(`s3:${name}`, value);
  }
  const arn = `arn:aws:s3:::${testBucket}`;
  return { action: actionOf(call), resource: key === '' ? arn : `${arn}/${key}`, context };
}

interface Recorded {
  readonly publisher: readonly S3Call[];
  readonly refresher: readonly S3Call[];
  readonly gc: readonly S3Call[];
  readonly reader: readonly S3Call[];
  readonly doctor: readonly S3Call[];
}

/** The calls of a publication with an image in parts, of a renewal, of a clean-up in both phases, and of a host. */
async function record(kind: WorkspaceKind): Promise<Recorded> {
  let now = start;
  const recorded: Record<string, readonly S3Call[]> = {};
  await withS3({ shownTime: () => now }, async ({ server, other }) => {
    const during = async (who: string, work: () => Promise<unknown>): Promise<void> => {
      const from = server.calls.length;
      await work();
      recorded[who] = server.calls.slice(from);
    };
    // Each role is a process of its own, with a store of its own that it has to try.
    const disk = await workspaceDisk(kind);
    const first = await open(disk, other());
    const names = kind.template === 'bottlerocket' ? ['boot', 'root', 'hash'] : ['image'];
    const images: Record<string, string> = {};
    for (const [turn, name] of names.entries())
      images[name] = await putFile(
        disk,
        `/images/${name}.img`,
        Buffer.alloc(turn === 0 ? 6 * mebibyte : 9, name),
      );
    await during('publisher', async () => {
      await addRelease(first, { version: '1.0.0', images });
      await addTarget(first, { path: await putFile(disk, '/images/old.bin', 'old') });
      await planAndPublish(first, now);
      await removeTarget(first, { name: 'old.bin' });
      now += hour;
      await planAndPublish(first, now);
    });
    now += 2 * day;
    const second = await open(disk, other());
    await during('refresher', () => refreshRepositories(second, { now, unlock }));
    now += 40 * day;
    await refreshRepositories(second, { now, unlock });
    // What a publication left behind that died.
    const [{ name } = assert.fail()] = repositoriesOf(second.settings);
    const left = new Map([['targets/x', { length: 1 }]]);
    await holdPin(second.store, { repository: name, plan: 'dead', versions: new Map(), files: left }, start);
    await during('gc', async () => {
      const third = await open(disk, other());
      const collect = async () => {
        const options = { now: () => now, settings: defaultGrace, wishes: [], act: true };
        const [outcome] = await collectEverywhere(third, options);
        return outcome !== undefined && 'collection' in outcome ? outcome : assert.fail();
      };
      const from = server.calls.length;
      assert.ok((await collect()).collection.marked.length > 0);
      now += day;
      const { collection, notes } = await collect();
      assert.ok(collection.removed.length > 0);
      assert.deepEqual(notes.length, 0, 'removed by the first run');
      assert.ok(server.calls.slice(from).some(({ key }) => key.endsWith('/dead.json')));
    });
    await during('doctor', async () => {
      const findings = await examine(await open(disk, other()), { now, probe: false });
      assert.ok(findings.some(({ check }) => check === 'policy'));
    });
    await during('reader', async () => {
      const host = await open(disk, other());
      for (const place of repositoriesOf(host.settings)) await readLive(host, place);
    });
  });
  const { publisher = [], refresher = [], gc = [], reader = [], doctor = [] } = recorded;
  return { publisher, refresher, gc, reader, doctor };
}

const kinds: readonly WorkspaceKind[] = [
  { template: 'single' },
  { template: 'bottlerocket', variants: { 'k8s-1.30+a': ['x86.64'] } },
];

describe('templates for a bucket', () => {
  for (const kind of kinds) {
    it(`allow every call that we make, and deny every write without a condition: ${JSON.stringify(kind.variants ?? kind.template)}`, async () => {
      const recorded = await record(kind);
      const bucket = policyOf('bucket-policy.json');
      for (const who of ['publisher', 'refresher', 'gc', 'reader', 'doctor'] as const) {
        const identity = policyOf(`iam-${who}.json`);
        assert.ok(recorded[who].length > 5, who);
        for (const call of recorded[who]) {
          const request = requestOf(call);
          const said = `${who}: ${call.operation} ${call.key}`;
          assert.equal(verdictOf(identity, request), 'allowed', said);
          assert.notEqual(verdictOf(bucket, request), 'denied', said);
          if (call.operation !== 'put' && call.operation !== 'complete-upload') continue;
          assert.equal(verdictOf(bucket, requestOf(call, false)), 'denied', `${said}, without a condition`);
        }
      }
      const operations = new Set(recorded.publisher.map(({ operation }) => operation));
      assert.ok(operations.has('upload-part') && operations.has('complete-upload') && operations.has('put'));
    }).timeout(30_000);
  }

  it('the refresher can write nothing that hosts read but the timestamp', () => {
    const policy = policyOf('iam-refresher.json');
    const place = {
      location: '',
      bucket: testBucket,
      prefix: 'fleet/',
      folders: ['metadata', 'demo/x86_64'],
    };
    for (const request of unconditionalWrites(place)) {
      const expected = request.resource.endsWith('/timestamp.json') ? 'allowed' : 'unsaid';
      assert.equal(verdictOf(policy, request), expected, request.resource);
    }
  });

  it('PUB-18: nobody may delete a root, nor gc a timestamp', () => {
    const remove = (key: string): PolicyRequest => ({
      action: 's3:DeleteObject',
      resource: `arn:aws:s3:::${testBucket}/fleet/${key}`,
      context: new Map(),
    });
    for (const key of ['metadata/1.root.json', 'demo/x86_64/12.root.json']) {
      for (const name of ['bucket-policy.json', 'iam-gc.json'])
        assert.equal(verdictOf(policyOf(name), remove(key)), 'denied', `${name} ${key}`);
    }
    assert.equal(verdictOf(policyOf('iam-gc.json'), remove('metadata/timestamp.json')), 'denied');
    assert.equal(verdictOf(policyOf('iam-publisher.json'), remove('metadata/1.targets.json')), 'unsaid');
  });

  it('doctor is content with the policy, and with nothing less', () => {
    const place = {
      location: 's3',
      bucket: testBucket,
      prefix: 'fleet/',
      folders: ['metadata', 'demo/x86_64', 'k8s-1.30+a/x86.64'],
    };
    const judge = (policy: string) => bucketFindings({ policy, versioning: 'on' }, place)[0];
    const text = textOf('bucket-policy.json');
    assert.equal(judge(text)?.level, 'ok');
    const policy = JSON.parse(text) as { Statement: Record<string, unknown>[] };
    const without = (sid: string): string =>
      JSON.stringify({ ...policy, Statement: policy.Statement.filter(({ Sid }) => Sid !== sid) });
    assert.match(
      judge(without('EverythingElseOnlyIfAbsentOrStillTheOneThatWasSeen'))?.found ?? '',
      /timestamp/,
    );
    const strict = { Effect: 'Deny', Principal: '*', Action: 's3:PutObject', Resource: '*' };
    assert.match(judge(JSON.stringify({ Statement: [strict] }))?.found ?? '', /a publication needs/);
    const strange = { ...strict, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } };
    assert.match(judge(JSON.stringify({ Statement: [strange] }))?.found ?? '', /not understood/);
    assert.match(judge('{}')?.found ?? '', /no statements/);
  });

  it('an architecture that looks like a number is told of, and goes with rules of its own', () => {
    const place = { location: 's3', bucket: testBucket, prefix: 'fleet/', folders: ['demo/3.1'] };
    const judge = (policy: string) => bucketFindings({ policy, versioning: 'on' }, place)[0];
    const text = textOf('bucket-policy.json');
    assert.match(
      judge(text)?.found ?? '',
      /a publication needs are denied: fleet\/\.publish\/demo\/3\.1\/plans/,
    );
    assert.equal(judge(text.replaceAll('fleet/*/*/', 'fleet/demo/3.1/'))?.level, 'ok');
  });

  it('a policy of many stars, or of many bytes, keeps nobody busy', () => {
    const place = { location: 's3', bucket: testBucket, prefix: 'fleet/', folders: ['metadata'] };
    const judge = (Resource: string) => {
      const statement = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource };
      return bucketFindings(
        { policy: JSON.stringify({ Statement: [statement] }), versioning: 'on' },
        place,
      )[0];
    };
    assert.match(judge(`${'*a'.repeat(1000)}*b`)?.found ?? '', /are not denied/);
    assert.match(judge(`${'*a'.repeat(20)}*`)?.found ?? '', /are not denied: fleet\/metadata/);
    assert.match(judge('*'.repeat(100_000))?.found ?? '', /characters, expected at most/);
  });

  it('patterns stand for what S3 takes them for', () => {
    const applies = (pattern: string, action: string): boolean => {
      const policy = { Statement: [{ Effect: 'Deny', Action: pattern, Resource: '*' }] };
      const request = { action, resource: 'any', context: new Map() };
      return verdictOf(parsePolicy(JSON.stringify(policy), 'it'), request) === 'denied';
    };
    const fitting = [
      '*',
      's3:*',
      'S3:put*',
      's3:P?tObject',
      '*Object',
      's3:PutObject*',
      '**t**',
      's3:*O*ect',
    ];
    for (const pattern of fitting) assert.ok(applies(pattern, 's3:PutObject'), pattern);
    const others = [
      '',
      '?',
      's3:Put',
      'PutObject',
      's3.PutObject',
      's3:PutObject?',
      '*Objects',
      's3:*O*O*ect',
    ];
    for (const pattern of others) assert.ok(!applies(pattern, 's3:PutObject'), pattern);
  });

  it('the lifecycle ends uploads after three days, keeps replaced files for ninety, and expires nothing that is current', () => {
    const { Rules } = JSON.parse(textOf('lifecycle.json')) as {
      Rules: {
        Filter: { Prefix: string };
        Expiration?: unknown;
        AbortIncompleteMultipartUpload?: { DaysAfterInitiation: number };
        NoncurrentVersionExpiration?: { NoncurrentDays: number };
      }[];
    };
    assert.deepEqual(
      Rules.flatMap((rule) => rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation ?? []),
      [3],
    );
    assert.deepEqual(
      Rules.flatMap((rule) => rule.NoncurrentVersionExpiration?.NoncurrentDays ?? []),
      [90],
    );
    assert.deepEqual(
      Rules.flatMap((rule) => (rule.Expiration === undefined ? [] : [rule.Filter.Prefix])),
      ['fleet/.probe/'],
    );
  });

  it('CloudFront keeps absence for seconds, compresses nothing, and lets the bucket say how long', () => {
    const text = JSON.parse(textOf('cloudfront.json'));
    const { CachePolicyConfig: cache, DistributionConfig: distribution } = text;
    const keyed = cache.ParametersInCacheKeyAndForwardedToOrigin;
    assert.deepEqual(
      [
        keyed.EnableAcceptEncodingGzip,
        keyed.EnableAcceptEncodingBrotli,
        distribution.DefaultCacheBehavior.Compress,
      ],
      [false, false, false],
    );
    for (const { ErrorCachingMinTTL } of distribution.CustomErrorResponses.Items)
      assert.ok(ErrorCachingMinTTL >= 10 && ErrorCachingMinTTL <= 60);
    for (const name of [
      'metadata/timestamp.json',
      'metadata/3.root.json',
      `targets/${'a'.repeat(64)}.image`,
    ]) {
      const life = cacheLife(headersFor(name).cacheControl) ?? assert.fail();
      assert.ok(life >= cache.MinTTL && life <= cache.MaxTTL, name);
    }
  });

  it('nginx says of each name what the bucket says', () => {
    const lines = textOf('nginx.conf').matchAll(/^ {4}"~([^"]+)" +"([^"]+)";$/gm);
    const rules = Array.from(lines, ([, form = '', control = '']) => ({ form: new RegExp(form), control }));
    assert.equal(rules.length, 5);
    const saidOf = (status: number, name: string) =>
      cacheLife(rules.find(({ form }) => form.test(`${status}/${name}`))?.control);
    for (const name of [
      'metadata/timestamp.json',
      'demo/x86_64/7.snapshot.json',
      'metadata/3.a%2Fb.json',
      `targets/${'a'.repeat(64)}.image`,
      `targets/${'a'.repeat(128)}.image`,
    ])
      assert.equal(saidOf(200, name), cacheLife(headersFor(name).cacheControl), name);
    assert.equal(saidOf(404, 'metadata/4.root.json'), 10);
  });

  it('the README speaks of every file', () => {
    const readme = textOf('README.md');
    for (const name of readdirSync(folder))
      if (name !== 'README.md') assert.ok(readme.includes(`\`${name}\``), name);
  });
});
