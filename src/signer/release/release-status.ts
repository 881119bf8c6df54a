/** Where a release is: in which repositories of a workspace, and what is missing for it to be in all of them. */
import { isTidegateError, type TidegateError } from '../../errors.ts';
import { type Release, releaseKey } from '../../waves/release.ts';
import { compareVersions, readVersion } from '../../waves/version.ts';
import { readLive } from '../publication/live-repository.ts';
import { readJournal } from '../workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { type Draft, readDrafts } from './draft.ts';

/**
 * `published`: hosts can get it. `begun`: a publication that would bring it was signed, and interrupted. `waiting`: it is a
 * draft. `absent`: it was never added. `unknown`: the repository cannot be read, or not be believed.
 */
export type ReleaseStanding = 'published' | 'begun' | 'waiting' | 'absent' | 'unknown';

export interface FleetStanding {
  readonly repository: string;
  readonly variant: string;
  readonly arch: string;
  readonly standing: ReleaseStanding;
  /** Milliseconds since the epoch; undefined: open to all at once, or not published. */
  readonly firstWave: number | undefined;
  /** Why nothing is known. */
  readonly error?: TidegateError;
}

export interface ReleaseStatus {
  readonly version: string;
  readonly fleets: readonly FleetStanding[];
}

/** What is known of one repository. */
interface Look {
  readonly place: RepositoryPlace;
  /** undefined: nothing. */
  readonly updates: readonly Release[] | undefined;
  readonly error?: TidegateError;
  /** Signed files of a publication that was interrupted, as text. */
  readonly signed: readonly string[];
}

/**
 * One version, or every one that waits or is in some and not in all repositories. One repository that cannot be read hides
 * nothing of the others.
 *
 * @throws cancelled, what a repository cannot be read for when no version is known at all, and what reading the workspace throws
 */
export async function releaseStatusOf(
  workspace: Workspace,
  wanted: string | undefined,
  signal?: AbortSignal,
): Promise<readonly ReleaseStatus[]> {
  const drafts = await readDrafts(workspace);
  const looks: Look[] = [];
  for (const place of repositoriesOf(workspace.settings)) looks.push(await lookAt(workspace, place, signal));
  const versions = wanted === undefined ? openVersions(looks, drafts) : [wanted];
  const unread = looks.find(({ error }) => error !== undefined);
  // Nothing to show where not everything was seen is no "everything is everywhere".
  if (versions.length === 0 && unread?.error !== undefined) throw unread.error;
  return versions.map((version) => ({
    version,
    fleets: looks.flatMap((look) => fleetsOf(look, version, drafts)),
  }));
}

async function lookAt(
  workspace: Workspace,
  place: RepositoryPlace,
  signal: AbortSignal | undefined,
): Promise<Look> {
  try {
    const journal = await readJournal(workspace, place.name);
    const { manifest } = await readLive(workspace, place, signal);
    const files = journal === undefined || journal.done ? [] : [...journal.files.values()];
    const signed = files.map((bytes) => new TextDecoder().decode(bytes));
    return { place, updates: manifest.updates, signed };
  } catch (error) {
    if (!isTidegateError(error) || error.code === 'cancelled') throw error;
    return { place, updates: undefined, error, signed: [] };
  }
}

function fleetsOf(
  { place, updates, error, signed }: Look,
  version: string,
  drafts: readonly Draft[],
): readonly FleetStanding[] {
  return place.fleets.map((fleet) => {
    const key = releaseKey({ ...fleet, version });
    const release = updates?.find((update) => releaseKey(update) === key);
    const draft = drafts.find((candidate) => releaseKey(candidate) === key);
    const times = [...(release?.waves.values() ?? [])];
    const standing = release === undefined ? pendingStanding(draft, signed) : 'published';
    return {
      ...{ repository: place.name, variant: fleet.variant, arch: fleet.arch },
      standing: updates === undefined ? 'unknown' : standing,
      firstWave: times.length === 0 ? undefined : Math.min(...times),
      ...(error !== undefined && { error }),
    };
  });
}

/** A refresh that was interrupted has begun no release: what was signed must list its images. */
function pendingStanding(draft: Draft | undefined, signed: readonly string[]): ReleaseStanding {
  if (draft === undefined) return 'absent';
  const isListed = (sha256: string): boolean => signed.some((text) => text.includes(`"${sha256}"`));
  return draft.images.every(({ sha256 }) => isListed(sha256)) ? 'begun' : 'waiting';
}

/** The highest first. */
function openVersions(looks: readonly Look[], drafts: readonly Draft[]): readonly string[] {
  const published = looks.flatMap(({ updates = [] }) => updates);
  const fleets = looks.flatMap(({ place }) => place.fleets);
  const known = new Set(published.map(releaseKey));
  const isOpen = (version: string): boolean =>
    fleets.some((fleet) => !known.has(releaseKey({ ...fleet, version })));
  const versions = new Set([...published, ...drafts].map(({ version }) => version));
  return [...versions].filter(isOpen).sort((one, other) => {
    const [a, b] = [readVersion(one), readVersion(other)];
    return a === undefined || b === undefined ? 0 : compareVersions(b, a);
  });
}
