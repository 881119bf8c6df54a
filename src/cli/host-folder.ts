/** A host in a folder, made from a workspace: to try a rollout out, or to begin a host image with. */
import { randomInt } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import { TidegateError } from '../errors.ts';
import { repositoryFolders } from '../metadata/repository-layout.ts';
import type { Workspace } from '../signer/workspace/workspace.ts';
import { isAddress, schemeOf } from '../storage/address.ts';
import { createDurably, makeFolder } from '../storage/durable-file.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { statusIfAny } from '../storage/plain-file.ts';

export interface HostFolderOptions {
  readonly directory: string;
  /** Where the host reads the repository: an address, or an absolute folder. */
  readonly location: string;
  readonly variant: string | undefined;
  readonly arch: string | undefined;
  /** The release that runs. */
  readonly running: string;
  readonly seed: number | undefined;
  /** Bytes that all images of a slot may take. */
  readonly slotSize: number;
}

export interface HostFolder {
  readonly config: string;
  readonly seed: number;
  readonly variant: string;
  readonly arch: string;
}

const seeds = 2048;

/** @throws usage when the fleet is not the only one and not named; not-a-plain-file, disk-error, slot-invalid */
export async function makeHostFolder(workspace: Workspace, options: HostFolderOptions): Promise<HostFolder> {
  const { directory, location, running, slotSize } = options;
  const { variant, arch } = fleetOf(workspace, options);
  const seed = options.seed ?? randomInt(seeds);
  const { provisionSlots } = await import('../agent/provision.ts');
  await makeFolder(nodeFileSystem, directory, 0o700);
  const root = workspace.roots.at(-1) ?? new Uint8Array();
  await write(directory, 'root.json', root);
  const slots = join(directory, 'slots');
  await provisionSlots({ directory: slots, slotSize, release: { variant, arch, version: running } });
  const folders = repositoryFolders(workspace.settings.layout, { variant, arch });
  const base = (folder: string): string => JSON.stringify(under(location, folder, directory));
  const lines = [
    '# The configuration of tidegate-agent on this host.',
    'root = "root.json"',
    `metadata_base_url = ${base(folders.metadata)}`,
    `targets_base_url = ${base(folders.targets)}`,
    'state_directory = "state"',
    'slots_directory = "slots"',
    `slot_size = ${slotSize}`,
    `variant = ${JSON.stringify(variant)}`,
    `arch = ${JSON.stringify(arch)}`,
    "# This host's place in the fleet, 0 to 2047: low seeds update first.",
    `seed = ${seed}`,
  ];
  await write(directory, 'agent.toml', new TextEncoder().encode(`${lines.join('\n')}\n`));
  return { config: join(directory, 'agent.toml'), seed, variant, arch };
}

async function write(directory: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(directory, name);
  if ((await createDurably(nodeFileSystem, path, bytes, { mode: 0o644 })) === 'created') return;
  throw new TidegateError('usage', `${path} exists already; expected a folder without a host`, { path });
}

function fleetOf(
  { settings }: Workspace,
  { variant, arch }: HostFolderOptions,
): { variant: string; arch: string } {
  const fitting = settings.fleets.filter(
    (fleet) => (variant ?? fleet.variant) === fleet.variant && (arch ?? fleet.arch) === fleet.arch,
  );
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const known = settings.fleets.map((fleet) => `${fleet.variant} ${fleet.arch}`).join(', ');
  throw new TidegateError('usage', `--variant and --arch: expected one of ${known}`);
}

/** Folders stand in the configuration relative to it, so that the whole can be moved. */
function under(location: string, folder: string, directory: string): string {
  if (isAddress(location)) return `${location.replace(/\/+$/, '')}/${folder}`;
  return relative(directory, join(location, folder));
}

/** The store of a workspace, for hosts that may read it as it is. @throws usage for a bucket */
export function hostLocationOf({ store: { location } }: Workspace): string {
  if (schemeOf(location) === 's3') throw notForHosts(location);
  return location;
}

/** They never load what talks to buckets. */
function notForHosts(location: string): TidegateError {
  const text = `hosts read no bucket as such, and ${location} is one; expected what serves it: --url https://…`;
  return new TidegateError('usage', text, { url: location });
}

/**
 * Where a host is to read, as it was typed: an address, or a folder, which becomes absolute.
 *
 * @throws usage for a bucket, and for a folder that is not there, as `127.0.0.1:8080` without a scheme is none
 */
export async function hostLocation(typed: string, directory: string): Promise<string> {
  if (schemeOf(typed) === 's3') throw notForHosts(typed);
  if (isAddress(typed)) return typed;
  const folder = resolve(directory, typed);
  if ((await statusIfAny(nodeFileSystem, folder)) !== undefined) return folder;
  const text = `--url: there is no folder ${folder}; expected one, or an address such as http://127.0.0.1:8080`;
  throw new TidegateError('usage', text, { url: typed });
}
