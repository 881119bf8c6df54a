/**
 * Changes to releases that are published, as they wait for publication: `drafts/steering/`, one small file for each
 * release, for the highest version of each fleet, and for the migrations of each repository. A newer one takes the
 * place of the one before. What counts from the moment of publication is computed when it is planned.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { isJsonArray, isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { type FleetName, isSameFleet } from '../../metadata/repository-layout.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { makeFolders, removeDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import type { Migration } from '../../waves/migrations.ts';
import { type ReleaseId, releaseName } from '../../waves/release.ts';
import { type Spread, spreads } from '../../waves/wave.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';

interface OfRelease extends ReleaseId {
  /** Of the release's entry when the change was made: what it is made for. */
  readonly base: string;
}

export interface SetWaves extends OfRelease {
  readonly kind: 'set';
  /** The name of a policy; undefined: open to everyone at once. */
  readonly policy?: string;
  /** Milliseconds since the epoch; undefined: when it is published. */
  readonly startTime?: number;
  readonly spread: Spread;
}

export interface Accelerate extends OfRelease {
  readonly kind: 'accelerate';
  /** One of the two. */
  readonly factor?: number;
  readonly policy?: string;
}

export type ReleaseSteering =
  | SetWaves
  | Accelerate
  | (OfRelease & { readonly kind: 'pause'; readonly everyone: boolean })
  | (OfRelease & { readonly kind: 'resume' })
  | (OfRelease & { readonly kind: 'barrier'; readonly on: boolean })
  | (OfRelease & { readonly kind: 'withdraw'; readonly reason?: string; readonly callBack?: string });

export type Steering =
  | ReleaseSteering
  | {
      readonly kind: 'max-version';
      readonly variant: string;
      readonly arch: string;
      readonly maxVersion: string;
    }
  /** Replaces all migrations of a repository. */
  | {
      readonly kind: 'migrations';
      readonly repository: string;
      readonly migrations: readonly Migration[];
    };

const maxLength = 4 * 1024 * 1024;
const limits = { maxDepth: 8, maxValues: 200_000, maxDigits: 20 };

/** What a change is for: there is one change of each. */
export function steeringName(change: Steering): string {
  if (change.kind === 'migrations') return `migrations of ${change.repository}`;
  return change.kind === 'max-version' ? fleetSteeringName(change) : releaseSteeringName(change);
}

export function releaseSteeringName(id: ReleaseId): string {
  return `release ${releaseName(id)}`;
}

export function fleetSteeringName({ variant, arch }: FleetName): string {
  return `highest version of ${variant} ${arch}`;
}

/** Whether a repository of the workspace is the one that a change is for. */
export function isSteeringOf({ name, fleets }: RepositoryPlace, change: Steering): boolean {
  if (change.kind === 'migrations') return change.repository === name;
  return fleets.some((fleet) => isSameFleet(fleet, change));
}

function pathOf({ directory }: Workspace, change: Steering): string {
  const name = digestOf('sha256', steeringName(change)).slice(0, 32);
  return join(directory, 'drafts', 'steering', `${name}.json`);
}

/** Writes a change, in the place of one for the same. */
export async function writeSteering(workspace: Workspace, change: Steering): Promise<void> {
  const { fileSystem: fs, directory } = workspace;
  const path = pathOf(workspace, change);
  await makeFolders(fs, path, { within: directory, mode: 0o700 });
  const migrations = 'migrations' in change ? change.migrations.map((hop) => ({ ...hop })) : undefined;
  // Strict JSON has no fractions.
  const thousandths =
    'factor' in change && change.factor !== undefined ? Math.round(change.factor * 1000) : undefined;
  const json = jsonOf({ format: 1, ...change, migrations, factor: undefined, thousandths });
  const bytes = new TextEncoder().encode(formatJson(json));
  await writeDurably(fs, path, bytes, { within: directory });
}

/** All changes, migrations first, releases next, highest versions last. @throws workspace-invalid for one that is damaged */
export async function readSteering(workspace: Workspace): Promise<readonly Steering[]> {
  const { fileSystem: fs, directory } = workspace;
  const folder = join(directory, 'drafts', 'steering');
  if ((await statusIfAny(fs, folder)) === undefined) return [];
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const changes: Steering[] = [];
  for (const { name } of entries) {
    const path = join(folder, name);
    const file = name.endsWith('.json') ? await readPlainFile(fs, path, maxLength) : undefined;
    if (file !== undefined) changes.push(parseSteering(file.bytes, path));
  }
  const place = ({ kind }: Steering): number => (kind === 'migrations' ? 0 : kind === 'max-version' ? 2 : 1);
  const order = (change: Steering): string => `${place(change)} ${steeringName(change)}`;
  return changes.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** Takes a change back. */
export async function removeSteering(workspace: Workspace, change: Steering): Promise<'removed' | 'absent'> {
  return await removeDurably(workspace.fileSystem, pathOf(workspace, change), {
    within: workspace.directory,
  });
}

function parseSteering(bytes: Uint8Array, path: string): Steering {
  const json = parseJson(bytes, limits, path);
  if (!isJsonObject(json) || json.get('format') !== 1) throw damaged(path, 'the format');
  const read = new Members(json, path);
  const kind = read.text('kind');
  if (kind === 'migrations') return { kind, repository: read.text('repository'), migrations: read.hops() };
  const fleet = { variant: read.text('variant'), arch: read.text('arch') };
  if (kind === 'max-version') return { kind, ...fleet, maxVersion: read.text('maxVersion') };
  return parseReleaseSteering(
    kind,
    { ...fleet, version: read.text('version'), base: read.text('base') },
    read,
  );
}

function parseReleaseSteering(kind: string, release: OfRelease, read: Members): ReleaseSteering {
  if (kind === 'resume') return { kind, ...release };
  if (kind === 'barrier') return { kind, ...release, on: read.has('on', true) };
  if (kind === 'pause') return { kind, ...release, everyone: read.has('everyone', true) };
  if (kind === 'withdraw') return { kind, ...release, ...read.texts('reason', 'callBack') };
  if (kind === 'accelerate') return { kind, ...release, ...read.factor(), ...read.texts('policy') };
  const spread = spreads.find((name) => read.has('spread', name));
  if (kind !== 'set' || spread === undefined) throw damaged(read.path, 'kind or spread');
  return { kind, ...release, spread, ...read.texts('policy'), ...read.startTime() };
}

class Members {
  readonly path: string;
  readonly #json: JsonObject;

  constructor(json: JsonObject, path: string) {
    this.#json = json;
    this.path = path;
  }

  text(name: string): string {
    const value = this.#json.get(name);
    if (typeof value === 'string') return value;
    throw damaged(this.path, name);
  }

  /** Those of the named texts that are there. */
  texts<K extends string>(...names: readonly K[]): { readonly [name in K]?: string } {
    const found = names.map((name) => [name, this.#json.get(name)] as const);
    return Object.fromEntries(found.filter(([, value]) => typeof value === 'string')) as {
      readonly [name in K]?: string;
    };
  }

  /** Strict JSON has no fractions: it is written in thousandths. */
  factor(): { readonly factor?: number } {
    const value = this.#json.get('thousandths');
    return typeof value === 'number' ? { factor: value / 1000 } : {};
  }

  startTime(): { readonly startTime?: number } {
    const value = this.#json.get('startTime');
    return typeof value === 'number' ? { startTime: value } : {};
  }

  has(name: string, value: unknown): boolean {
    return this.#json.get(name) === value;
  }

  hops(): readonly Migration[] {
    const list = this.#json.get('migrations');
    if (!isJsonArray(list)) throw damaged(this.path, 'migrations');
    return list.map((hop) => {
      if (!isJsonObject(hop)) throw damaged(this.path, 'a migration');
      const [own, targets] = [new Members(hop, this.path), hop.get('targets')];
      if (!isJsonArray(targets)) throw damaged(this.path, 'the targets of a migration');
      return { from: own.text('from'), to: own.text('to'), targets: targets.map(String) };
    });
  }
}

function damaged(path: string, what: string): TidegateError {
  const text = `${path}: ${what} is missing or wrong; delete the file and make the change again`;
  return new TidegateError('workspace-invalid', text, { path });
}
