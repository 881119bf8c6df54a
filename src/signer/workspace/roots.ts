/**
 * The signed roots of a workspace, `roots/N.root.json`: the chain that hosts walk. It is complete from version 1 (of an
 * adopted repository from `first_root` on), verifies link by link, and names the workspace's repository. The last one
 * decides who signs; where tidegate.toml says something else, it says what the next root shall be.
 *
 * An adopted chain may begin with roots that name no repository, and their key ids may be labels. An owner reads them;
 * no host of Tidegate begins before `hostAnchor`. Once a root names its repository every later one does, and its key ids
 * are hashes.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { hasHashedId } from '../../metadata/keys.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { onDisk } from '../../storage/disk-error.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import { checkKeyIds } from '../../trust/document-check.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import { beginWalk, stepTo } from './root-walk.ts';
import { numbersFrom, severalAtOnce } from './several-at-once.ts';
import type { WorkspaceSettings } from './workspace-file.ts';

/** As strict as a host, at the given time. */
export function trustPolicyAt(now: number): TrustPolicy {
  return {
    now,
    limits: defaultLimits,
    requireConsistentSnapshot: true,
    allowDelegations: true,
    requireHashedKeyIds: true,
  };
}

/**
 * What an owner asks of the files of the past: signatures, versions and hashes as a host does, but not that they have
 * not expired, nor the form of key ids or snapshots that others wrote. They are about to be replaced.
 */
export const regardlessOfExpiry: TrustPolicy = {
  ...trustPolicyAt(0),
  requireConsistentSnapshot: false,
  requireHashedKeyIds: false,
};

/**
 * Every signed root, the oldest first; none before the first ceremony is done.
 *
 * @throws workspace-invalid, and what `trust/` throws for a root that does not verify
 */
export async function readRoots(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
): Promise<readonly Uint8Array[]> {
  const roots: Uint8Array[] = [];
  const files = severalAtOnce(numbersFrom(settings.firstRoot), (version) =>
    readPlainFile(fs, join(folder, metadataFileName('root', version)), defaultLimits.maxRootLength),
  );
  for await (const file of files) {
    if (file === undefined) break;
    roots.push(file.bytes);
  }
  await refuseGap(fs, folder, settings.firstRoot + roots.length - 1);
  if (roots.length > 0) requireName(chainOf(roots, folder, settings.firstRoot).root.document, settings.name);
  return roots;
}

/** A root without a name was made by another tool; it is given one with the next. @throws workspace-invalid */
export function requireName({ repository, version }: RootDocument, name: string): void {
  if (repository === undefined || repository === name) return;
  throw invalid(`root ${version} is of "${repository}", tidegate.toml says "${name}"`);
}

async function refuseGap(fs: FileSystem, folder: string, last: number): Promise<void> {
  if ((await statusIfAny(fs, folder)) === undefined) return;
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const versions = entries.map(({ name }) => Number(/^([1-9]\d*)\.root\.json$/.exec(name)?.[1] ?? 0));
  const beyond = versions.find((version) => version > last);
  if (beyond === undefined) return;
  throw invalid(`${folder}: root ${beyond} is there and root ${last + 1} is not, expected every version`);
}

/** The trusted set under the last of a chain of roots. @param version the first one's; default: whatever it says */
export function chainOf(roots: readonly Uint8Array[], where: string, version?: number): TrustedSet {
  const [first, ...rest] = roots;
  if (first === undefined) throw invalid(`${where}: 1.root.json is missing, the root that hosts begin with`);
  const anchor = beginWalk(first, regardlessOfExpiry, noFloors);
  const found = anchor.root.document.version;
  if (version !== undefined && found !== version) {
    throw invalid(`${where}: ${metadataFileName('root', version)} has version ${found}`);
  }
  return rest.reduce((set, bytes) => requireOwnForm(stepTo(set, bytes)), requireOwnForm(anchor));
}

/** @throws document-invalid for a root of ours in which a key id is not the hash of its key */
function requireOwnForm(set: TrustedSet): TrustedSet {
  const { repository, keys, version } = set.root.document;
  if (repository !== undefined) checkKeyIds(keys, trustPolicyAt(0), metadataFileName('root', version));
  return set;
}

/**
 * The first root that a host of Tidegate can begin with: the one after the last that others made with key ids that are
 * labels. When that is the last one of all, it itself: a host says then what is wrong with it.
 */
export function hostAnchor(roots: readonly Uint8Array[]): Uint8Array {
  const documents = documentsOf(roots);
  const labelled = documents.findLastIndex(
    ({ keys, repository }) => repository === undefined && ![...keys.values()].every(hasHashedId),
  );
  return roots[Math.min(labelled + 1, roots.length - 1)] ?? new Uint8Array();
}

function documentsOf([first, ...rest]: readonly Uint8Array[]): readonly RootDocument[] {
  if (first === undefined) return [];
  let set = beginWalk(first, regardlessOfExpiry, noFloors);
  const documents = [set.root.document];
  for (const bytes of rest) {
    set = stepTo(set, bytes);
    documents.push(set.root.document);
  }
  return documents;
}

/**
 * Where tidegate.toml says something else of roles and keys than the root that decides: what the next root would
 * change. A sentence for each role.
 */
export function rootDifferences(
  root: RootDocument,
  settings: WorkspaceSettings,
  keys: ReadonlyMap<string, NamedKey>,
): readonly string[] {
  return topLevelRoles.flatMap((role) => {
    const signed = root.roles[role];
    const stated = settings.roles[role];
    const names = signed.keyIds.map((id) => keys.get(id)?.name ?? `${id.slice(0, 12)}…`);
    const found = `${stated.threshold} of ${[...stated.keys].sort().join(', ')}`;
    const decides = `${signed.threshold} of ${[...names].sort().join(', ')}`;
    if (found === decides) return [];
    const text = `tidegate.toml: [roles.${role}]: ${found}; root ${root.version}, which decides, says ${decides}`;
    return [text];
  });
}

function invalid(message: string, details = {}): TidegateError {
  return new TidegateError('workspace-invalid', message, details);
}
