/**
 * Taking over a repository that others made.
 *
 *     read and verify all → plan → (write) a workspace beside its place → copy what the store lacks → floors → rename
 *
 * 1. Everything is verified, every target byte included, before the first file is written.
 * 2. Nothing of the old repository is changed or left out: the workspace says what the root in force says, and the
 *    plan names every change that the first publication, the next root or people will make.
 * 3. What cannot be taken over as it is is refused with the reason.
 */
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import { type FleetName, metadataName, type RepositoryLayout } from '../../metadata/repository-layout.ts';
import { type FileSystem, nodeFileSystem } from '../../storage/file-system.ts';
import { publicKeyPath } from '../keys/key-ring.ts';
import {
  makeWholeFolder,
  type NewFolderOptions,
  requireFree,
  templatesFolder,
  type WriteFile,
  writeCommonFiles,
} from '../workspace/new-folder.ts';
import { formatOverrides, overridesFileName, overridesFor } from '../workspace/overrides.ts';
import { weaknessesOf } from '../workspace/policies.ts';
import type { Weakness } from '../workspace/role-strength.ts';
import { writeFloors } from '../workspace/state-file.ts';
import { openWorkspace, repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { readWorkspaceFile, type WorkspaceSettings, workspaceFileName } from '../workspace/workspace-file.ts';
import { type AdoptedKey, adoptedKeys } from './adopted-keys.ts';
import { type AdoptedPlace, type AdoptedPlaces, readPlaces } from './adopted-places.ts';
import { settingsText } from './adopted-settings.ts';
import { type CheckedTarget, checkTargets, findTargets, listedTargets } from './adopted-targets.ts';
import { copyMetadata, copyTargets, requireSameTimestamp } from './copy-repository.ts';
import { type Finding, inOrder } from './finding.ts';
import { roleFindings } from './role-findings.ts';
import { rootFindings } from './root-findings.ts';
import { targetFindings } from './target-findings.ts';

export interface AdoptOptions extends NewFolderOptions {
  /** Where the repository is: a folder or an address. */
  readonly location: string;
  /** Where its targets are, when they are not beside the metadata. */
  readonly targets?: string;
  /** The root that hosts trust, from outside the repository: the oldest that is at hand. */
  readonly root: Uint8Array;
  /** Where to publish from now on: a folder, relative to the workspace, or an address. */
  readonly store: string;
  /** The name of the repository, for ever. Default: that of the folder. */
  readonly name?: string;
  /** Default: what is found. */
  readonly layout?: RepositoryLayout;
  /** Default: what the list of releases names. */
  readonly fleets?: readonly FleetName[];
  /** Addresses of private halves, by the names that the plan gives to keys. */
  readonly keyPlaces?: ReadonlyMap<string, string>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly progress?: (work: 'check' | 'copy', done: number, total: number) => void;
  readonly fileSystem?: FileSystem;
  readonly signal?: AbortSignal;
}

export interface AdoptionPlan {
  /** The folder of the workspace, absolute. */
  readonly directory: string;
  /** What tidegate.toml will say. */
  readonly toml: string;
  readonly settings: WorkspaceSettings;
  readonly keys: readonly AdoptedKey[];
  readonly found: AdoptedPlaces;
  /** Every listed file; its bytes are the signed ones. */
  readonly targets: readonly CheckedTarget[];
  /** What is weaker than the policies; it is recorded as it was adopted. */
  readonly weaknesses: readonly Weakness[];
  /** `must` first. */
  readonly findings: readonly Finding[];
}

export interface AdoptionResult {
  readonly plan: AdoptionPlan;
  /** Bytes of images that were copied. */
  readonly copied: number;
}

/**
 * Reads and verifies the repository, and says what would become of it. Writes nothing.
 *
 * @throws workspace-exists, usage, config-invalid for a name or store that cannot be, not-found, identity-mismatch,
 *   hash-mismatch, length-mismatch, manifest-invalid, network-unreachable and the like, and what `trust/` throws
 */
export async function planAdoption(directory: string, options: AdoptOptions): Promise<AdoptionPlan> {
  const target = resolve(directory);
  await requireFree(options.fileSystem ?? nodeFileSystem, target);
  const found = await readPlaces({
    location: options.location,
    targets: options.targets,
    root: options.root,
    layout: options.layout,
    fleets: options.fleets,
    signal: options.signal,
  });
  const keys = keysOf(found);
  requireKnownNames(options.keyPlaces ?? new Map(), keys);
  const toml = await settingsOf(target, options, found, keys);
  const settings = readWorkspaceFile(toml);
  const weaknesses = await weaknessesOf(nodeFileSystem, templatesFolder, settings);
  const targets = await readTargets(found, options);
  return {
    directory: target,
    toml,
    settings,
    keys,
    found,
    targets,
    weaknesses,
    findings: findingsOf(found, keys, weaknesses, options),
  };
}

/** Every place has the roots and so the keys; delegations differ. */
function keysOf({ places }: AdoptedPlaces): readonly AdoptedKey[] {
  const delegations = places.flatMap(({ repository }) =>
    [...repository.set.targets.values()].flatMap(({ document }) => document.delegations ?? []),
  );
  return adoptedKeys(lastSet(places).root.document, delegations);
}

/** The set under the highest root. */
function lastSet(places: readonly AdoptedPlace[]): AdoptedPlace['repository']['set'] {
  const sets = places.map(({ repository }) => repository.set);
  const [highest] = sets.toSorted((a, b) => b.root.document.version - a.root.document.version);
  if (highest === undefined) throw new TidegateError('internal', 'a repository without a place was adopted');
  return highest;
}

function requireKnownNames(places: ReadonlyMap<string, string>, keys: readonly AdoptedKey[]): void {
  const names = keys.map(({ name }) => name);
  const unknown = [...places.keys()].find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const text = `--key ${unknown}=…: no key of this repository has this name, expected one of ${names.join(', ')}`;
  throw new TidegateError('usage', text, { found: unknown, expected: names });
}

async function settingsOf(
  target: string,
  options: AdoptOptions,
  { layout, fleets, places, roots }: AdoptedPlaces,
  keys: readonly AdoptedKey[],
): Promise<string> {
  const template = await readFile(join(templatesFolder, 'layouts', `${layout}.toml`), 'utf8');
  return settingsText(template, {
    name: options.name ?? basename(target),
    store: options.store,
    layout,
    fleets,
    firstRoot: roots[0]?.document.version ?? 1,
    keys,
    keyPlaces: options.keyPlaces ?? new Map(),
    set: lastSet(places),
  });
}

async function readTargets(
  { places }: AdoptedPlaces,
  { signal, progress }: AdoptOptions,
): Promise<readonly CheckedTarget[]> {
  const listed = listedTargets(places.map(({ repository }) => repository.set));
  const stores = [
    ...new Map(
      places.flatMap(({ source }) => source.targets.map((store) => [store.location, store])),
    ).values(),
  ];
  const found = await findTargets(stores, listed, signal);
  return await checkTargets(found, {
    ...(signal && { signal }),
    ...(progress && { progress: (done: number, total: number) => progress('check', done, total) }),
  });
}

function findingsOf(
  { places, roots }: AdoptedPlaces,
  keys: readonly AdoptedKey[],
  weaknesses: readonly Weakness[],
  { now }: AdoptOptions,
): readonly Finding[] {
  const documents = roots.map(({ document }) => document);
  return inOrder([
    ...rootFindings(documents, keys, weaknesses),
    ...places.flatMap(({ repository, manifest }) => [
      ...roleFindings(repository.set, now),
      ...targetFindings(
        new Map(Array.from(repository.set.targets, ([role, { document }]) => [role, document])),
        manifest,
      ),
    ]),
  ]);
}

/**
 * Makes the workspace, and brings into its store what is not there yet.
 *
 * @throws document-invalid for what cannot be adopted as it is, name-taken when other bytes are in the store, and what
 *   `planAdoption` throws. No workspace is there then; images that were copied stay, and nothing lists them.
 */
export async function adopt(directory: string, options: AdoptOptions): Promise<AdoptionResult> {
  const { fileSystem: fs = nodeFileSystem } = options;
  const plan = await planAdoption(directory, options);
  requireAdoptable(plan.findings);
  let copied = 0;
  await makeWholeFolder(
    fs,
    plan.directory,
    async (write, draft) => {
      await writeFiles(write, plan, options);
      const workspace = await openWorkspace(draft, { fileSystem: fs });
      copied = await copyAll(workspace, plan, options);
    },
    options,
  );
  return { plan, copied };
}

function requireAdoptable(findings: readonly Finding[]): void {
  const obstacle = findings.find(({ level, step }) => level === 'must' && step === 'people');
  if (obstacle === undefined) return;
  const { where, found, reason, change } = obstacle;
  throw new TidegateError(
    'document-invalid',
    `${where}: ${found}. ${reason}; ${change}. Nothing was written`,
    {
      where,
      found,
    },
  );
}

async function writeFiles(
  write: WriteFile,
  { toml, keys, found, weaknesses }: AdoptionPlan,
  { now, location }: AdoptOptions,
): Promise<void> {
  await writeCommonFiles(write);
  for (const { name, json } of keys) await write(publicKeyPath('keys', name), formatJson(json));
  for (const { document, bytes } of found.roots) {
    await write(join('roots', metadataFileName('root', document.version)), bytes);
  }
  await write(workspaceFileName, toml);
  if (weaknesses.length === 0) return;
  const reason = `as it was adopted from ${location}`;
  await write(overridesFileName, formatOverrides(overridesFor(weaknesses, { now, reason })));
}

async function copyAll(
  workspace: Workspace,
  { found, targets }: AdoptionPlan,
  { progress, signal }: AdoptOptions,
): Promise<number> {
  const { store, settings } = workspace;
  const pairs = repositoriesOf(settings).flatMap((place) => {
    const own = found.places.find(
      ({ fleet }) => fleet === undefined || place.fleets.some((other) => same(fleet, other)),
    );
    return own === undefined ? [] : [{ place, own }];
  });
  for (const { place, own } of pairs) {
    const bytes = own.repository.files.get(metadataFileName('timestamp')) ?? new Uint8Array();
    await requireSameTimestamp(store, metadataName(place.folders, 'timestamp'), bytes);
  }
  const [folder = 'targets'] = pairs.map(({ place }) => place.folders.targets);
  const copied = await copyTargets(store, folder, targets, {
    ...(signal && { signal }),
    ...(progress && { progress: (done: number, total: number) => progress('copy', done, total) }),
  });
  for (const { place, own } of pairs) {
    await copyMetadata(store, place.folders, own, found.roots);
    await writeFloors(workspace, place.name, own.repository.set.floors);
  }
  return copied;
}

function same(a: FleetName, b: FleetName): boolean {
  return a.variant === b.variant && a.arch === b.arch;
}
