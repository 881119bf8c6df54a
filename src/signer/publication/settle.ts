/**
 * The end of a publication, which can be reached twice: what is published is read back as a host reads it, the floors
 * rise, drafts and requests that are published go, the store's journal has it, and
 * that of the workspace says that it is done.
 */
import { join } from 'node:path';
import { metadataFileName } from '../../metadata/file-names.ts';
import { createDurably } from '../../storage/durable-file.ts';
import { noFloors } from '../../trust/floors.ts';
import { clearRequests } from '../ceremony/clear-requests.ts';
import { readDrafts, removeDraft } from '../release/draft.ts';
import { isSteeringOf, readSteering, removeSteering } from '../release/steering-draft.ts';
import { isTargetPublished, readTargetDrafts, removeTargetDraft } from '../release/target-draft.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import { eachSeveralAtOnce } from '../workspace/several-at-once.ts';
import { readJournal, writeFloors, writeJournal, writeSeenSnapshot } from '../workspace/state-file.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import { settleNotes } from './commit-journal.ts';
import { besideKnownRoots, type LiveRepository, readLive } from './live-repository.ts';
import { isPublished } from './release-plan.ts';
import { readerOf, readRepository } from './repository-reader.ts';
import { isSteeringPublished } from './steering-plan.ts';
import { strangeRoot } from './strange-root.ts';

/**
 * @returns what is published now
 * @throws what `trust/` throws when a host could not use what is published: an alarm, since it is
 */
export async function settle(
  workspace: Workspace,
  place: RepositoryPlace,
  now: number,
): Promise<LiveRepository> {
  const live = await readLive(workspace, place);
  const { published } = live;
  if (published === undefined) return live;
  const anchor = hostAnchor(live.roots);
  const request = { folders: place.folders, anchor, policy: trustPolicyAt(now), floors: noFloors };
  await readRepository(besideKnownRoots(live, readerOf(workspace.store)), request);
  await writeSeenSnapshot(workspace, place.name, published.bytes.snapshot);
  await writeFloors(workspace, place.name, live.floors);
  await keepRoots(workspace, live);
  await dropDrafts(workspace, live);
  await clearRequests(workspace, live);
  await settleNotes(workspace.store, live, now);
  const journal = await readJournal(workspace, place.name);
  if (journal !== undefined && journal.timestamp === published.sha256) {
    await dropSteered(workspace, live);
    await writeJournal(workspace, place.name, { ...journal, done: true, files: new Map() });
  }
  return live;
}

/** True when a publication reached its timestamp and not its end. */
export async function isUnsettled(workspace: Workspace, live: LiveRepository): Promise<boolean> {
  const journal = await readJournal(workspace, live.place.name);
  return journal !== undefined && !journal.done && journal.timestamp === live.published?.sha256;
}

/** Drafts that are published. */
async function dropDrafts(workspace: Workspace, live: LiveRepository): Promise<void> {
  const { place } = live;
  for (const draft of await readDrafts(workspace)) {
    const own = place.fleets.some(({ variant, arch }) => variant === draft.variant && arch === draft.arch);
    if (own && isPublished(draft, live)) await removeDraft(workspace, draft);
  }
  const targets = (await readTargetDrafts(workspace)).filter(
    (draft) => draft.repository === place.name && isTargetPublished(draft, live),
  );
  await eachSeveralAtOnce(targets, (draft) => removeTargetDraft(workspace, draft));
}

/** Changes to releases that are done. */
async function dropSteered(workspace: Workspace, { place, manifest }: LiveRepository): Promise<void> {
  for (const change of await readSteering(workspace)) {
    if (isSteeringOf(place, change) && isSteeringPublished(change, manifest))
      await removeSteering(workspace, change);
  }
}

/** Roots that another workspace published become part of this one's chain, if they are of people who are known here. */
async function keepRoots(workspace: Workspace, live: LiveRepository): Promise<void> {
  const { fileSystem, directory, settings, roots } = workspace;
  if (strangeRoot(workspace, live) !== undefined) return;
  for (const [index, bytes] of live.roots.entries()) {
    if (index < roots.length) continue;
    await createDurably(
      fileSystem,
      join(directory, 'roots', metadataFileName('root', settings.firstRoot + index)),
      bytes,
      {
        mode: 0o644,
      },
    );
  }
}
