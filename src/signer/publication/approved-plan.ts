/**
 * From a plan that was approved to the plan that is published: it is made again from what is there now, and must come to
 * the same.
 *
 * 1. Repositories in which it is committed already are passed over, so that what was interrupted can go on.
 * 2. Where somebody has published since, it is refused; with `rebase` the same change is made upon what is there now.
 * 3. Anything else that differs, a draft more or less above all, is refused: it was not approved.
 */
import { TidegateError } from '../../errors.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { baseMoved } from './commit.ts';
import { readLive } from './live-repository.ts';
import type { RepositoryPlan } from './plan.ts';
import { type PlanFile, saysTheSame, standingOf } from './plan-file.ts';
import { type Plan, type PlanOptions, planPublication } from './plan-publication.ts';
import { noteName, readNote, textIn } from './store-note.ts';

export interface ApprovedOptions extends Omit<PlanOptions, 'wavesFrom'> {
  /** Publish the same change upon what somebody else has published since. */
  readonly rebase?: boolean;
}

/**
 * @returns a plan with the id of the approved one, or an id of its own where it was rebased
 * @throws base-moved, workspace-invalid when something else would be published, and what planning throws
 */
export async function planAsApproved(
  workspace: Workspace,
  file: PlanFile,
  { rebase = false, ...options }: ApprovedOptions,
): Promise<Plan> {
  const plan = await planPublication(workspace, { ...options, wavesFrom: file.plannedAt });
  const parts = new Map(plan.repositories.map((part) => [part.live.place.name, part]));
  let rebased = false;
  for (const [repository, approved] of file.parts) {
    const part = parts.get(repository);
    const standing = standingOf(approved, part?.json);
    if (standing === 'same') continue;
    if (part === undefined && (await isCommitted(workspace, repository, file.id))) continue;
    if (standing === 'moved' && !rebase) throw baseMoved(repository, workspace.store.location);
    if (standing === 'changed' || part === undefined || !saysTheSame(approved, part.json))
      throw notApproved(repository, file);
    rebased = true;
  }
  const other = plan.repositories.find(({ live }) => !file.parts.has(live.place.name));
  if (other !== undefined) throw notApproved(other.live.place.name, file);
  return rebased ? plan : { ...plan, id: file.id };
}

/** Whether what is published there was committed for this plan, by the store's journal. */
async function isCommitted(workspace: Workspace, repository: string, id: string): Promise<boolean> {
  const place = repositoriesOf(workspace.settings).find(({ name }) => name === repository);
  if (place === undefined) return false;
  const { published } = await readLive(workspace, place);
  if (published === undefined) return false;
  const name = noteName(repository, 'journal', published.timestamp.version);
  const note = (await readNote(workspace.store, name))?.json;
  return note !== undefined && textIn(note, 'plan') === id;
}

function notApproved(repository: RepositoryPlan['live']['place']['name'], { id }: PlanFile): TidegateError {
  const text = `${repository}: plan ${id} is not what would be published now: drafts, policies or roots changed since. Plan again; nothing was written`;
  return new TidegateError('workspace-invalid', text, { repository, plan: id });
}
