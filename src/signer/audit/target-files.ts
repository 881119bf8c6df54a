/**
 * The files of targets: each listed one is there and as long as signed; those of the sample are read whole and hashed on
 * the way, in memory that does not grow with them. With two hashes there are two copies (TUF specification 6.2.1).
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { createDigest, hashAlgorithms } from '../../metadata/crypto.ts';
import { targetFileName } from '../../metadata/file-names.ts';
import { escaped } from '../../metadata/printable.ts';
import type { Target } from '../../metadata/targets.ts';
import type { OpenFile } from '../../storage/store.ts';
import { checkHashes, lengthMismatch } from '../../trust/file-check.ts';
import { inParallel } from './parallel.ts';
import { missingFile, type Problems } from './problems.ts';
import { type Sample, sampleOf } from './sample.ts';
import type { StoreFolder } from './store-folder.ts';

export interface ListedTarget extends Target {
  /** The role that lists it. */
  readonly role: string;
}

/** How far the reading is. */
export interface AuditProgress {
  readonly repository: string;
  /** Bytes read of the sample, and all of them. */
  readonly bytes: number;
  readonly total: number;
}

export interface TargetFilesRequest {
  readonly folder: StoreFolder;
  readonly targets: readonly ListedTarget[];
  readonly consistent: boolean;
  readonly problems: Problems;
  readonly sample: Sample;
  readonly seed: string;
  readonly progress?: (bytes: number, total: number) => void;
  readonly signal?: AbortSignal;
}

export interface AuditedFiles {
  /** Files that the roles list, copies included. */
  readonly listed: number;
  /** Read whole and right. */
  readonly verified: number;
  /** Bytes that were read. */
  readonly bytes: number;
  /** Names below the folder that are there. */
  readonly present: ReadonlySet<string>;
}

/** Files asked about, and read, at once. */
const asked = 8;
const read = 3;

export async function auditTargetFiles(request: TargetFilesRequest): Promise<AuditedFiles> {
  const files = filesOf(request);
  const sample = sampleOf([...files.keys()], request.sample, request.seed);
  const present = new Set<string>();
  await inParallel(files, asked, async ([name, targets]) => {
    if (await isThere(request, name, targets)) present.add(name);
  });
  const waiting = [...files].filter(([name]) => sample.has(name) && present.has(name));
  const total = waiting.reduce((sum, [, [first]]) => sum + (first?.length ?? 0), 0);
  let bytes = 0;
  let verified = 0;
  await inParallel(waiting, read, async ([name, targets]) => {
    const sound = await request.problems.attempt(async () => {
      await readWhole(request, name, targets, ({ byteLength }) => {
        bytes += byteLength;
        request.progress?.(bytes, total);
      });
      return true;
    });
    if (sound === true) verified += 1;
  });
  return { listed: files.size, verified, bytes, present };
}

/** Names below the folder, with the targets that each must be. */
function filesOf({ targets, consistent }: TargetFilesRequest): ReadonlyMap<string, readonly ListedTarget[]> {
  const files = new Map<string, ListedTarget[]>();
  for (const target of targets) {
    for (const name of namesOf(target, consistent)) files.set(name, [...(files.get(name) ?? []), target]);
  }
  return files;
}

function namesOf({ path, hashes }: Target, consistent: boolean): readonly string[] {
  if (!consistent) return [path];
  return hashAlgorithms.flatMap((algorithm) => {
    const hash = hashes[algorithm];
    return hash === undefined ? [] : [targetFileName(path, hash)];
  });
}

async function isThere(
  { folder, problems, signal }: TargetFilesRequest,
  name: string,
  targets: readonly ListedTarget[],
): Promise<boolean> {
  const found = await problems.attempt(async () => {
    const length = await lengthOf(folder, name, signal);
    if (length === undefined) {
      const roles = [...new Set(targets.map(({ role }) => role))];
      throw missingFile(
        name,
        folder.location,
        `${escaped(roles.join(', '))} lists it, and hosts will ask for it`,
        {
          target: targets[0]?.path ?? name,
        },
      );
    }
    const wrong = targets.find((target) => target.length !== length);
    if (wrong !== undefined && length >= 0) throw lengthMismatch(name, length, wrong.length);
    return true;
  });
  return found === true;
}

/** -1 where a server does not tell before it sends. */
async function lengthOf(
  folder: StoreFolder,
  name: string,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const options = signal === undefined ? {} : { signal };
  try {
    return await folder.targetLength(name, options);
  } catch (error) {
    if (!isTidegateError(error, 'store-unsupported')) throw error;
    const file = await folder.openTarget(name, options);
    await giveUp(file);
    return file === undefined ? undefined : (file.length ?? -1);
  }
}

/** One pass over a file, checked against every target that it is. @throws not-found, length-mismatch, hash-mismatch */
async function readWhole(
  { folder, signal }: Pick<TargetFilesRequest, 'folder' | 'signal'>,
  name: string,
  targets: readonly Target[],
  use: (chunk: Uint8Array) => void,
): Promise<void> {
  const length = Math.max(...targets.map((target) => target.length));
  const file = await folder.openTarget(name, { reuseChunks: true, ...(signal !== undefined && { signal }) });
  if (file === undefined) throw missingFile(name, folder.location, 'a role lists it, and hosts ask for it');
  const wanted = hashAlgorithms.filter((one) => targets.some(({ hashes }) => hashes[one] !== undefined));
  const digests = wanted.map((algorithm) => [algorithm, createDigest(algorithm)] as const);
  let received = 0;
  try {
    for await (const chunk of file.body) {
      received += chunk.byteLength;
      if (received > length) throw lengthMismatch(name, received, length);
      for (const [, digest] of digests) digest.update(chunk);
      use(chunk);
    }
  } finally {
    await giveUp(file);
  }
  const found = new Map(digests.map(([algorithm, digest]) => [algorithm, digest.hex()]));
  for (const target of targets) {
    if (received !== target.length) throw lengthMismatch(name, received, target.length);
    checkHashes(target.hashes, (algorithm) => found.get(algorithm) ?? '', name);
  }
}

async function giveUp(file: OpenFile | undefined): Promise<void> {
  await file?.body[Symbol.asyncIterator]().return?.();
}

export interface SmallTargetRequest extends Pick<TargetFilesRequest, 'folder' | 'consistent' | 'signal'> {
  /** Bytes. */
  readonly limit: number;
}

/** A small target, whole. @throws length-limit, not-found, length-mismatch, hash-mismatch */
export async function readTarget(request: SmallTargetRequest, target: Target): Promise<Uint8Array> {
  const { limit } = request;
  const [name = target.path] = namesOf(target, request.consistent);
  if (target.length > limit) {
    const text = `${name}: ${target.length} bytes are signed, at most ${limit} are read`;
    throw new TidegateError('length-limit', text, { file: name, found: target.length, limit });
  }
  const chunks: Uint8Array[] = [];
  await readWhole(request, name, [target], (chunk) => chunks.push(new Uint8Array(chunk)));
  return Buffer.concat(chunks);
}
