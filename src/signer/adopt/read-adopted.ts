/**
 * A repository that others made, read whole and verified, as widely as `trust/` reads: key ids may be labels, files may
 * lack consistent snapshots, and what has expired is read all the same, since it is about to be replaced.
 *
 * 1. The given root is the anchor. Every root after it is walked by the rule of old and new keys; a root that the
 *    source serves under the anchor's version must say what the anchor says.
 * 2. Roots before the anchor are taken along as far as each leads to the next, for hosts that begin there. Nothing
 *    vouches for them but their own link; no decision rests on them.
 * 3. A version that is missing between two that are there is an error: no host could walk past it.
 * 4. Every delegated role is read, under each role that delegates to it.
 */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { Delegations } from '../../metadata/delegations.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import {
  confirmTargets,
  isTrusted,
  listedMeta,
  type RoleReference,
  targetsLimit,
  topLevelTargets,
  updateTargets,
} from '../../trust/targets-role.ts';
import {
  finishRoot,
  requireTimestamp,
  snapshotLimit,
  type TrustedSet,
  trustRoot,
  updateRoot,
  updateSnapshot,
  updateTimestamp,
} from '../../trust/trusted-set.ts';
import type { Source } from './source.ts';

/** Wider than a host by three rules; never less than signatures, versions and hashes. */
const wide: TrustPolicy = {
  now: 0,
  limits: defaultLimits,
  requireConsistentSnapshot: false,
  allowDelegations: true,
  requireHashedKeyIds: false,
};

/** Roots before or after the given one; as many as tough walks. */
const mostRoots = 1024;
/** RSTUF's default is 256 bins, its largest 16,384. */
const mostBins = 16_384;
/** Versions looked at behind the last root, to tell the end of a chain from a gap in it. */
const lookAhead = 3;

export interface AdoptedRepository {
  /** Roots without a gap, the last one in force. */
  readonly roots: readonly AdoptedRoot[];
  readonly set: TrustedSet;
  /** Files of metadata as hosts ask for them when snapshots are consistent: name → bytes, timestamp.json the last. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface AdoptedRoot {
  readonly document: RootDocument;
  readonly bytes: Uint8Array;
}

type ReadName = (name: string, limit: number) => Promise<Uint8Array | undefined>;

/**
 * @param anchor the root that hosts trust, from outside the source
 * @throws identity-mismatch for a root of another repository; not-found for a file that a trusted one names, or for a
 *   root missing in the chain; and what `trust/` throws for files that do not verify
 */
export async function readAdopted(
  source: Source,
  anchor: Uint8Array,
  signal?: AbortSignal,
): Promise<AdoptedRepository> {
  const read: ReadName = async (name, limit) => {
    checkCancelled('reading the repository', signal);
    return (await source.metadata.read(name, limit, signal && { signal }))?.bytes;
  };
  const { roots, set } = await readRoots(read, anchor, source.metadata.location);
  return { roots, ...(await readRoles(read, finishRoot(set), source.metadata.location)) };
}

async function readRoots(
  read: ReadName,
  anchor: Uint8Array,
  location: string,
): Promise<Pick<AdoptedRepository, 'roots' | 'set'>> {
  const rootAt = async (version: number) =>
    await read(metadataFileName('root', version), wide.limits.maxRootLength);
  const given = trustRoot(anchor, wide, noFloors);
  const { version } = given.root.document;
  const served = await rootAt(version);
  if (served !== undefined) requireSameRoot(served, anchor, version, location);
  let set = served === undefined ? given : trustRoot(served, wide, noFloors);
  const first = set.root;
  const chain: AdoptedRoot[] = [first];
  for (let next = version + 1; ; next += 1) {
    if (chain.length > mostRoots) throw tooManyRoots(location);
    const bytes = await rootAt(next);
    if (bytes === undefined) {
      await refuseGapAfter(rootAt, next, location);
      break;
    }
    set = updateRoot(set, bytes);
    chain.push(set.root);
  }
  return { roots: [...(await readEarlier(rootAt, first, location)), ...chain], set };
}

/** Roots before the anchor, the oldest first. */
async function readEarlier(
  rootAt: (version: number) => Promise<Uint8Array | undefined>,
  anchor: AdoptedRoot,
  location: string,
): Promise<readonly AdoptedRoot[]> {
  const earlier: AdoptedRoot[] = [];
  let after = anchor;
  while (after.document.version > 1) {
    if (earlier.length > mostRoots) throw tooManyRoots(location);
    const version = after.document.version - 1;
    const bytes = await rootAt(version);
    if (bytes === undefined) {
      if (version > 1 && (await rootAt(1)) !== undefined) throw gap(version, location);
      break;
    }
    const { root } = trustRoot(bytes, wide, noFloors);
    updateRoot(trustRoot(bytes, wide, noFloors), after.bytes);
    earlier.unshift(root);
    after = root;
  }
  return earlier;
}

async function refuseGapAfter(
  rootAt: (version: number) => Promise<Uint8Array | undefined>,
  missing: number,
  location: string,
): Promise<void> {
  for (let version = missing + 1; version <= missing + lookAhead; version += 1) {
    if ((await rootAt(version)) !== undefined) throw gap(missing, location);
  }
}

/** The signed parts decide: one copy may carry more signatures than the other. */
function requireSameRoot(served: Uint8Array, anchor: Uint8Array, version: number, location: string): void {
  const [found, expected] = [served, anchor].map((bytes) =>
    digestOf('sha256', parseEnvelope(bytes, wide.limits, `root ${version}`).canonical),
  );
  if (found === expected) return;
  throw new TidegateError(
    'identity-mismatch',
    `root ${version} at ${location} is not the given root ${version}: another repository lies there, or --root is wrong`,
    { location, version, found: found ?? null, expected: expected ?? null },
  );
}

async function readRoles(
  read: ReadName,
  trusted: TrustedSet,
  location: string,
): Promise<Pick<AdoptedRepository, 'set' | 'files'>> {
  const { consistentSnapshot } = trusted.root.document;
  const files = new Map<string, Uint8Array>();
  const required = async (role: string, version: number | undefined, limit: number): Promise<Uint8Array> => {
    const name = metadataFileName(role, consistentSnapshot ? version : undefined);
    const bytes = await read(name, limit);
    if (bytes === undefined) throw absent(name, location);
    files.set(metadataFileName(role, version), bytes);
    return bytes;
  };
  const { maxTimestampLength } = wide.limits;
  const timestamp = await required('timestamp', undefined, maxTimestampLength);
  let set = updateTimestamp(trusted, timestamp);
  const { version } = requireTimestamp(set).document.snapshot;
  set = updateSnapshot(set, await required('snapshot', version, snapshotLimit(set)));
  set = await readTargets(set, required);
  files.delete(metadataFileName('timestamp'));
  return { set, files: files.set(metadataFileName('timestamp'), timestamp) };
}

/** Targets and all that it delegates to, breadth first; each role is fetched once. */
async function readTargets(
  start: TrustedSet,
  required: (role: string, version: number, limit: number) => Promise<Uint8Array>,
): Promise<TrustedSet> {
  let set = start;
  const waiting: RoleReference[] = [topLevelTargets];
  const followed = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    set = confirmTargets(set, next);
    if (!isTrusted(set, next)) {
      const { version } = listedMeta(set, next.role);
      const bytes = await required(next.role, version, targetsLimit(set, next.role));
      set = updateTargets(set, bytes, next);
    }
    if (followed.has(next.role)) continue;
    followed.add(next.role);
    const delegations = set.targets.get(next.role)?.document.delegations;
    const names = delegations === undefined ? [] : namesOfRoles(delegations, next.role);
    const delegator = next.role;
    waiting.push(...names.map((role) => ({ role, delegator })));
  }
  return set;
}

/** @throws count-limit for more hash bins than anybody uses */
function namesOfRoles({ roles, succinct }: Delegations, delegator: string): readonly string[] {
  if (succinct === undefined) return roles.map(({ name }) => name);
  const bins = 2 ** succinct.bitLength;
  if (bins > mostBins) {
    const text = `role ${delegator} delegates to ${bins} hash bins, at most ${mostBins} can be adopted`;
    throw new TidegateError('count-limit', text, { role: delegator, found: bins, limit: mostBins });
  }
  const digits = (bins - 1).toString(16).length;
  return Array.from(
    { length: bins },
    (_, bin) => `${succinct.namePrefix}-${bin.toString(16).padStart(digits, '0')}`,
  );
}

function absent(name: string, location: string): TidegateError {
  return new TidegateError(
    'not-found',
    `${name} is not in ${location}, and a trusted file names it; nothing was written`,
    { name, location },
  );
}

function tooManyRoots(location: string): TidegateError {
  const text = `${location} serves more than ${mostRoots} roots in a row; give a later one with --root`;
  return new TidegateError('root-limit', text, { location, limit: mostRoots });
}

function gap(version: number, location: string): TidegateError {
  const text = `root ${version} is missing in ${location}, though roots before and after it are there: no host can walk past it`;
  return new TidegateError('not-found', text, { name: metadataFileName('root', version), location });
}
