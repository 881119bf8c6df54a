/** One host of the fleet: its folder, its agent and client, what it went through, and how it stands now. */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Agent } from '../../src/agent/agent.ts';
import { FileSlots } from '../../src/agent/file-slots.ts';
import { RepositoryClient } from '../../src/client/updater.ts';
import type { RepositoryFolders } from '../../src/metadata/repository-layout.ts';
import type { Choice } from '../../src/waves/choose.ts';
import { type Boot, boot, imagePath } from './boot-loader.ts';
import type { Content } from './compression.ts';
import type { PlannedHost } from './fleet-plan.ts';
import type { HostStatus, HostView } from './picture.ts';

/** What all hosts of the fleet share. */
export interface FleetSettings {
  readonly variant: string;
  readonly arch: string;
  readonly trustedRoot: Uint8Array;
  readonly folders: RepositoryFolders;
  /** Bytes of each slot. */
  readonly slotSize: number;
  /** What the image of each version holds. */
  readonly contents: ReadonlyMap<string, Content>;
  readonly now: () => number;
}

/** A host's way to the repository. */
export interface Connection {
  readonly client: RepositoryClient;
  readonly agent: Agent;
}

export class DemoHost implements HostView {
  readonly name: string;
  readonly seed: number;
  readonly part: PlannedHost['part'];
  readonly directory: string;
  readonly slots: FileSlots;
  status: HostStatus;
  progress = 0;
  version: string;
  /** The answer to its last check. */
  choice: Choice | undefined;
  /** The demo's time at which its update began. */
  updatedAt: number | undefined;
  readonly #settings: FleetSettings;

  constructor(plan: PlannedHost, directory: string, version: string, settings: FleetSettings) {
    this.name = plan.name;
    this.seed = plan.seed;
    this.part = plan.part;
    this.directory = directory;
    this.version = version;
    this.status = plan.part === 'locked' ? 'locked' : 'waiting';
    this.slots = new FileSlots({ directory: join(directory, 'slots'), slotSize: settings.slotSize });
    this.#settings = settings;
  }

  get stateDirectory(): string {
    return join(this.directory, 'state');
  }

  /** @param aheadBy milliseconds by which this host's clock runs ahead, for attacks that take days */
  connect(url: string, aheadBy = 0): Connection {
    const { folders, trustedRoot, variant, arch, now } = this.#settings;
    const clock = (): number => now() + aheadBy;
    const client = new RepositoryClient({
      trustedRoot,
      metadata: `${url}/${folders.metadata}`,
      targets: `${url}/${folders.targets}`,
      stateDirectory: join(this.stateDirectory, 'repository'),
      clock,
    });
    const versionLock = this.part === 'locked' ? this.version : undefined;
    const agent = new Agent({
      client,
      slots: this.slots,
      host: { variant, arch, seed: this.seed, versionLock },
      stateDirectory: join(this.stateDirectory, 'agent'),
      clock,
    });
    return { client, agent };
  }

  /** Starts the machine: the boot loader's and the system's part. */
  async boot(): Promise<Boot> {
    const result = await boot(this.slots, this.#settings.contents);
    this.version = result.version;
    return result;
  }

  /** Spoils the first bytes of the slot that is not running, as a failing disk does after a good read-back. */
  async damageInactiveSlot(): Promise<void> {
    const { active } = await this.slots.readFlags();
    const file = openSync(imagePath(this.slots, active === 'a' ? 'b' : 'a'), 'r+');
    try {
      writeSync(file, new Uint8Array(4096), 0, 4096, 0);
    } finally {
      closeSync(file);
    }
  }

  makeFolders(): void {
    for (const folder of ['repository', 'agent'])
      mkdirSync(join(this.stateDirectory, folder), { recursive: true });
    mkdirSync(this.slots.location, { recursive: true });
  }
}
