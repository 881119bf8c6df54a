/**
 * A job goes as far as it can now: until people have to sign, a time has to pass, or it is done. Each stage is carried
 * out from what is there, and only then noted, so that whoever runs it again after an accident loses nothing but time.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import { makeFolders, removeDurably, writeDurably } from '../../storage/durable-file.ts';
import { type LiveRepository, readLive } from '../publication/live-repository.ts';
import type { RepositoryResult } from '../publication/publish-repository.ts';
import { repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { carryOut, isSignedByNew, type JobRun, reopened } from './carry-out.ts';
import { checklistOf } from './checklist.ts';
import { type Job, type JobMarks, readJob, removeJob, writeJob } from './job.ts';
import type { WaitingRequest } from './role-requests.ts';
import { dueStage, type Stage } from './stages.ts';

export interface JobStanding {
  readonly job: Job;
  /** Where the job stands: the next stage, or `done`. */
  readonly stage: Stage;
  /** Requests that people have to sign before it goes on. */
  readonly waiting: readonly WaitingRequest[];
  /** Milliseconds since the epoch, before which nothing is to be done; undefined: now. */
  readonly from: number | undefined;
  /** What this run published. */
  readonly published: readonly RepositoryResult[];
}

/** @throws what a stage throws; the job stays as it was, and is taken up by running it again */
export async function advanceJob(start: Workspace, begun: Job, run: JobRun): Promise<JobStanding> {
  let workspace = await reopened(start);
  let job = begun;
  const published: RepositoryResult[] = [];
  for (;;) {
    const { stage, from } = dueStage(job, run.now);
    const standing = { job, stage, from, waiting: [], published };
    if (stage === 'done' || from !== undefined) return await noted(workspace, standing);
    if (stage === 'withdraw' && (await isSignedByOld(workspace, job))) {
      // Another machine, with an older tidegate.toml, has gone on with the old key.
      job = await marked(workspace, job, { switched: undefined, oldExpires: undefined });
      continue;
    }
    if (stage === 'switch' && job.marks.oldExpires === undefined)
      job = await marked(workspace, job, { oldExpires: await lastExpiry(workspace, job) });
    const outcome = await carryOut(workspace, job, stage, {
      ...run,
      // Who refreshed since has let the old key sign once more: the base that is replaced holds its last signature.
      beforeSwitch: async (live) => {
        const expires = Math.max(job.marks.oldExpires ?? 0, expiryOf(live, job));
        if (expires !== job.marks.oldExpires) job = await noteMarks(workspace, job, { oldExpires: expires });
      },
    });
    workspace = outcome.workspace;
    published.push(...outcome.published);
    if (outcome.waiting.length > 0)
      return await noted(workspace, { ...standing, job, waiting: outcome.waiting });
    job = await marked(workspace, job, { [markOf[stage]]: run.now });
  }
}

const markOf = { introduce: 'introduced', switch: 'switched', withdraw: 'done', replace: 'done' } as const;

type NewMarks = { readonly [mark in keyof JobMarks]?: JobMarks[mark] | undefined };

async function marked(workspace: Workspace, job: Job, marks: NewMarks): Promise<Job> {
  return await whileLocked(workspace, () => noteMarks(workspace, job, marks));
}

/**
 * Two people may be at the same job: what the other has noted stays, the later of two expiries counts, and a job that
 * is finished or given up does not come back. The workspace is locked.
 *
 * @throws base-moved for a job that is gone, unless this run has come to its end as well
 */
async function noteMarks(workspace: Workspace, job: Job, marks: NewMarks): Promise<Job> {
  const there = await readJob(workspace, job.name);
  if (there === undefined && marks.done === undefined) {
    const text = `${job.name} was finished or given up by somebody else meanwhile; see tidegate rotate --status`;
    throw new TidegateError('base-moved', text, { job: job.name });
  }
  const known = { ...job.marks, ...there?.marks };
  const expires = Math.max(known.oldExpires ?? 0, marks.oldExpires ?? 0);
  const isReset = 'oldExpires' in marks && marks.oldExpires === undefined;
  const noted = { ...known, ...marks, oldExpires: isReset || expires === 0 ? undefined : expires };
  const all = Object.entries(noted).filter(([, time]) => time !== undefined);
  const next: Job = { ...job, ...there, marks: { started: job.marks.started, ...Object.fromEntries(all) } };
  if (there !== undefined) await writeJob(workspace, next);
  return next;
}

async function isSignedByOld(workspace: Workspace, job: Job): Promise<boolean> {
  for (const place of repositoriesOf(workspace.settings)) {
    const live = await readLive(workspace, place);
    if (
      live.published !== undefined &&
      live.missingRoots.length === 0 &&
      !isSignedByNew(workspace, live, job)
    )
      return true;
  }
  return false;
}

/** When the last signature expires that an old key has made. */
async function lastExpiry(workspace: Workspace, { changes }: Pick<Job, 'changes'>): Promise<number> {
  let latest = 0;
  for (const place of repositoriesOf(workspace.settings))
    latest = Math.max(latest, expiryOf(await readLive(workspace, place), { changes }));
  return latest;
}

function expiryOf({ published }: LiveRepository, { changes }: Pick<Job, 'changes'>): number {
  let latest = 0;
  for (const role of topLevelRoles) {
    if (role === 'root' || published === undefined || !changes.some((change) => change.role === role))
      continue;
    latest = Math.max(latest, published[role].expires);
  }
  return latest;
}

/** The checklist says where the job stands; a job that is done leaves the checklist as its record, and nothing else. */
async function noted(workspace: Workspace, standing: JobStanding): Promise<JobStanding> {
  const { fileSystem, directory } = workspace;
  const path = checklistPath(workspace, standing.job);
  await makeFolders(fileSystem, path, { within: directory, mode: 0o755 });
  const text = checklistOf(standing, workspace.directory);
  await writeDurably(fileSystem, path, new TextEncoder().encode(text), { within: directory, mode: 0o644 });
  if (standing.stage === 'done') await removeJob(workspace, standing.job.name);
  return standing;
}

export function checklistPath(
  { directory }: Pick<Workspace, 'directory'>,
  { name }: Pick<Job, 'name'>,
): string {
  return join(directory, 'requests', `${name}.md`);
}

/** Forgets a job. What it has done so far stays: tidegate.toml, keys, requests and roots are as they are. */
export async function abandonJob(workspace: Workspace, job: Pick<Job, 'name'>): Promise<void> {
  await removeJob(workspace, job.name);
  await removeDurably(workspace.fileSystem, checklistPath(workspace, job), { within: workspace.directory });
}
