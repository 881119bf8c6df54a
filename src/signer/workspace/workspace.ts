/**
 * A workspace: the folder from which a repository is signed and published.
 *
 *     tidegate.toml                what it is                                      written by people
 *     policies/                    how fast, how long, how many                    written by people
 *     keys/                        public halves, and private ones that are at hand
 *     roots/N.root.json            the signed roots, from the first one on: what hosts trust
 *     overrides.jsonl              what was accepted though it is weaker than the policies, by whom and why
 *     requests/                    signing requests that collect signatures
 *     drafts/                      releases and targets that wait for publication
 *     state/                       versions seen, and what was signed but perhaps not published yet
 *
 * It holds nothing that the store does not hold too, but for private keys and drafts: whoever has keys and roots can
 * publish from a copy.
 */
import { isAbsolute, join, resolve } from 'node:path';
import { isTidegateError, TidegateError } from '../../errors.ts';
import {
  type FleetName,
  type RepositoryFolders,
  repositoryFolders,
} from '../../metadata/repository-layout.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import { isAddress } from '../../storage/address.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { type FileSystem, nodeFileSystem } from '../../storage/file-system.ts';
import { openSwappableStore } from '../../storage/location.ts';
import { acquireLock } from '../../storage/lock.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import type { SwappableStore } from '../../storage/store.ts';
import type { WavePolicy } from '../../waves/wave-policy.ts';
import { type NamedKey, readPublicKey } from '../keys/key-ring.ts';
import { acceptedNow, type OverrideWish } from './accept-weaknesses.ts';
import type { Expiration } from './expiration.ts';
import { isKeyName } from './key-names.ts';
import { requireKnownKeys } from './key-places.ts';
import { type Override, readOverrides } from './overrides.ts';
import { readExpiration, readWaves, weaknessesOf } from './policies.ts';
import { namedWavePolicies } from './publication-rules.ts';
import { readRoots } from './roots.ts';
import {
  isPolicyName,
  policyNameForm,
  readWorkspaceFile,
  type WorkspaceSettings,
  workspaceFileName,
} from './workspace-file.ts';

export interface Workspace {
  readonly directory: string;
  readonly settings: WorkspaceSettings;
  readonly expiration: Expiration;
  /** By key id: those that tidegate.toml names, and every other public half in keys/, such as those of earlier roots. */
  readonly keys: ReadonlyMap<string, NamedKey>;
  /** The signed roots, version 1 first; none while the first one waits for signatures. */
  readonly roots: readonly Uint8Array[];
  readonly store: SwappableStore;
  /** Other places with the same content, which follow the store. */
  readonly regions: readonly SwappableStore[];
  readonly fileSystem: FileSystem;
  /** What was accepted when it was opened and is not recorded yet: whatever acts upon it records it first. */
  readonly newOverrides: readonly Override[];
}

export interface OpenOptions {
  /** Another store than tidegate.toml names: a rehearsal. */
  readonly store?: SwappableStore;
  /** Instead of those that tidegate.toml names. Default: none, where another store is given. */
  readonly regions?: readonly SwappableStore[];
  readonly fileSystem?: FileSystem;
  /** What a person accepts now though it is weaker than the policies. */
  readonly override?: OverrideWish | undefined;
}

/** One TUF repository of a workspace, and the hosts that read it. */
export interface RepositoryPlace {
  /** Its metadata folder in the store, which is also its name in messages. */
  readonly name: string;
  readonly folders: RepositoryFolders;
  readonly fleets: readonly FleetName[];
}

const maxTextLength = 1024 * 1024;
/** Milliseconds to wait for another command in the same workspace. */
const lockWait = 10_000;

/**
 * Opens a workspace and holds its files against each other. Nothing is asked of the store yet.
 *
 * @throws workspace-invalid when the folder is none or its files contradict each other; config-invalid naming file,
 *   table and key; key-file-invalid
 */
export async function openWorkspace(directory: string, options: OpenOptions = {}): Promise<Workspace> {
  const { fileSystem = nodeFileSystem } = options;
  const folder = resolve(directory);
  const settings = readWorkspaceFile(await readText(fileSystem, join(folder, workspaceFileName)));
  const policies = join(folder, 'policies');
  const weaknesses = await weaknessesOf(fileSystem, policies, settings);
  const recorded = await readOverrides(fileSystem, folder);
  const newOverrides = acceptedNow(weaknesses, recorded, options.override, workspaceFileName);
  const expiration = await readExpiration(fileSystem, policies, settings);
  const keys = await readKeys(fileSystem, join(folder, 'keys'), settings);
  requireKnownKeys(settings.keyPlaces, new Set(Array.from(keys.values(), ({ name }) => name)));
  const roots = await readRoots(fileSystem, join(folder, 'roots'), settings);
  const store = options.store ?? (await openSwappableStore(locationOf(folder, settings.location), settings));
  const regions = options.regions ?? (options.store ? [] : await openRegions(folder, settings));
  return { directory: folder, settings, expiration, keys, roots, store, regions, fileSystem, newOverrides };
}

async function openRegions(folder: string, settings: WorkspaceSettings): Promise<readonly SwappableStore[]> {
  const open = (place: string) => openSwappableStore(locationOf(folder, place), settings);
  return await Promise.all(settings.regions.map(open));
}

/** The repositories of a workspace: one, or one for each variant and architecture. */
export function repositoriesOf({ layout, fleets }: WorkspaceSettings): readonly RepositoryPlace[] {
  const places = new Map<string, RepositoryPlace>();
  for (const fleet of fleets) {
    const folders = repositoryFolders(layout, fleet);
    const others = places.get(folders.metadata)?.fleets ?? [];
    places.set(folders.metadata, { name: folders.metadata, folders, fleets: [...others, fleet] });
  }
  return [...places.values()];
}

/** @throws config-invalid when there is no such policy, wave-policy-invalid when it is wrong */
export async function readWavePolicy(workspace: Workspace, name: string): Promise<WavePolicy> {
  if (!isPolicyName(name)) {
    throw new TidegateError(
      'config-invalid',
      `wave policy ${JSON.stringify(name)}: expected ${policyNameForm}`,
    );
  }
  return await readWaves(workspace.fileSystem, join(workspace.directory, 'policies'), name);
}

/** Of a policy that does not exist nobody could follow the rule. @throws config-invalid naming the first that [policy] names */
export async function requireNamedWaves(workspace: Workspace): Promise<void> {
  for (const name of namedWavePolicies(workspace.settings.rules)) {
    try {
      await readWavePolicy(workspace, name);
    } catch (error) {
      if (!isTidegateError(error, 'config-invalid')) throw error;
      const text = `${workspaceFileName}, [policy] waves: found ${JSON.stringify(name)}: ${error.message}`;
      throw new TidegateError('config-invalid', text, error.details, { cause: error });
    }
  }
}

/** Runs what changes a workspace, one command at a time. @throws locked */
export async function whileLocked<T>(workspace: Workspace, work: () => Promise<T>): Promise<T> {
  const folder = join(workspace.directory, '.tidegate-lock');
  const lock = await acquireLock(workspace.fileSystem, folder, { wait: lockWait });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function readText(fs: FileSystem, path: string): Promise<string> {
  const file = await readPlainFile(fs, path, maxTextLength);
  if (file !== undefined) return new TextDecoder().decode(file.bytes);
  const text = `${path} does not exist; name a workspace with --workspace or TIDEGATE_WORKSPACE, or begin one: tidegate init`;
  throw new TidegateError('workspace-invalid', text, { path });
}

async function readKeys(
  fs: FileSystem,
  folder: string,
  settings: WorkspaceSettings,
): Promise<ReadonlyMap<string, NamedKey>> {
  const keys = new Map<string, NamedKey>();
  const stated = keyNamesOf(settings);
  for (const name of stated) {
    const key = await readPublicKey(fs, folder, name);
    const twin = keys.get(key.id);
    if (twin !== undefined) {
      const text = `keys ${twin.name} and ${name} are the same key, expected a key of its own for each name`;
      throw new TidegateError('workspace-invalid', text, { found: key.id });
    }
    keys.set(key.id, key);
  }
  // Keys of earlier roots sign the next one; a file that nothing names may be anything.
  for (const name of await publicHalves(fs, folder)) {
    const key = stated.has(name) ? undefined : await readPublicKey(fs, folder, name).catch(ignoreUnreadable);
    if (key !== undefined && !keys.has(key.id)) keys.set(key.id, key);
  }
  return keys;
}

/** Every key that tidegate.toml names. */
export function keyNamesOf({ roles, delegations = [] }: WorkspaceSettings): ReadonlySet<string> {
  return new Set([
    ...topLevelRoles.flatMap((role) => roles[role].keys),
    ...delegations.flatMap(({ keys }) => keys),
  ]);
}

async function publicHalves(fs: FileSystem, folder: string): Promise<readonly string[]> {
  if ((await statusIfAny(fs, folder)) === undefined) return [];
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const names = entries.flatMap(({ name }) => (name.endsWith('.pub') ? [name.slice(0, -4)] : []));
  return names.filter(isKeyName).sort();
}

function ignoreUnreadable(error: unknown): undefined {
  if (!isTidegateError(error, 'key-file-invalid', 'not-a-plain-file', 'length-limit')) throw error;
}

function locationOf(folder: string, location: string): string {
  return isAddress(location) || isAbsolute(location) ? location : join(folder, location);
}
