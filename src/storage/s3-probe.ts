/** What only a bucket can be asked: parts, checksums, conditions of deletion, and how it spells etags in conditions. */
import { createHash, randomBytes } from 'node:crypto';
import { streamed } from './content.ts';
import { type Finding, finding, type Probe, racers } from './probe.ts';
import { s3Key } from './s3-address.ts';
import { type S3Calls, S3Refusal } from './s3-calls.ts';
import { completeUpload } from './s3-completion.ts';
import type { S3FaultKind } from './s3-fault.ts';
import { beginUpload, sendParts, uploadInParts } from './s3-multipart.ts';
import { defaultS3Sizes, type S3Sizes } from './s3-parts.ts';
import { headFile, openFile } from './s3-read.ts';
import { abortUpload } from './s3-uploads.ts';
import { putNew } from './s3-write.ts';

/** The smallest part that S3 takes. */
const part = 5 * 1024 * 1024;
const sizes: S3Sizes = { ...defaultS3Sizes, singlePut: 0, part, partsInFlight: 2 };
const answers: readonly S3FaultKind[] = [
  'precondition',
  'absent',
  'conflict',
  'unsupported',
  'digest',
  'refused',
];

export function s3Probes(calls: S3Calls, folder: string): readonly Probe[] {
  return [
    { promise: 'files in parts', run: () => tryParts(calls, `${folder}parts`) },
    { promise: 'create-only in parts', run: () => tryCreateOnlyParts(calls, `${folder}parts-taken`) },
    {
      promise: `create-only in parts, ${racers} at once`,
      run: () => raceParts(calls, `${folder}parts-race`),
    },
    { promise: 'SHA-256 with a write', run: () => tryChecksum(calls, `${folder}checksum`) },
    { promise: 'SHA-256 over parts', run: () => tryComposite(calls, `${folder}parts`) },
    { promise: 'conditional delete', run: () => tryConditionalDelete(calls, `${folder}deleted`) },
    { promise: 'etags in quotes', run: () => tryEtags(calls, `${folder}etags`) },
  ];
}

async function tryParts(calls: S3Calls, name: string): Promise<Finding> {
  const bytes = randomBytes(part + 1);
  const outcome = await uploadInParts(calls, name, streamed(bytes), sizes, {});
  const hash = createHash('sha256');
  for await (const chunk of (await openFile(calls, name, {}))?.body ?? []) hash.update(chunk);
  const same = hash.digest('hex') === streamed(bytes).sha256;
  return finding(
    outcome === 'created' && same,
    `2 parts ${outcome}, read back ${same ? 'the same' : 'different'}`,
  );
}

async function tryCreateOnlyParts(calls: S3Calls, name: string): Promise<Finding> {
  await putNew(calls, name, streamed(randomBytes(64)), sizes, {});
  const outcome = await completeBlindly(calls, name);
  const text = outcome === 'created' ? 'replaced the file' : 'was refused';
  return finding(outcome !== 'created', `an upload completed onto an existing file ${text}`);
}

async function raceParts(calls: S3Calls, name: string): Promise<Finding> {
  const outcomes = await Promise.allSettled(
    Array.from({ length: racers }, () => completeBlindly(calls, name)),
  );
  const won = outcomes.filter((each) => each.status === 'fulfilled' && each.value === 'created').length;
  return finding(won === 1, `${won} of ${racers} were told that they completed it`);
}

/** One upload of its own bytes, without looking first: only the condition stands between it and the file. */
async function completeBlindly(calls: S3Calls, name: string): Promise<string> {
  const upload = { name, id: await beginUpload(calls, name, undefined) };
  let outcome = 'failed';
  try {
    const parts = await sendParts(calls, upload, streamed(randomBytes(64)), sizes, {});
    outcome = await completeUpload(calls, upload, parts, async () => 'absent', undefined);
    return outcome;
  } finally {
    if (outcome !== 'created') await abortUpload(calls, upload);
  }
}

async function tryChecksum(calls: S3Calls, name: string): Promise<Finding> {
  const bytes = randomBytes(256);
  const right = createHash('sha256').update(bytes).digest('base64');
  const wrong = createHash('sha256').update('other').digest('base64');
  const bad = await put(calls, name, bytes, { ChecksumSHA256: wrong });
  const good = await put(calls, `${name}-right`, bytes, { ChecksumSHA256: right });
  if (good !== 'stored') return { kept: 'refused', found: `a write with its SHA-256 was answered: ${good}` };
  const kept = (await headFile(calls, `${name}-right`))?.sha256 === right;
  const text = `${kept ? 'kept' : 'not kept'}; bytes that do not match it ${bad === 'stored' ? 'were stored' : 'were refused'}`;
  return finding(kept && bad !== 'stored', text);
}

async function tryComposite(calls: S3Calls, name: string): Promise<Finding> {
  const found = (await headFile(calls, name))?.sha256;
  return finding(
    found?.endsWith('-2') === true,
    `the store tells ${found === undefined ? 'none' : JSON.stringify(found)}`,
  );
}

async function tryConditionalDelete(calls: S3Calls, name: string): Promise<Finding> {
  await put(calls, name, randomBytes(64), {});
  const { address } = calls.connection;
  const input = { Bucket: address.bucket, Key: s3Key(address, name), IfMatch: `"${'0'.repeat(32)}"` };
  const outcome = await calls.repeatUnless(
    'removing by a stale etag',
    (client, sdk, options) => client.send(new sdk.DeleteObjectCommand(input), options),
    undefined,
    [...answers, 'forbidden'],
  );
  const there = (await headFile(calls, name)) !== undefined;
  const answer = outcome instanceof S3Refusal ? outcome.fault.code : 'success';
  if (outcome instanceof S3Refusal && outcome.fault.kind === 'unsupported')
    return { kept: 'refused', found: 'the store refuses the condition' };
  if (outcome instanceof S3Refusal && outcome.fault.kind === 'forbidden')
    return { kept: 'refused', found: 'this identity may not remove files' };
  return finding(
    there && outcome instanceof S3Refusal,
    `stale etag: ${answer}, the file is ${there ? 'there' : 'gone'}`,
  );
}

async function tryEtags(calls: S3Calls, name: string): Promise<Finding> {
  const outcomes: string[] = [];
  for (const [form, quotes] of [
    ['quoted', '"'],
    ['bare', ''],
  ] as const) {
    const file = `${name}-${form}`;
    await put(calls, file, randomBytes(64), {});
    const etag = (await headFile(calls, file))?.etag.replaceAll('"', '') ?? '';
    outcomes.push(await put(calls, file, randomBytes(64), { IfMatch: `${quotes}${etag}${quotes}` }));
  }
  const [quoted, bare] = outcomes;
  const advice = quoted !== 'stored' && bare === 'stored' ? '; write etags=bare into the address' : '';
  return finding(quoted === 'stored', `a condition that holds: quoted ${quoted}, bare ${bare}${advice}`);
}

/** One PUT, create-only unless another condition is given. */
async function put(
  calls: S3Calls,
  name: string,
  bytes: Uint8Array,
  extra: { readonly IfMatch?: string; readonly ChecksumSHA256?: string },
): Promise<string> {
  const { address } = calls.connection;
  const condition = extra.IfMatch === undefined ? { IfNoneMatch: '*' } : {};
  const input = { Bucket: address.bucket, Key: s3Key(address, name), Body: bytes, ...condition, ...extra };
  const outcome = await calls.repeatUnless(
    `writing ${name}`,
    (client, sdk, options) => client.send(new sdk.PutObjectCommand(input), options),
    undefined,
    answers,
  );
  return outcome instanceof S3Refusal ? outcome.fault.code : 'stored';
}
