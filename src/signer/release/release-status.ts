/** Where a release is: in which repositories of a workspace, and what is missing for it to be in all of them. */

import { releaseKey } from '../../waves/release.ts';
import { compareVersions, readVersion } from '../../waves/version.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import { readJournal } from '../workspace/state-file.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { type Draft, readDrafts } from './draft.ts';

/**
 * `published`: hosts can get it. `begun`: a publication that would bring it was interrupted. `waiting`: it is a draft.
 * `absent`: it was never added.
 */
export type ReleaseStanding = 'published' | 'begun' | 'waiting' | 'absent';

export interface FleetStanding {
  readonly repository: string;
  readonly variant: string;
  readonly arch: string;
  readonly standing: ReleaseStanding;
  /** Milliseconds since the epoch; undefined: open to all at once, or not published. */
  readonly firstWave: number | undefined;
}

export interface ReleaseStatus {
  readonly version: string;
  readonly fleets: readonly FleetStanding[];
}

/**
 * One version, or every one that waits or is in some and not in all repositories.
 *
 * @throws what reading the store throws
 */
export async function releaseStatusOf(
  workspace: Workspace,
  wanted: string | undefined,
  signal?: AbortSignal,
): Promise<readonly ReleaseStatus[]> {
  const drafts = await readDrafts(workspace);
  const lives: { readonly live: LiveRepository; readonly begun: boolean }[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const journal = await readJournal(workspace, place.name);
    const live = await readLive(workspace, place, signal);
    lives.push({ live, begun: journal !== undefined && !journal.done });
  }
  const versions = wanted === undefined ? openVersions(lives, drafts) : [wanted];
  return versions.map((version) => ({
    version,
    fleets: lives.flatMap(({ live, begun }) => fleetsOf(live, begun, version, drafts)),
  }));
}

function fleetsOf(
  { place, manifest }: LiveRepository,
  begun: boolean,
  version: string,
  drafts: readonly Draft[],
): readonly FleetStanding[] {
  return place.fleets.map((fleet) => {
    const key = releaseKey({ ...fleet, version });
    const release = manifest.updates.find((update) => releaseKey(update) === key);
    const waits = drafts.some((draft) => releaseKey(draft) === key);
    const times = [...(release?.waves.values() ?? [])];
    const pending = waits ? (begun ? 'begun' : 'waiting') : 'absent';
    return {
      ...{ repository: place.name, variant: fleet.variant, arch: fleet.arch },
      standing: release === undefined ? pending : 'published',
      firstWave: times.length === 0 ? undefined : Math.min(...times),
    };
  });
}

/** The highest first. */
function openVersions(
  lives: readonly { readonly live: LiveRepository }[],
  drafts: readonly Draft[],
): readonly string[] {
  const published = lives.flatMap(({ live }) => live.manifest.updates);
  const fleets = lives.flatMap(({ live }) => live.place.fleets);
  const known = new Set(published.map(releaseKey));
  const isOpen = (version: string): boolean =>
    fleets.some((fleet) => !known.has(releaseKey({ ...fleet, version })));
  const versions = new Set([...published, ...drafts].map(({ version }) => version));
  return [...versions].filter(isOpen).sort((one, other) => {
    const [a, b] = [readVersion(one), readVersion(other)];
    return a === undefined || b === undefined ? 0 : compareVersions(b, a);
  });
}
