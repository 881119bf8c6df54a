/**
 * A release: one version for one variant and architecture, with its images and its waves.
 * Its form in a manifest is an entry of `updates` (bottlerocket manifest.json).
 */
import { TidegateError } from '../errors.ts';
import type { JsonObject } from '../metadata/json.ts';
import type { Migration } from './migrations.ts';
import { readVersion } from './version.ts';
import type { Spread, Waves } from './wave.ts';

/**
 * Image kind → target path. Two layouts exist, and a release has exactly the images of one:
 * `bottlerocket` is what updog reads; a manifest with a `single` release is refused by updog as a whole.
 */
export type Images = Readonly<Record<string, string>>;

export const imageLayouts = {
  bottlerocket: ['boot', 'root', 'hash'],
  single: ['image'],
} as const;

export interface ReleaseId {
  readonly variant: string;
  readonly arch: string;
  /** SemVer without leading v. */
  readonly version: string;
}

/** When hosts have their turn, but for how they stand inside a wave. */
export interface Schedule {
  /** Empty = open for everyone at once. Times in milliseconds since the epoch. */
  readonly waves: Waves;
  /** The moment at which the last wave is through, in milliseconds; `linear` only. */
  readonly lastWaveEnds?: number;
  /** Hosts that do not go by their seed. Of several groups that a host belongs to, the first counts. */
  readonly groups?: readonly HostGroup[];
  /**
   * When a release without waves was opened to everyone, in milliseconds. Hosts do not look at it: it is from when the
   * next release counts that must not come too soon.
   */
  readonly opened?: number;
}

/** When each host has its turn. */
export interface WaveSchedule extends Schedule {
  /** How hosts stand inside a wave; absent in manifests of Bottlerocket's tools, see `spreadOf`. */
  readonly spread?: Spread;
}

export interface Release extends ReleaseId, WaveSchedule {
  /** The highest version that anyone should run: hosts above it go down to it, and do not go above it. */
  readonly maxVersion: string;
  readonly images: Images;
  /** A host that runs a lower version takes nothing above this release before it has run it. */
  readonly barrier?: true;
  /** Set while no further host may take the release. */
  readonly pause?: Pause;
  /** Members that this version of Tidegate does not know; kept when the manifest is written again. */
  readonly unknown?: JsonObject;
}

/** Hosts that state one of the labels have their turn at one moment, whatever their seed. updog does not know groups. */
export interface HostGroup {
  readonly labels: readonly string[];
  /** Milliseconds since the epoch. */
  readonly opens: number;
}

/** A release that stands still: since when, and the plan that goes on when it is resumed. See steering.ts. */
export interface Pause extends Omit<Schedule, 'opened'> {
  /** Milliseconds since the epoch, whole seconds. */
  readonly at: number;
}

/** A release that was taken back for ever. */
export interface Withdrawal extends ReleaseId {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason?: string;
}

/**
 * When the first hosts had their turn by their seed, or will have: milliseconds. undefined: a pause came before, or it was
 * open to everyone at once and another tool, or an older one, published it without a word about when.
 */
export function beginOf({
  waves,
  opened,
  pause,
}: Pick<Release, 'waves' | 'opened' | 'pause'>): number | undefined {
  if (waves.size === 0) return opened;
  const first = Math.min(...(pause ?? { waves }).waves.values());
  return pause === undefined || first <= pause.at ? first : undefined;
}

export interface Manifest {
  readonly updates: readonly Release[];
  readonly migrations: readonly Migration[];
  /** Never offered again, and not listed again by mistake. */
  readonly withdrawn?: readonly Withdrawal[];
  /** Members that this version of Tidegate does not know; kept when the manifest is written again. */
  readonly unknown?: JsonObject;
}

/**
 * The spread that decides for a host. Releases added by Tidegate always state theirs, `linear` unless asked
 * otherwise. A release that states none was made by Bottlerocket's tools: its publisher watches a fleet that moves
 * as updog moves it, and sized the waves by that. `linear` would take hosts ahead of that fleet (it opens every
 * seed above the first wave's earlier or at the same time), so such a release is read as `shipped`.
 */
export function spreadOf(release: Pick<Release, 'spread'>): Spread {
  return release.spread ?? 'shipped';
}

/** For messages. */
export function releaseName(release: ReleaseId): string {
  return `${release.variant} ${release.arch} ${release.version}`;
}

/** Equal for two releases that a host could not tell apart: build metadata of a version does not count. */
export function releaseKey(release: ReleaseId): string {
  const version = readVersion(release.version)?.version ?? release.version;
  return JSON.stringify([release.variant, release.arch, version]);
}

/** An image that a manifest names and no trusted role lists. */
export interface MissingImage {
  readonly release: Release;
  /** boot, root, hash or image */
  readonly kind: string;
  readonly path: string;
}

/**
 * The images of all releases that are not among the targets. Nothing may be prepared for a release of this
 * list: its slot would be cleared for an image that cannot come.
 *
 * @param has whether a trusted role lists the target path
 */
export function missingImages(
  manifest: Pick<Manifest, 'updates'>,
  has: (path: string) => boolean,
): readonly MissingImage[] {
  return manifest.updates.flatMap((release) =>
    Object.entries(release.images)
      .filter(([, path]) => !has(path))
      .map(([kind, path]) => ({ release, kind, path })),
  );
}

/** @throws manifest-image-missing naming the first missing image, the release and the number of others */
export function requireImages(release: Release, has: (path: string) => boolean): void {
  const missing = missingImages({ updates: [release] }, has);
  const [first] = missing;
  if (first === undefined) return;
  throw new TidegateError(
    'manifest-image-missing',
    `${releaseName(release)}: image ${first.kind}: found no target ${JSON.stringify(first.path)}, expected all ` +
      `${Object.keys(release.images).length} images among the trusted targets (${missing.length} missing)`,
    { release: releaseName(release), missing: missing.map((image) => image.path) },
  );
}
