/**
 * Every file that targets roles list is in the store: its length always, its SHA-256 where the store keeps one, or every
 * byte of it where that is asked for. Nothing that hosts would miss is ever published.
 */
import { createHash } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { type RepositoryFolders, targetName } from '../../metadata/repository-layout.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { type TargetsDocument, targetOf } from '../../metadata/targets.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import type { CancelOptions, ReadableStore, WritableStore } from '../../storage/store.ts';
import { listingIn } from './live-repository.ts';
import type { RepositoryPlan } from './plan.ts';
import { listTargets } from './target-list.ts';

export interface ListedFile {
  /** In the store. */
  readonly name: string;
  readonly length: number;
  readonly hash: { readonly algorithm: 'sha256' | 'sha512'; readonly value: string };
}

/** `checksum`: length, and the checksum that the store keeps. `readback`: every byte is read and hashed. */
export type VerifyHow = 'checksum' | 'readback';

export interface VerifyOptions extends CancelOptions {
  readonly how?: VerifyHow;
}

/** Files asked for at once; a store that finds them too many slows its own calls down. */
const parallel = 32;
/** Names in a message. */
const mostNamed = 20;

export function listedFiles(
  folders: RepositoryFolders,
  documents: Iterable<TargetsDocument>,
): readonly ListedFile[] {
  const files = new Map<string, ListedFile>();
  for (const document of documents) {
    for (const path of document.targets.keys()) {
      const file = listedFile(folders, document, path);
      files.set(file.name, file);
    }
  }
  return [...files.values()];
}

function listedFile(folders: RepositoryFolders, document: TargetsDocument, path: string): ListedFile {
  const parsed = parseTargetPath(path);
  const target = targetOf(document, parsed);
  const algorithm = target?.hashes.sha256 === undefined ? 'sha512' : 'sha256';
  const value = target?.hashes[algorithm] ?? '';
  return {
    name: targetName(folders, parsed, value),
    length: target?.length ?? 0,
    hash: { algorithm, value },
  };
}

/**
 * What the present targets list is there, by names and lengths of a list where there are many. Asked before anything is
 * signed or written, so that nobody uploads for an hour to be told then; only what the commit asks again, under a pin,
 * decides.
 *
 * @throws as `requireFiles`
 */
export async function requirePresent(
  plan: RepositoryPlan,
  store: WritableStore,
  { signal }: CancelOptions = {},
): Promise<void> {
  const { live } = plan;
  const changes = [...plan.added, ...plan.removed].map(({ target }) => target);
  const replaced = new Set<string>(changes);
  const documents = listingIn(live).map((document) => ({
    ...document,
    targets: new Map([...document.targets].filter(([path]) => !replaced.has(path))),
  }));
  const { name, folders } = live.place;
  const files = listedFiles(folders, documents);
  const list = await listTargets(store, folders, files.length, signal);
  // What the list does not show may be there all the same; only an answer about this very file says that it is not.
  const doubtful = files.filter((file) => list?.get(file.name)?.length !== file.length);
  await requireFiles(store, name, doubtful, signal && { signal });
}

/**
 * @throws not-found listing up to 20 names that are missing or have another length, hash-mismatch for other bytes,
 *   cancelled
 */
export async function requireFiles(
  store: ReadableStore,
  repository: string,
  files: readonly ListedFile[],
  { how = 'checksum', signal }: VerifyOptions = {},
): Promise<void> {
  const faults: { readonly name: string; readonly fault: Fault }[] = [];
  const next = files.values();
  const work = async (): Promise<void> => {
    for (const file of next) {
      checkCancelled('verifying', signal);
      const fault = how === 'readback' ? await readBack(store, file, signal) : await ask(store, file, signal);
      if (fault !== undefined) faults.push({ name: file.name, fault });
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  if (faults.length === 0) return;
  const altered = faults.filter(({ fault }) => fault === 'altered');
  const shown = altered.length > 0 ? altered : faults;
  const names = shown.map(({ name }) => name).sort();
  const listed = names.slice(0, mostNamed);
  const what = altered.length > 0 ? 'hold other bytes than are listed' : 'are missing or cut short';
  throw new TidegateError(
    altered.length > 0 ? 'hash-mismatch' : 'not-found',
    `${repository}: ${names.length} listed files ${what} in ${store.location}: ${listed.join(', ')}. Hosts see what they saw before`,
    { location: store.location, missing: listed },
  );
}

type Fault = 'missing' | 'altered';

async function ask(
  store: ReadableStore,
  { name, length, hash }: ListedFile,
  signal: AbortSignal | undefined,
): Promise<Fault | undefined> {
  const found = await store.stat(name, signal && { signal });
  if (found?.length !== length) return 'missing';
  const kept = hash.algorithm === 'sha256' ? found.sha256 : undefined;
  return kept === undefined || kept === hash.value ? undefined : 'altered';
}

async function readBack(
  store: ReadableStore,
  { name, length, hash }: ListedFile,
  signal: AbortSignal | undefined,
): Promise<Fault | undefined> {
  const file = await store.open(name, { reuseChunks: true, ...(signal && { signal }) });
  if (file === undefined) return 'missing';
  const digest = createHash(hash.algorithm);
  let bytes = 0;
  for await (const chunk of file.body) {
    digest.update(chunk);
    bytes += chunk.byteLength;
  }
  if (bytes !== length) return 'missing';
  return digest.digest('hex') === hash.value ? undefined : 'altered';
}
