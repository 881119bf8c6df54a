/** What `tidegate verify` was asked: which repositories, from which root on, how much of them, and at what time. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TidegateError } from '../errors.ts';
import { formatTime } from '../metadata/time.ts';
import type { AuditPlace } from '../signer/audit/places.ts';
import type { Profile } from '../signer/audit/profile.ts';
import type { AuditOptions } from '../signer/audit/repository-audit.ts';
import { isAddress, locationFrom } from '../storage/address.ts';
import type { Surroundings } from './surroundings.ts';
import { openChosenWorkspace, type WorkspaceOptions } from './workspace-option.ts';

export interface VerifyOptions extends WorkspaceOptions {
  readonly root?: string;
  readonly metadataUrl?: string;
  readonly targetsUrl?: string;
  readonly repository: readonly string[];
  readonly profile?: Profile;
  readonly sample?: string;
  readonly all?: boolean;
  readonly seed?: string;
  readonly at?: (now: number) => number;
}

export interface AuditRequest extends Omit<AuditOptions, 'signal' | 'progress'> {
  readonly places: readonly AuditPlace[];
}

/** @throws usage, not-found, and what the workspace and the store throw */
export async function auditRequest(
  location: string | undefined,
  options: VerifyOptions,
  surroundings: Surroundings,
): Promise<AuditRequest> {
  const { parseSample, usualSample } = await import('../signer/audit/sample.ts');
  const now = options.at?.(surroundings.now()) ?? surroundings.now();
  const seed = options.seed ?? formatTime(now).slice(0, 10);
  const asked = options.sample === undefined ? undefined : parseSample(options.sample);
  const given =
    options.root === undefined
      ? undefined
      : await readRootFile(resolve(surroundings.directory, options.root));
  const { places, own } = await placesOf(location, options, surroundings);
  const trustedRoot = given ?? own?.root;
  // What lies on this machine costs nothing to read.
  const remote = places.some(({ targets }) => isAddress(targets.location));
  const usual = remote && options.all !== true ? usualSample : ({ kind: 'all' } as const);
  return {
    places,
    now,
    seed,
    sample: asked ?? usual,
    ...(trustedRoot !== undefined && { trustedRoot }),
    ...(own !== undefined && { firstRoot: own.firstRoot }),
    ...(options.profile !== undefined && { profile: options.profile }),
  };
}

interface FoundPlaces {
  readonly places: readonly AuditPlace[];
  /** Of a workspace: its first root, and the version that the chain begins with. */
  readonly own?: { readonly root: Uint8Array | undefined; readonly firstRoot: number };
}

async function placesOf(
  location: string | undefined,
  options: VerifyOptions,
  surroundings: Surroundings,
): Promise<FoundPlaces> {
  const { findPlaces, placeIn } = await import('../signer/audit/places.ts');
  const { metadataUrl, targetsUrl, repository } = options;
  const { directory, signal } = surroundings;
  if (location !== undefined)
    return { places: await findPlaces({ location, repositories: repository, signal }) };
  if (metadataUrl !== undefined && targetsUrl !== undefined) {
    const apart = {
      metadata: locationFrom(directory, metadataUrl),
      targets: locationFrom(directory, targetsUrl),
    };
    return { places: await findPlaces({ ...apart, signal }) };
  }
  const { repositoriesOf } = await import('../signer/workspace/workspace.ts');
  const workspace = await openChosenWorkspace(options, surroundings);
  const all = repositoriesOf(workspace.settings).map(({ folders }) => folders.metadata);
  const stranger = repository.find((name) => !all.includes(name));
  if (stranger !== undefined) {
    const text = `--repository: found ${JSON.stringify(stranger)}, expected ${all.join(' or ')}`;
    throw new TidegateError('usage', text, { found: stranger, expected: all });
  }
  const chosen = repository.length === 0 ? all : all.filter((name) => repository.includes(name));
  return {
    places: chosen.map((folder) => placeIn(workspace.store, folder)),
    own: { root: workspace.roots[0], firstRoot: workspace.settings.firstRoot },
  };
}

/** @throws usage */
export async function readRootFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TidegateError('usage', `--root: ${path} cannot be read`, { path }, { cause });
  }
}
