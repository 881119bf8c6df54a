/**
 * Every root from version 1 on, and the way from each of them to the last.
 *
 * 1. Hosts in the field have roots of every age embedded; each must find every later one, signed by the keys of the one
 *    before (TUF specification 5.3.4, 6.1). A missing one strands all that are older.
 * 2. Whether a root follows the one before says nothing that another pair could change, so that every way is good
 *    exactly when each step is.
 * 3. A repository that was taken over may begin above 1, where earlier roots were never published; its workspace knows.
 * 4. With a root from outside, that one begins the trust; without, the first that is found does, which proves that the
 *    repository agrees with itself and not whose it is.
 */
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { noFloors } from '../../trust/floors.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { type TrustedSet, trustRoot, updateRoot } from '../../trust/trusted-set.ts';
import { missingFile, type Problems } from './problems.ts';
import type { StoreFolder } from './store-folder.ts';

/** Roots that are asked for beyond the last one found: so large a gap would still be noticed. */
export const rootGapLimit = 8;
/** Versions of root; more than any client walks. */
export const maxAuditedRoots = 4096;

export interface RootChain {
  /** Under the last root that verifies; undefined: none does. */
  readonly set: TrustedSet | undefined;
  /** Files that are there, by version, in its order. */
  readonly files: ReadonlyMap<number, Uint8Array>;
  /** Versions of roots from which a host does not come to the last one. */
  readonly stranded: readonly number[];
}

export interface RootRequest {
  readonly folder: StoreFolder;
  /** A root from outside. */
  readonly anchor: Uint8Array | undefined;
  /** The version that the chain begins with. Default 1. */
  readonly firstRoot?: number;
  readonly policy: TrustPolicy;
  readonly problems: Problems;
  readonly signal?: AbortSignal;
}

export async function auditRoots(request: RootRequest): Promise<RootChain> {
  const { anchor, policy, problems } = request;
  const given = anchor === undefined ? undefined : trustRoot(anchor, policy, noFloors);
  const start = given?.root.document.version ?? 1;
  const files = await readRoots(request, start);
  const last = Math.max(0, ...files.keys());
  const stranded = missingFrom(request, files, last);
  const sets = new Map<number, TrustedSet>();
  for (const [version, bytes] of files) {
    const set = problems.attemptNow(() => asOwnAnchor(bytes, version, policy));
    if (set === undefined) stranded.add(version).add(version - 1);
    else sets.set(version, set);
  }
  for (const [version, bytes] of files) {
    const before = sets.get(version - 1);
    if (before === undefined || !sets.has(version)) continue;
    if (problems.attemptNow(() => updateRoot(before, bytes)) === undefined) stranded.add(version - 1);
  }
  if (given !== undefined) compareGiven(request, given, files, sets);
  const unable = strandedBefore(stranded, last).filter((version) => version >= (request.firstRoot ?? 1));
  const newest = sets.get(last) ?? [...sets.values()].at(-1);
  return { set: newest ?? given, files, stranded: unable };
}

async function readRoots(
  { folder, policy, problems, signal, firstRoot = 1 }: RootRequest,
  start: number,
): Promise<ReadonlyMap<number, Uint8Array>> {
  const files = new Map<number, Uint8Array>();
  let known = Math.max(start, firstRoot);
  for (let version = firstRoot; version <= Math.min(known + rootGapLimit, maxAuditedRoots); version += 1) {
    const name = metadataFileName('root', version);
    const options = signal === undefined ? {} : { signal };
    const bytes = await problems.attempt(() =>
      folder.readMetadata(name, policy.limits.maxRootLength, options),
    );
    if (bytes === undefined) continue;
    files.set(version, bytes);
    known = Math.max(known, version);
  }
  return files;
}

/** The versions before missing ones; every missing one is a problem of its own. */
function missingFrom(
  { folder, problems, firstRoot = 1 }: RootRequest,
  files: ReadonlyMap<number, Uint8Array>,
  last: number,
): Set<number> {
  const stranded = new Set<number>();
  for (let version = firstRoot; version <= Math.max(firstRoot, last); version += 1) {
    if (files.has(version)) continue;
    const name = metadataFileName('root', version);
    const effect =
      version === firstRoot
        ? 'roots are kept for ever, and hosts may begin with it'
        : `hosts with a root below ${version} can never update again`;
    problems.add(missingFile(name, folder.location, effect, { version }));
    if (version > firstRoot) stranded.add(version - 1);
  }
  return stranded;
}

/** A root as a host would embed it. */
function asOwnAnchor(bytes: Uint8Array, version: number, policy: TrustPolicy): TrustedSet {
  const file = metadataFileName('root', version);
  const set = renamed(() => trustRoot(bytes, policy, noFloors), file);
  const found = set.root.document.version;
  if (found === version) return set;
  throw new TidegateError('version-mismatch', `${file}: version ${found}, expected is ${version}`, {
    file,
    found,
    expected: version,
  });
}

/** The rules say "trusted root" of the one that they begin with. */
function renamed<T>(work: () => T, file: string): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    const message = error.message.replace('trusted root', file);
    throw new TidegateError(error.code, message, { ...error.details, file }, { cause: error });
  }
}

function compareGiven(
  { problems }: RootRequest,
  given: TrustedSet,
  files: ReadonlyMap<number, Uint8Array>,
  sets: ReadonlyMap<number, TrustedSet>,
): void {
  const { version } = given.root.document;
  const same = files.get(version);
  if (same !== undefined && Buffer.compare(same, given.root.bytes) !== 0) {
    const text = `${metadataFileName('root', version)}: the published root ${version} is not the trusted one that was given`;
    problems.add(new TidegateError('identity-mismatch', text, { version }));
    // What follows is checked from the given one too: another repository would not follow it.
    const next = files.get(version + 1);
    if (next !== undefined && sets.has(version + 1)) problems.attemptNow(() => updateRoot(given, next));
  }
  if (files.size === 0) return;
  const last = Math.max(...files.keys());
  if (last >= version) return;
  const text = `root ${version} was given as trusted, and the last one published is ${last}`;
  problems.add(new TidegateError('rollback', text, { found: last, floor: version }));
}

/** Every root at or below one that leads nowhere. */
function strandedBefore(stranded: ReadonlySet<number>, last: number): readonly number[] {
  const highest = Math.max(0, ...[...stranded].filter((version) => version < last));
  return Array.from({ length: highest }, (_, index) => index + 1);
}
