/**
 * The newest release of a repository for a variant and architecture, as a host would believe it: roots from a trusted one
 * on, every signature, version and expiry. The newest is the highest that is not above max_version and not paused; waves,
 * which say when each host has its turn, do not count.
 */
import { TidegateError } from '../../errors.ts';
import { targetFileName } from '../../metadata/file-names.ts';
import { isSameFleet } from '../../metadata/repository-layout.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { allowedReleases } from '../../waves/choose.ts';
import { type Release, releaseKey, releaseName } from '../../waves/release.ts';
import type { AuditPlace } from '../audit/places.ts';
import type { ReadRepository } from '../publication/repository-reader.ts';
import { readPublished } from './published-repository.ts';

export interface LatestImage {
  /** boot, root, hash or image */
  readonly kind: string;
  /** The target path. */
  readonly name: string;
  readonly url: string;
  /** Bytes. */
  readonly length: number;
  readonly sha256: string;
}

export interface LatestRelease {
  readonly variant: string;
  readonly arch: string;
  readonly version: string;
  readonly images: readonly LatestImage[];
  readonly release: Release;
}

export interface LatestRequest {
  readonly places: readonly AuditPlace[];
  readonly trustedRoot: Uint8Array;
  readonly variant: string;
  readonly arch: string;
  /** Default: the newest. */
  readonly version?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** What a repository says of a fleet. */
export interface FleetReleases {
  /** The newest one, or the one that was asked for; undefined: it offers none. */
  readonly found: LatestRelease | undefined;
  /** Versions that were taken back for ever. */
  readonly withdrawn: readonly string[];
}

/** @throws what the store and `trust/` throw */
export async function readFleet(request: LatestRequest): Promise<FleetReleases> {
  const { places, trustedRoot, variant, arch, now, signal } = request;
  const withdrawn = new Set<string>();
  for (const place of places) {
    const repository = await readPublished(place, { trustedRoot, now, signal });
    for (const one of repository.manifest.withdrawn ?? [])
      if (isSameFleet(one, request)) withdrawn.add(one.version);
    const release = pick(repository, request);
    if (release === undefined) continue;
    const images = imagesOf(release, repository, place);
    const found = { variant, arch, version: release.version, images, release };
    return { found, withdrawn: [...withdrawn] };
  }
  return { found: undefined, withdrawn: [...withdrawn] };
}

/** @throws not-found */
export function requireFound({ found, withdrawn }: FleetReleases, request: LatestRequest): LatestRelease {
  if (found !== undefined) return found;
  const { places, variant, arch, version } = request;
  const name = version === undefined ? `${variant} ${arch}` : releaseName({ variant, arch, version });
  const where = places.map((place) => place.name).join(', ');
  const taken = version !== undefined && withdrawn.includes(version);
  const paused = version === undefined ? ', or all are paused' : '';
  const why = taken ? ': it was withdrawn (tidegate waves show says why)' : paused;
  throw new TidegateError('not-found', `no release of ${name} is offered in ${where}${why}`, {
    release: name,
  });
}

function pick({ manifest }: ReadRepository, { variant, arch, version }: LatestRequest): Release | undefined {
  const offered = allowedReleases(manifest, { variant, arch });
  if (version === undefined) return offered.find(({ pause }) => pause === undefined);
  const key = releaseKey({ variant, arch, version });
  return offered.find((release) => releaseKey(release) === key);
}

function imagesOf(release: Release, { set }: ReadRepository, place: AuditPlace): readonly LatestImage[] {
  const documents = [...set.targets.values()].map(({ document }) => document);
  return Object.entries(release.images).map(([kind, name]) => {
    const path = parseTargetPath(name);
    const target = documents.map((document) => targetOf(document, path)).find((one) => one !== undefined);
    const sha256 = target?.hashes.sha256;
    if (target === undefined || sha256 === undefined) {
      const text = `${releaseName(release)}: image ${kind}: found no target ${JSON.stringify(name)} with a SHA-256, expected one`;
      throw new TidegateError('manifest-image-missing', text, {
        release: releaseName(release),
        missing: [name],
      });
    }
    const url = `${place.targets.location.replace(/\/$/, '')}/${targetFileName(path, sha256)}`;
    return { kind, name, url, length: target.length, sha256 };
  });
}
