/** Writes what a publication adds to the store, create-only: images, then what lists them. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { targetName } from '../../metadata/repository-layout.ts';
import { LARGEST_CHUNK } from '../../storage/content.ts';
import { contentOfFile } from '../../storage/file-content.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { ImageFile } from '../release/image-file.ts';
import { eachSeveralAtOnce } from '../workspace/several-at-once.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { RepositoryPlan } from './plan.ts';
import { roleFileName, type SignedFiles, unsignedFiles, type Versions } from './sign-plan.ts';
import type { PlannedTarget } from './targets-plan.ts';

export interface UploadProgress {
  /** The file in the store. */
  readonly name: string;
  /** Bytes written of it, and its length. */
  readonly bytes: number;
  readonly total: number;
}

export interface UploadOptions {
  readonly progress?: (progress: UploadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Images by content hash, the smallest first, small ones several at once. What several repositories list is sent once.
 *
 * @returns what was written now: the name in the store, and the first repository that lists it
 */
export async function uploadTargets(
  workspace: Pick<Workspace, 'store' | 'fileSystem'>,
  plans: readonly RepositoryPlan[],
  options: UploadOptions,
): Promise<Written> {
  const wanted = new Map<string, { readonly target: PlannedTarget; readonly repository: string }>();
  for (const { live, added } of plans) {
    for (const target of added) {
      const name = targetName(live.place.folders, target.target, target.sha256);
      if (!wanted.has(name)) wanted.set(name, { target, repository: live.place.name });
    }
  }
  const written = new Map<string, string>();
  const sorted = [...wanted].sort(([, one], [, other]) => one.target.length - other.target.length);
  const upload = async ([name, { target, repository }]: (typeof sorted)[number]): Promise<void> => {
    if ((await uploadTarget(workspace, name, target, options)) === 'created') written.set(name, repository);
  };
  const small = sorted.filter(([, { target }]) => target.length <= LARGEST_CHUNK);
  await eachSeveralAtOnce(small, upload);
  // A large one takes the whole line by itself, and its own bounded memory.
  for (const image of sorted.slice(small.length)) await upload(image);
  return written;
}

export type Written = ReadonlyMap<string, string>;

/** Bytes of an upload that count for this repository: each file counts once. */
export function bytesWritten(written: Written, { live, added }: RepositoryPlan): number {
  const { name, folders } = live.place;
  const own = added.filter(({ target, sha256 }) => written.get(targetName(folders, target, sha256)) === name);
  return own.reduce((sum, { length }) => sum + length, 0);
}

async function uploadTarget(
  { store, fileSystem }: Pick<Workspace, 'store' | 'fileSystem'>,
  name: string,
  { source, length }: PlannedTarget,
  { progress, signal }: UploadOptions,
): Promise<'created' | 'present'> {
  const content = source instanceof Uint8Array ? source : contentOfFile(fileSystem, source.path, source);
  try {
    return await store.create(name, content, {
      ...(signal && { signal }),
      ...(progress && { progress: (bytes: number) => progress({ name, bytes, total: length }) }),
    });
  } catch (error) {
    if (source instanceof Uint8Array || !isTidegateError(error, 'hash-mismatch', 'length-mismatch'))
      throw error;
    throw changedSince(source, error);
  }
}

function changedSince({ path }: ImageFile, cause: TidegateError): TidegateError {
  const text = `${path} has changed since it was added. Nothing was published; take the release back (tidegate release drop) or the target (tidegate target remove), and add it again`;
  return new TidegateError(cause.code, text, { path }, { cause });
}

/**
 * Everything but the timestamp, children first.
 *
 * @returns the role whose number other bytes have taken, or undefined when all are written
 * @throws name-taken for the number of a role that was signed elsewhere: it cannot get another one here
 */
export async function uploadRoles(
  store: SwappableStore,
  plan: RepositoryPlan,
  { files, versions }: SignedFiles,
): Promise<string | undefined> {
  for (const { role, signed } of plan.roles) {
    const name = roleFileName(plan, role, versions);
    const bytes = files.get(name);
    if (role === 'timestamp' || bytes === undefined) continue;
    try {
      await store.create(name, bytes);
    } catch (error) {
      if (!isTidegateError(error, 'name-taken') || signed) throw error;
      return role;
    }
  }
  return undefined;
}

/** Roots that the store lacks, lowest first. Nothing lists them with a hash, so each is read back. @throws hash-mismatch */
export async function uploadRoots(store: SwappableStore, plan: RepositoryPlan): Promise<void> {
  for (const [name, bytes] of unsignedFiles(plan)) {
    if (!name.startsWith(`${plan.live.place.folders.metadata}/`)) continue;
    await store.create(name, bytes);
    const found = (await store.read(name, defaultLimits.maxRootLength))?.bytes ?? new Uint8Array();
    if (Buffer.from(found).equals(bytes)) continue;
    const text = `${name} in ${store.location} is not what was written there; the timestamp was left as it is`;
    throw new TidegateError('hash-mismatch', text, { name, location: store.location });
  }
}

/** Burned numbers in a row that are passed over before something must be wrong. */
export const mostBurned = 1000;

/** The first number from `version` on that no file has taken. @throws name-taken */
export async function freeVersion(
  store: SwappableStore,
  plan: RepositoryPlan,
  role: string,
  versions: Versions,
): Promise<number> {
  const taken = versions[role] ?? 0;
  for (let version = taken + 1; version <= taken + mostBurned; version += 1) {
    const name = roleFileName(plan, role, { ...versions, [role]: version });
    if ((await store.stat(name)) === undefined) return version;
  }
  const text = `${plan.live.place.name}: the ${mostBurned} versions of ${role} after ${taken} are taken`;
  throw new TidegateError('name-taken', text, { role });
}
