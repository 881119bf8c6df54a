/** Simulated hosts for the commands of jobs. */
import type { Job } from '../signer/jobs/job.ts';
import type { ProofRow } from '../signer/jobs/proof.ts';
import type { LiveRepository } from '../signer/publication/live-repository.ts';
import type { Workspace } from '../signer/workspace/workspace.ts';

/** What hosts of every root make of what is published now, in every repository of a workspace. */
export async function proofOf(start: Workspace, job: Job, now: number): Promise<readonly ProofRow[]> {
  const [{ forgottenRoles, proofRows, seenBefore }, { reopened }, { repositoriesOf }, { readLive }] =
    await Promise.all([
      import('../signer/jobs/proof.ts'),
      import('../signer/jobs/carry-out.ts'),
      import('../signer/workspace/workspace.ts'),
      import('../signer/publication/live-repository.ts'),
    ]);
  const workspace = await reopened(start);
  const rows: ProofRow[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const { floors } = await readLive(workspace, place);
    const seen = seenBefore(job, place) ?? {
      timestamp: floors.timestamp,
      snapshot: floors.snapshot,
      meta: floors.meta,
    };
    rows.push(
      ...(await proofRows(workspace, place, {
        now,
        poisoned: forgottenRoles(job),
        seen,
        gone: job.remove ?? [],
      })),
    );
  }
  return rows;
}

export async function livesOf(
  workspace: Workspace,
  signal?: AbortSignal,
): Promise<readonly LiveRepository[]> {
  const [{ repositoriesOf }, { readLive }] = await Promise.all([
    import('../signer/workspace/workspace.ts'),
    import('../signer/publication/live-repository.ts'),
  ]);
  const lives = [];
  for (const place of repositoriesOf(workspace.settings))
    lives.push(await readLive(workspace, place, signal));
  return lives;
}
