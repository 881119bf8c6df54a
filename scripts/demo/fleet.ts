/** Makes the fleet: a folder for each host, with the factory's image in slot a and the settings of an agent. */
import { constants } from 'node:fs';
import { copyFile, mkdir, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { provisionSlots } from '../../src/agent/provision.ts';
import { TidegateError } from '../../src/errors.ts';
import { formatBytes } from '../../src/terminal.ts';
import { imagePath } from './boot-loader.ts';
import type { PlannedHost } from './fleet-plan.ts';
import { DemoHost, type FleetSettings } from './host.ts';
import type { ImageSet } from './images.ts';
import { eachOf } from './pool.ts';

const block = 4096;

/** The smallest slot that every image fits into. */
export function slotSizeFor({ images }: ImageSet): number {
  const longest = Math.max(...images.map(({ content }) => content.length));
  return Math.ceil(longest / block) * block;
}

/** Two slots for each host, and something to breathe. @throws disk-full */
export async function requireSpace(folder: string, images: ImageSet, hosts: number): Promise<void> {
  const [first] = images.images;
  const needed = hosts * (first.content.length + slotSizeFor(images)) + 100_000_000;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new TidegateError(
    'disk-full',
    `${folder}: found ${formatBytes(free)} free, expected ${formatBytes(needed)} for ${hosts} hosts of two slots. ` +
      'Take fewer with --hosts, or another disk with --directory.',
    { path: folder, found: free, expected: needed },
  );
}

export interface FleetRequest {
  readonly folder: string;
  readonly plan: readonly PlannedHost[];
  readonly images: ImageSet;
  readonly settings: FleetSettings;
  readonly signal: AbortSignal;
}

/** Hosts as they leave the factory: each with a copy of its own, so that no write reaches another's. */
export async function makeFleet({
  folder,
  plan,
  images,
  settings,
  signal,
}: FleetRequest): Promise<readonly DemoHost[]> {
  const [first] = images.images;
  const hosts = plan.map((host) => new DemoHost(host, join(folder, host.name), first.version, settings));
  await eachOf(hosts, async (host) => {
    signal.throwIfAborted();
    const { variant, arch, slotSize } = settings;
    host.makeFolders();
    await mkdir(join(host.slots.location, 'slot-a'));
    // Shares blocks only where the file system parts them again at the first write.
    await copyFile(images.factory, imagePath(host.slots, 'a'), constants.COPYFILE_FICLONE);
    const release = { variant, arch, version: first.version };
    await provisionSlots({ directory: host.slots.location, slotSize, release, signal });
    await writeConfiguration(host, settings);
  });
  return hosts;
}

/** As `tidegate-agent --config` reads it, for whoever wants to look at a host afterwards. */
async function writeConfiguration(host: DemoHost, settings: FleetSettings): Promise<void> {
  const { folders, variant, arch, slotSize, trustedRoot } = settings;
  const address = 'http://127.0.0.1:8080';
  const lines = [
    '# A host of the demonstration. The address is that of `tidegate serve` on its usual port.',
    'root = "root.json"',
    `metadata_base_url = "${address}/${folders.metadata}"`,
    `targets_base_url = "${address}/${folders.targets}"`,
    'state_directory = "state"',
    'slots_directory = "slots"',
    `slot_size = ${slotSize}`,
    `variant = "${variant}"`,
    `arch = "${arch}"`,
    `seed = ${host.seed}`,
    ...(host.part === 'locked' ? [`version_lock = "${host.version}"`] : []),
  ];
  await writeFile(join(host.directory, 'agent.toml'), `${lines.join('\n')}\n`);
  await writeFile(join(host.directory, 'root.json'), trustedRoot);
}
