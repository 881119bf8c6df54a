/** The manifest of releases beside the targets: it can be read, its waves too, and what it names is there. */
import { TidegateError } from '../../errors.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { targetOf } from '../../metadata/targets.ts';
import type { VerifiedTargets } from '../../trust/trusted-set.ts';
import { maxManifestBytes } from '../../waves/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import { missingImages, releaseName } from '../../waves/release.ts';
import type { AuditPlace } from './places.ts';
import type { Problems } from './problems.ts';
import { readTarget } from './target-files.ts';

/** The number of releases, when there is a manifest and it is right. */
export async function countReleases(
  place: AuditPlace,
  roles: ReadonlyMap<string, VerifiedTargets>,
  {
    problems,
    signal,
    consistent,
  }: { readonly problems: Problems; readonly signal?: AbortSignal; readonly consistent: boolean },
): Promise<number | undefined> {
  const listing = [...roles.values()].find(({ document }) => document.targets.has(manifestTarget));
  const target = listing && targetOf(listing.document, manifestTarget);
  if (target === undefined) return undefined;
  const request = {
    folder: place.targets,
    consistent,
    limit: maxManifestBytes,
    ...(signal !== undefined && { signal }),
  };
  return await problems.attempt(async () => {
    const manifest = parseManifest(await readTarget(request, target));
    const has = (path: string): boolean =>
      [...roles.values()].some(({ document }) => document.targets.has(path));
    for (const { release, kind, path } of missingImages(manifest, has)) {
      const text = `${releaseName(release)}: image ${kind}: ${JSON.stringify(path)} is not among the targets`;
      problems.add(
        new TidegateError('manifest-image-missing', text, { release: releaseName(release), missing: [path] }),
      );
    }
    return manifest.updates.length;
  });
}
