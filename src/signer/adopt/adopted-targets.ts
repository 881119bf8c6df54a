/**
 * The target files of an adopted repository: every one that any role lists, found where the tool that made it put it,
 * and checked byte by byte before anything is written.
 */
import { TidegateError } from '../../errors.ts';
import { createDigest, hashAlgorithms } from '../../metadata/crypto.ts';
import type { Hashes } from '../../metadata/file-meta.ts';
import { isTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import type { ReadableStore, StreamedContent } from '../../storage/store.ts';
import { checkHashes, lengthMismatch } from '../../trust/file-check.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import { namesOfTarget } from './source.ts';

/** A file that a role lists. Two roles, or two repositories, that list the same one share it. */
export interface ListedTarget {
  readonly path: TargetPath;
  /** Bytes. */
  readonly length: number;
  readonly hashes: Hashes;
}

/** A file that is there. */
export interface FoundTarget extends ListedTarget {
  readonly store: ReadableStore;
  readonly name: string;
}

/** A file whose bytes are the signed ones. */
export interface CheckedTarget extends FoundTarget {
  readonly sha256: string;
}

export interface CheckOptions {
  /** Told the files done, and how many there are. */
  readonly progress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** Files asked for at once. */
const parallel = 8;

/** Every target of every role, each file once. */
export function listedTargets(sets: readonly TrustedSet[]): readonly ListedTarget[] {
  const listed = new Map<string, ListedTarget>();
  for (const { document } of sets.flatMap((set) => [...set.targets.values()])) {
    for (const path of document.targets.keys()) {
      const target = isTargetPath(path) ? targetOf(document, path) : undefined;
      if (target === undefined) continue;
      const { length, hashes } = target;
      listed.set(JSON.stringify([path, hashes.sha256, hashes.sha512]), { path: target.path, length, hashes });
    }
  }
  return [...listed.values()];
}

/** Finds every file by its length. @throws not-found naming up to 20 that are missing or cut short */
export async function findTargets(
  stores: readonly ReadableStore[],
  listed: readonly ListedTarget[],
  signal?: AbortSignal,
): Promise<readonly FoundTarget[]> {
  const missing: string[] = [];
  const found = await inParallel(listed, signal, async (target) => {
    const place = await findTarget(stores, target, signal);
    if (place === undefined) missing.push(target.path);
    return place === undefined ? [] : [{ ...target, ...place }];
  });
  if (missing.length === 0) return found.flat();
  const names = missing.sort().slice(0, 20);
  const places = stores.map(({ location }) => location);
  throw new TidegateError(
    'not-found',
    `${missing.length} listed targets are missing or have another length in ${places.join(', ') || 'any targets folder'}: ${names.join(', ')}. Say with --targets where they are. Nothing was written`,
    { missing: names, locations: places },
  );
}

async function findTarget(
  stores: readonly ReadableStore[],
  { path, length, hashes }: ListedTarget,
  signal: AbortSignal | undefined,
): Promise<Pick<FoundTarget, 'store' | 'name'> | undefined> {
  for (const store of stores) {
    for (const name of namesOfTarget(path, hashes)) {
      if ((await store.stat(name, signal && { signal }))?.length === length) return { store, name };
    }
  }
  return undefined;
}

/** Reads every file to its end. @throws hash-mismatch, length-mismatch */
export async function checkTargets(
  found: readonly FoundTarget[],
  { progress, signal }: CheckOptions = {},
): Promise<readonly CheckedTarget[]> {
  let done = 0;
  return await inParallel(found, signal, async (target) => {
    const sha256 = await checkTarget(target, signal);
    done += 1;
    progress?.(done, found.length);
    return { ...target, sha256 };
  });
}

async function checkTarget(target: FoundTarget, signal: AbortSignal | undefined): Promise<string> {
  const { store, name, hashes } = target;
  const digests = { sha256: createDigest('sha256'), sha512: createDigest('sha512') };
  const wanted = hashAlgorithms.filter((algorithm) => algorithm === 'sha256' || hashes[algorithm]);
  let length = 0;
  for await (const chunk of bodyOf(target, signal)) {
    length += chunk.byteLength;
    for (const algorithm of wanted) digests[algorithm].update(chunk);
  }
  const where = `${store.location}: ${name}`;
  if (length !== target.length) throw lengthMismatch(where, length, target.length);
  const sha256 = digests.sha256.hex();
  checkHashes(hashes, (algorithm) => (algorithm === 'sha256' ? sha256 : digests.sha512.hex()), where);
  return sha256;
}

/** A checked file as content to be stored elsewhere; whoever stores it checks it once more. */
export function contentOf(target: CheckedTarget, signal?: AbortSignal): StreamedContent {
  return { length: target.length, sha256: target.sha256, open: () => bodyOf(target, signal) };
}

async function* bodyOf(
  { store, name }: FoundTarget,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const file = await store.open(name, { reuseChunks: true, ...(signal && { signal }) });
  if (file === undefined) {
    throw new TidegateError('not-found', `${store.location}: ${name} vanished while it was read`, { name });
  }
  yield* file.body;
}

/** In the order of the items. The first failure ends all. */
export async function inParallel<T, R>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const waiting = items.entries();
  const run = async (): Promise<void> => {
    for (const [index, item] of waiting) {
      checkCancelled('adopting', signal);
      results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: parallel }, run));
  return results;
}
