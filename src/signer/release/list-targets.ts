/** Every target of a workspace's repositories: what is published, and what the next publication brings or takes away. */
import type { JsonValue } from '../../metadata/json.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { listedIn, readLive } from '../publication/live-repository.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { readTargetDrafts } from './target-draft.ts';

export interface ListedTarget {
  readonly repository: string;
  readonly role: string;
  readonly target: string;
  /** Bytes. */
  readonly length: number;
  readonly sha256: string | undefined;
  readonly custom: JsonValue | undefined;
  /** `waits` and `goes`: with the next publication. */
  readonly state: 'published' | 'waits' | 'goes';
}

/** Images of releases that wait are not among them: `release list` shows those. Throws as reading the store does. */
export async function listTargets(
  workspace: Workspace,
  signal?: AbortSignal,
): Promise<readonly ListedTarget[]> {
  const drafts = await readTargetDrafts(workspace);
  const listed: ListedTarget[] = [];
  for (const { name: repository, ...place } of repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, { name: repository, ...place }, signal);
    const own = drafts.filter((draft) => draft.repository === repository);
    for (const role of ['targets', ...(live.published?.delegated.keys() ?? [])]) {
      const document = listedIn(live, role);
      for (const path of document?.targets.keys() ?? []) {
        const found = document && targetOf(document, parseTargetPath(path));
        const draft = own.find(({ target }) => target === path);
        listed.push({
          repository,
          role,
          target: path,
          length: found?.length ?? 0,
          sha256: found?.hashes.sha256,
          custom: found?.custom,
          state: draft !== undefined && draft.image === undefined ? 'goes' : 'published',
        });
      }
    }
    for (const { role, target, image, custom } of own) {
      if (image === undefined) continue;
      listed.push({
        repository,
        role,
        target,
        length: image.length,
        sha256: image.sha256,
        custom,
        state: 'waits',
      });
    }
  }
  return listed;
}
