/**
 * An examination of a repository by its address alone, as any stranger can make one: no workspace, no memory of what was
 * published before. Trust begins with a root that the caller brings, or with the first one that is found; which of them is
 * said, because the latter proves that a repository agrees with itself, not whose it is.
 */
import { TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataName, type RepositoryFolders } from '../../metadata/repository-layout.ts';
import { parseRoot } from '../../metadata/root.ts';
import type { CancelOptions, ReadableStore } from '../../storage/store.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import { findPlaces } from '../audit/places.ts';
import { openPublicStore } from '../audit/store-folder.ts';
import { readEveryRole } from '../expiry/role-reader.ts';
import { type ListedFile, listedFiles } from '../publication/listed-files.ts';
import { type ReadFile, readerOf, readRootChain } from '../publication/repository-reader.ts';
import { hostAnchor, regardlessOfExpiry } from '../workspace/roots.ts';
import { aWhile, inOrder, orFinding } from './examine.ts';
import { fileFindings } from './file-findings.ts';
import { type Finding, fail, ok } from './finding.ts';
import { hostFindings } from './host-findings.ts';
import { isWebAddress, type ServedFile, servedFiles, servedFindings } from './served-files.ts';
import { publicStoreFindings } from './store-findings.ts';

export interface AddressOptions extends CancelOptions {
  /** `https://…`, `s3://…` or a folder. */
  readonly location: string;
  /** A root that the caller trusts, of any version. */
  readonly root?: Uint8Array;
  /** `VARIANT/ARCH`, where there is a repository for each. */
  readonly repositories: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Another time for hosts to look; undefined: five days ahead. */
  readonly at?: number;
}

/** @throws usage, not-found where no repository is found, what the store throws, and cancelled */
export async function examineAddress(options: AddressOptions): Promise<readonly Finding[]> {
  const { location, repositories, signal } = options;
  const places = await findPlaces({ location, repositories, ...(signal && { signal }) });
  const store = await openPublicStore(location);
  try {
    const folders = places.map(({ name }) => (name === store.location ? '' : name));
    const findings = [
      ...(await orFinding('published', store.location, () => publicStoreFindings(store, folders, options))),
    ];
    for (const folder of folders) {
      const view = viewOf(store, folder, signal);
      const looked = await orFinding('published', view.where, () => lookAt(view, options));
      findings.push(...looked);
      // A server that has a page for everything hides the repository as well.
      if (isWebAddress(location) && looked.every(({ check }) => check === 'published'))
        findings.push(...(await servedFindings(location, filesOfAny(view), signal && { signal })));
    }
    return inOrder(findings);
  } finally {
    store.close?.();
  }
}

/** A repository that may lie at the address itself; then names lose the folder that they have elsewhere. */
interface View {
  readonly store: ReadableStore;
  readonly where: string;
  readonly folders: RepositoryFolders;
  readonly read: ReadFile;
  readonly nameAt: (name: string) => string;
}

function viewOf(store: ReadableStore, folder: string, signal: AbortSignal | undefined): View {
  const folders = { metadata: folder === '' ? 'metadata' : folder, targets: 'targets' };
  const own = `${folders.metadata}/`;
  const nameAt = (name: string): string =>
    folder === '' && name.startsWith(own) ? name.slice(own.length) : name;
  const reader = readerOf(store, signal);
  const where = folder === '' ? store.location : `${folder} at ${store.location}`;
  return { store, where, folders, nameAt, read: (name, limit) => reader(nameAt(name), limit) };
}

/** No repository has as many roots. */
const neverARoot = 1_000_000_000;

function filesOfAny({ folders, nameAt }: View): readonly ServedFile[] {
  return [
    { name: nameAt(metadataName(folders, 'timestamp')), kind: 'timestamp' },
    { name: nameAt(metadataName(folders, 'root', neverARoot)), kind: 'absent' },
  ];
}

async function lookAt(view: View, options: AddressOptions): Promise<readonly Finding[]> {
  const { store, where, folders, read, nameAt } = view;
  const { location, now, at, signal } = options;
  const chain = await chainOf(view, options.root);
  const found = await hostFindings({
    ...{ where, read, roots: chain.roots, firstRoot: chain.first, now },
    place: { name: folders.metadata, folders, fleets: [] },
    ...{ floors: noFloors, recentSnapshots: new Set<number>() },
    at: at ?? now + aWhile,
    asked: at !== undefined,
  });
  // Which snapshots were current before, and how high a version ever was, only a workspace knows.
  const findings = found.filter(({ check }) => check !== 'snapshots' && check !== 'version');
  const request = { folders, anchor: hostAnchor(chain.roots), policy: regardlessOfExpiry, floors: noFloors };
  // Why it cannot be read has been said by the host.
  const set = await readEveryRole(read, request).catch(() => undefined);
  const targets = set === undefined ? [] : listedIn(set, folders);
  if (set !== undefined)
    findings.push(...(await orFinding('files', where, () => fileFindings(store, where, targets, signal))));
  const snapshot = set?.timestamp?.document.snapshot.version ?? 1;
  const root = chain.first + chain.roots.length - 1;
  const files = servedFiles({ folders, snapshot, root, targets });
  const asked = files.map((file) => ({ ...file, name: nameAt(file.name) }));
  if (isWebAddress(location)) findings.push(...(await servedFindings(location, asked, signal && { signal })));
  return [...chain.findings, ...findings];
}

function listedIn({ targets }: TrustedSet, folders: RepositoryFolders): readonly ListedFile[] {
  return listedFiles(
    folders,
    Array.from(targets.values(), ({ document }) => document),
  );
}

interface Chain {
  readonly roots: readonly Uint8Array[];
  /** The version of the first of them. */
  readonly first: number;
  readonly findings: readonly Finding[];
}

/** From the first root of all, so that hosts of every age are looked at; the caller's must be one of them. */
async function chainOf({ where, folders, read }: View, given: Uint8Array | undefined): Promise<Chain> {
  const first = await read(metadataName(folders, 'root', 1), defaultLimits.maxRootLength);
  const anchor = first ?? given;
  if (anchor === undefined) {
    const text = `${where}: root 1 is not there; name a root that you trust: --root FILE`;
    throw new TidegateError('not-found', text, { location: where });
  }
  const version = first === undefined ? rootVersion(anchor) : 1;
  const request = { folders, anchor, policy: regardlessOfExpiry, floors: noFloors };
  const { roots } = await readRootChain(read, request);
  const findings = [trustFinding(where, roots, version, given)];
  if (first !== undefined) return { roots, first: version, findings };
  const lost = fail(
    'roots',
    where,
    `missing: root 1; hosts with a root below ${version} are lost without it`,
    'put it back under its name, and all that follow',
  );
  return { roots, first: version, findings: [...findings, lost] };
}

function trustFinding(
  where: string,
  roots: readonly Uint8Array[],
  first: number,
  given: Uint8Array | undefined,
): Finding {
  if (given === undefined)
    return {
      ...ok('roots', where, `trusted on first use: root ${first}, as it was found there`),
      advice: 'this proves that the repository agrees with itself, not whose it is; --root FILE does',
    };
  const version = rootVersion(given);
  if (Buffer.from(roots[version - first] ?? []).equals(given))
    return ok('roots', where, `root ${version}, which was given, is one of them`);
  return fail(
    'roots',
    where,
    `root ${version}, which was given, is none of those that are there`,
    'another repository is published there, or somebody has written over it',
  );
}

function rootVersion(bytes: Uint8Array): number {
  return parseRoot(parseEnvelope(bytes, defaultLimits, 'root'), defaultLimits).version;
}
