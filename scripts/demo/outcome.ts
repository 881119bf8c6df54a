/** What a run has come to, and how it looks meanwhile: the views of a scene. */
import { join, relative } from 'node:path';
import type { RunningServer } from '../../src/server/serve.ts';
import type { Release } from '../../src/waves/release.ts';
import type { Refusal } from './attacks.ts';
import { type DemoClock, day } from './clock.ts';
import type { DemoFolder } from './demo-folder.ts';
import type { DemoHost, FleetSettings } from './host.ts';
import { type ImageSet, sizeText } from './images.ts';
import type { DemoOptions } from './options.ts';
import type { FleetView, Styler } from './picture.ts';
import { type Publication, publishedFolder } from './publication.ts';
import type { Screen } from './screen.ts';
import type { Story } from './story.ts';
import type { Outcome } from './summary.ts';

export interface Stage {
  readonly options: DemoOptions;
  readonly folder: DemoFolder;
  /** The folder that holds node_modules. */
  readonly repository: string;
  readonly story: Story;
  readonly screen: Screen;
  readonly styler: Styler;
  readonly signal: AbortSignal;
  /** The real time, milliseconds since the epoch. */
  readonly realTime: number;
}

export interface Scene {
  readonly stage: Stage;
  readonly images: ImageSet;
  readonly publication: Publication;
  readonly server: RunningServer;
  readonly clock: DemoClock;
  readonly start: number;
  readonly hosts: readonly DemoHost[];
  readonly settings: FleetSettings;
  /** What the fleet is to reach. */
  readonly release: Release;
}

/** The default policy's days, and one more to look back. */
export const daysOfRollout = 8;

export function viewOf({ start, hosts, release, clock }: Scene): FleetView {
  return {
    ...{ start, hosts, version: release.version, now: clock.now() },
    end: release.lastWaveEnds ?? start + daysOfRollout * day,
    waves: wavesOf(release),
  };
}

function wavesOf({ waves }: Release): FleetView['waves'] {
  return Array.from(waves, ([above, opens]) => ({ above, opens })).sort((a, b) => a.above - b.above);
}

/** As one would type it in this folder. */
function here(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') ? path : near || '.';
}

export function outcomeOf(
  { stage, images, hosts, start, release }: Scene,
  refusals: readonly Refusal[],
): Outcome {
  const { story, folder } = stage;
  const attacked = hosts.find(({ part }) => part === 'attacked') ?? hosts[0];
  const agent = `npx tidegate-agent check --config ${here(join(attacked?.directory ?? '', 'agent.toml'))}`;
  const workspace = here(folder.workspace);
  return {
    images: images.images.map((image) => ({
      ...{ version: image.version, description: image.description, size: sizeText(image) },
    })),
    hosts: hosts.map((host) => ({
      ...{ name: host.name, seed: host.seed, status: host.status, part: host.part },
      ...{ version: host.version, updatedAt: host.updatedAt },
      reason: host.choice?.kind === 'none' ? host.choice.reason : (host.choice?.kind ?? '-'),
    })),
    ...{ start, refusals, version: release.version, waves: wavesOf(release) },
    ...{ checks: story.checks, phases: story.phases, duration: story.elapsed },
    files: [
      ['workspace', `${workspace}  (tidegate.toml, policies, keys: unencrypted, for demonstrations alone)`],
      ['repository', join(workspace, publishedFolder)],
      ['images', here(folder.images)],
      ['hosts', `${here(folder.hosts)}  (slots, trusted state, agent.toml of each)`],
    ],
    next: [
      [`npx tidegate status -w ${workspace}`, 'what expires when'],
      [`npx tidegate plan -w ${workspace}`, 'what a publication would change (nothing)'],
      [`npx tidegate serve ${join(workspace, publishedFolder)} &`, 'the repository on port 8080'],
      [agent, 'the attacked host, with the real clock'],
      ['npx tidegate init --template single my-fleet', 'your own, as README.md goes on'],
    ],
  };
}
