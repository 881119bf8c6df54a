/**
 * The signed roots of a workspace, `roots/N.root.json`: the chain that hosts walk. It is complete from version 1,
 * verifies link by link, names the workspace's repository, and says of roles and keys what tidegate.toml says.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { onDisk } from '../../storage/disk-error.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { type TrustedSet, trustRoot, updateRoot } from '../../trust/trusted-set.ts';
import type { NamedKey } from '../keys/key-ring.ts';
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
 * What an owner asks of the files of the past: everything that a host asks, but not that they have not expired. They
 * are about to be replaced.
 */
export const regardlessOfExpiry: TrustPolicy = trustPolicyAt(0);

/** @throws workspace-invalid, and what `trust/` throws for a root that does not verify */
export async function readRoots(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
  keys: ReadonlyMap<string, NamedKey>,
): Promise<readonly Uint8Array[]> {
  const roots: Uint8Array[] = [];
  for (;;) {
    const path = join(folder, metadataFileName('root', roots.length + 1));
    const file = await readPlainFile(fs, path, defaultLimits.maxRootLength);
    if (file === undefined) break;
    roots.push(file.bytes);
  }
  const { document } = chainOf(roots, folder).root;
  await refuseGap(fs, folder, roots.length);
  if (document.repository !== settings.name) {
    const found = document.repository ?? 'no repository';
    throw invalid(`root ${document.version} is of "${found}", tidegate.toml says "${settings.name}"`);
  }
  for (const role of topLevelRoles) compareRole(document, role, settings, keys);
  return roots;
}

async function refuseGap(fs: FileSystem, folder: string, last: number): Promise<void> {
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const versions = entries.map(({ name }) => Number(/^([1-9]\d*)\.root\.json$/.exec(name)?.[1] ?? 0));
  const beyond = versions.find((version) => version > last);
  if (beyond === undefined) return;
  throw invalid(`${folder}: root ${beyond} is there and root ${last + 1} is not, expected every version`);
}

/** The trusted set under the last of a chain of roots. */
export function chainOf(roots: readonly Uint8Array[], where: string): TrustedSet {
  const [first, ...rest] = roots;
  if (first === undefined) throw invalid(`${where}: 1.root.json is missing, the root that hosts begin with`);
  const anchor = trustRoot(first, regardlessOfExpiry, noFloors);
  if (anchor.root.document.version !== 1) {
    throw invalid(`${where}: 1.root.json has version ${anchor.root.document.version}`);
  }
  return rest.reduce(updateRoot, anchor);
}

function compareRole(
  root: RootDocument,
  role: TopLevelRole,
  settings: WorkspaceSettings,
  keys: ReadonlyMap<string, NamedKey>,
): void {
  const signed = root.roles[role];
  const stated = settings.roles[role];
  const names = signed.keyIds.map((id) => keys.get(id)?.name ?? `${id.slice(0, 12)}…`);
  const found = `${stated.threshold} of ${[...stated.keys].sort().join(', ')}`;
  const expected = `${signed.threshold} of ${[...names].sort().join(', ')}`;
  if (found === expected) return;
  throw invalid(
    `tidegate.toml: [roles.${role}]: found ${found}; root ${root.version}, which decides, says ${expected}. Other keys need a new root`,
    { role, found, expected },
  );
}

function invalid(message: string, details = {}): TidegateError {
  return new TidegateError('workspace-invalid', message, details);
}
