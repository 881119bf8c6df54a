/** A release enters the workspace: its images are read once, and it waits as a draft until it is published. */
import { TidegateError } from '../../errors.ts';
import { targetOf } from '../../metadata/targets.ts';
import { imageLayouts, releaseKey, releaseName } from '../../waves/release.ts';
import { requireNotWithdrawn } from '../../waves/releases.ts';
import { readVersion } from '../../waves/version.ts';
import type { Spread } from '../../waves/wave.ts';
import { isTime, timeRange } from '../../waves/wave-time.ts';
import { plannedDelegations } from '../publication/delegation-plan.ts';
import { type LiveRepository, listingIn, readLive } from '../publication/live-repository.ts';
import { checkNameFree, refuseManifestName, requireSearched } from '../publication/target-names.ts';
import { readWavePolicy, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { type Draft, type DraftImage, readDrafts, writeDraft } from './draft.ts';
import { readImage } from './image-file.ts';
import { completeRelease, imageName, type Naming } from './image-names.ts';

export interface ReleaseOptions {
  /** SemVer without leading v. Read from the file names when absent: `…-VARIANT-ARCH-1.2.3…`. */
  readonly version?: string;
  /** Read from the file names when absent, or from tidegate.toml where there is only one. */
  readonly variant?: string;
  readonly arch?: string;
  /** Files by kind: boot, root and hash; or image (not in the layout `bottlerocket`). */
  readonly images: Readonly<Record<string, string>>;
  /** Default `kept`. */
  readonly naming?: Naming;
  /** The name of a policy; `none` opens the release to everyone at once. Default: that of tidegate.toml. */
  readonly wavePolicy?: string;
  /** Milliseconds since the epoch; default: the moment of publication. */
  readonly startTime?: number;
  /** Default `linear`. */
  readonly spread?: Spread;
  /** The delegated role that lists the images, as far as its paths cover them. Default: the top-level one. */
  readonly role?: string;
  /** The highest version that anyone should run. Default: the highest in force, or this one. */
  readonly maxVersion?: string;
  /** Add a version that was withdrawn once. */
  readonly readmit?: boolean;
  /** Hosts that run a lower version must run it before anything above it. Default false. */
  readonly barrier?: boolean;
}

export interface AddProgress {
  /** The file that is read. */
  readonly path: string;
  /** Bytes read of it, and its length. */
  readonly bytes: number;
  readonly total: number;
}

export interface AddOptions {
  readonly progress?: (progress: AddProgress) => void;
  /** Check everything and read the images, but write no draft. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Adds a draft. Nothing is written to the store.
 *
 * @throws release-invalid, target-path-invalid, name-taken (also against what is published), config-invalid and
 *   wave-policy-invalid for the policy, not-found, not-a-plain-file, cancelled
 */
export async function addRelease(
  workspace: Workspace,
  options: ReleaseOptions,
  run: AddOptions = {},
): Promise<Draft> {
  const draft = await describeRelease(workspace, options);
  const live = await readLive(workspace, placeOf(workspace, draft), run.signal);
  refuseKnown(draft, live, await readDrafts(workspace));
  requireRole(workspace, draft, live, options);
  const images: DraftImage[] = [];
  for (const [kind, path] of Object.entries(options.images)) {
    images.push(await stageImage(workspace, { draft, kind, path, options, run }));
  }
  const complete = { ...draft, images };
  if (run.dryRun === true) {
    checkNames(complete, live, await readDrafts(workspace));
    return complete;
  }
  // Reading takes minutes, in which a job may have to refresh: only what follows needs the workspace for itself.
  return await whileLocked(workspace, async () => {
    checkNames(complete, live, await readDrafts(workspace));
    await writeDraft(workspace, complete);
    return complete;
  });
}

/** Everything about a release but its images, checked. */
async function describeRelease(workspace: Workspace, options: ReleaseOptions): Promise<Draft> {
  const { settings } = workspace;
  checkKinds(options.images, settings.layout);
  const release = completeRelease(options, Object.values(options.images), settings.fleets);
  for (const version of [release.version, options.maxVersion ?? release.version]) {
    if (readVersion(version) === undefined) {
      throw invalid(
        `version: found ${JSON.stringify(version)}, expected SemVer without leading v, such as 1.2.3`,
      );
    }
  }
  const { wavePolicy = settings.wavePolicy, startTime, spread = 'linear', maxVersion, role } = options;
  if (wavePolicy !== 'none') await readWavePolicy(workspace, wavePolicy);
  if (startTime !== undefined && !isTime(startTime)) {
    throw invalid(`start time: found ${startTime}, expected ${timeRange}`);
  }
  if (startTime !== undefined && wavePolicy === 'none')
    throw invalid('start time: a release without waves is open as soon as it is published');
  return {
    ...release,
    images: [],
    spread,
    ...(wavePolicy !== 'none' && { wavePolicy }),
    ...(startTime !== undefined && { startTime }),
    ...(maxVersion !== undefined && { maxVersion }),
    ...(role !== undefined && role !== 'targets' && { role }),
    ...(options.readmit === true && { readmit: true }),
    ...(options.barrier === true && { barrier: true }),
  };
}

function checkKinds(images: Readonly<Record<string, string>>, layout: Workspace['settings']['layout']): void {
  const found = Object.keys(images).sort().join(', ');
  const allowed = layout === 'bottlerocket' ? [imageLayouts.bottlerocket] : Object.values(imageLayouts);
  if (allowed.some((kinds) => [...kinds].sort().join(', ') === found)) return;
  const expected = allowed.map((kinds) => kinds.join(', ')).join('; or ');
  throw invalid(`images: found ${found || 'none'}, expected ${expected}`);
}

function placeOf(workspace: Workspace, { variant, arch }: Draft) {
  const place = repositoriesOf(workspace.settings).find(({ fleets }) =>
    fleets.some((fleet) => fleet.variant === variant && fleet.arch === arch),
  );
  if (place === undefined) throw invalid(`${variant} ${arch} is not in tidegate.toml`);
  return place;
}

/** Before anything large is read. */
function refuseKnown(draft: Draft, live: LiveRepository, drafts: readonly Draft[]): void {
  const key = releaseKey(draft);
  if (draft.readmit !== true) requireNotWithdrawn(live.manifest, draft);
  if (live.manifest.updates.some((update) => releaseKey(update) === key)) {
    throw invalid(`${releaseName(draft)} is published already, expected a new version`);
  }
  if (drafts.some((other) => releaseKey(other) === key)) {
    const name = releaseName(draft);
    throw invalid(`${name} is a draft already; take it back first: tidegate release drop ${name}`);
  }
}

/** Before anything large is read, too: the role must be one in which hosts look for these names. */
function requireRole(
  { settings, keys }: Workspace,
  draft: Draft,
  live: LiveRepository,
  { images, naming = 'kept' }: ReleaseOptions,
): void {
  if (draft.role === undefined) return;
  const { parsed } = plannedDelegations(live.published, settings.delegations, keys.values());
  for (const [kind, path] of Object.entries(images)) {
    const target = imageName(naming, { repository: settings.name, release: draft, kind, path });
    requireSearched(parsed, draft.role, target);
  }
}

interface Stage {
  readonly draft: Draft;
  readonly kind: string;
  readonly path: string;
  readonly options: ReleaseOptions;
  readonly run: AddOptions;
}

async function stageImage(
  workspace: Workspace,
  { draft, kind, path, options, run }: Stage,
): Promise<DraftImage> {
  const { naming = 'kept' } = options;
  const target = imageName(naming, { repository: workspace.settings.name, release: draft, kind, path });
  refuseManifestName(target);
  const { progress, signal } = run;
  const image = await readImage(workspace.fileSystem, path, {
    ...(signal && { signal }),
    ...(progress && { progress: (bytes: number, total: number) => progress({ path, bytes, total }) }),
  });
  return { ...image, kind, target };
}

/** A name belongs to its first bytes for ever, in the drafts, too. */
function checkNames(draft: Draft, live: LiveRepository, drafts: readonly Draft[]): void {
  for (const image of draft.images) {
    for (const document of listingIn(live)) {
      checkNameFree(image, targetOf(document, image.target), 'what is published');
    }
    const waiting = [...drafts, draft].flatMap(({ images }) =>
      images.filter(({ target }) => target === image.target),
    );
    for (const other of waiting) checkNameFree(image, { length: other.length, hashes: other }, 'a draft');
  }
}

function invalid(problem: string): TidegateError {
  return new TidegateError('release-invalid', `release: ${problem}`);
}
