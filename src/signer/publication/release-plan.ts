/** Drafts of releases, as they will stand in the manifest. Pure. */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { targetOf } from '../../metadata/targets.ts';
import { formatManifest } from '../../waves/manifest.ts';
import { type Manifest, type Release, releaseKey, releaseName, type Schedule } from '../../waves/release.ts';
import { addRelease, findRelease, inSpread, type NewRelease } from '../../waves/releases.ts';
import type { Draft } from '../release/draft.ts';
import { type LiveRepository, listedIn } from './live-repository.ts';
import type { PlannedTarget } from './targets-plan.ts';

export interface ScheduledDraft {
  readonly draft: Draft;
  readonly schedule: Schedule;
}

export interface PlannedReleases {
  readonly manifest: Manifest;
  /** The new ones, as they stand in the manifest: with the max_version in force. */
  readonly releases: readonly Release[];
  /** The images of the new ones, and the manifest itself where it changes. */
  readonly images: readonly PlannedTarget[];
}

/**
 * @param base what they come into: what is published, as it was steered
 * @throws release-invalid
 */
export function planReleases(
  drafts: readonly ScheduledDraft[],
  live: LiveRepository,
  base: Manifest,
): PlannedReleases {
  const waiting = drafts.filter(({ draft }) => !isPublished(draft, live));
  const manifest = waiting.reduce<Manifest>((sum, one) => {
    const { readmit = false } = one.draft;
    requireUnlisted(sum, one.draft);
    return addRelease(sum, releaseOf(one), { readmit });
  }, base);
  const keys = new Set(waiting.map(({ draft }) => releaseKey(draft)));
  return {
    manifest,
    releases: manifest.updates.filter((update) => keys.has(releaseKey(update))),
    images: waiting.flatMap(({ draft }) =>
      draft.images.map((image) => {
        const { target, length, sha256 } = image;
        return { role: draft.role ?? 'targets', target, length, sha256, source: image };
      }),
    ),
  };
}

/** The manifest as a target of the top-level role. */
export function manifestAsTarget(manifest: Manifest): PlannedTarget {
  const source = formatManifest(manifest);
  const sha256 = digestOf('sha256', source);
  return { role: 'targets', target: manifestTarget, length: source.byteLength, sha256, source };
}

/** True when exactly this release is published: a publication that was interrupted late has done its work. */
export function isPublished(draft: Draft, live: Pick<LiveRepository, 'manifest' | 'published'>): boolean {
  const release = live.manifest.updates.find((update) => releaseKey(update) === releaseKey(draft));
  const document = listedIn(live, draft.role ?? 'targets');
  if (release === undefined || document === undefined) return false;
  return draft.images.every(({ kind, target, sha256 }) => {
    const listed = targetOf(document, target);
    return release.images[kind] === target && listed?.hashes.sha256 === sha256;
  });
}

function releaseOf({ draft, schedule }: ScheduledDraft): NewRelease {
  const { variant, arch, version, maxVersion, spread, images } = draft;
  return {
    variant,
    arch,
    version,
    ...(maxVersion !== undefined && { maxVersion }),
    images: Object.fromEntries(images.map(({ kind, target }) => [kind, target])),
    ...(draft.barrier === true && { barrier: true as const }),
    ...inSpread(schedule, spread),
  };
}

/** Somebody else was first with this version, and with other images. */
function requireUnlisted(manifest: Manifest, draft: Draft): void {
  if (findRelease(manifest, draft) === undefined) return;
  const name = releaseName(draft);
  const text = `release ${name}: found that somebody published it meanwhile, expected a version that is not listed; take the draft back (tidegate release drop ${name}), and add it with a higher one`;
  throw new TidegateError('release-invalid', text, { release: `release ${name}` });
}
