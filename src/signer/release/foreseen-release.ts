/** A release as hosts see it, or will see it once it is published: for looking ahead. */

import { parseTargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { type Release, type ReleaseId, releaseKey } from '../../waves/release.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import { planPublication, servedBy } from '../publication/plan-publication.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';

export interface ForeseenRelease {
  readonly release: Release;
  readonly published: boolean;
  /** Bytes of its images together. */
  readonly imageLength: number;
}

/** @returns undefined when it is neither published nor a draft */
export async function foreseenRelease(
  workspace: Workspace,
  id: ReleaseId,
  now: number,
): Promise<ForeseenRelease | undefined> {
  const key = releaseKey(id);
  const place = repositoriesOf(workspace.settings).find((candidate) => servedBy(candidate, id));
  if (place === undefined) return undefined;
  const live = await readLive(workspace, place);
  const published = live.manifest.updates.find((update) => releaseKey(update) === key);
  if (published !== undefined) {
    return { release: published, published: true, imageLength: publishedLength(live, published) };
  }
  const { repositories } = await planPublication(workspace, { now });
  for (const plan of repositories) {
    const release = plan.releases.find((candidate) => releaseKey(candidate) === key);
    if (release === undefined) continue;
    const names = new Set<string>(Object.values(release.images));
    const lengths = plan.added.filter(({ target }) => names.has(target)).map(({ length }) => length);
    return { release, published: false, imageLength: lengths.reduce((sum, length) => sum + length, 0) };
  }
  return undefined;
}

function publishedLength({ published }: LiveRepository, { images }: Release): number {
  const lengths = Object.values(images).map((path) =>
    published === undefined ? 0 : (targetOf(published.targets, parseTargetPath(path))?.length ?? 0),
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}
