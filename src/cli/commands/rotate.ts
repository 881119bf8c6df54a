/** `tidegate rotate ROLE`: another key takes the place of one, and no host notices. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { StartOptions } from '../../signer/jobs/replacements.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import {
  addJobOptions,
  drillOptionsOf,
  giveUp,
  type JobCommandOptions,
  keyHelp,
  reportDrill,
  reportJob,
  reportPlan,
  requireOneMode,
  runOf,
  startOptionsOf,
} from '../job-options.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { duration } from '../time-option.ts';
import { openChosenWorkspace } from '../workspace-option.ts';

interface RotateOptions extends JobCommandOptions {
  readonly old?: string;
  readonly wait?: number;
  readonly status?: true;
}

const help = `
Keys of timestamp and snapshot change in three stages: a root lists old and new; after --wait (error caches, the age of a
cached timestamp, a host's longest cycle and clocks together) the new one signs; when the last old signature has expired
a root goes out without the old one. Keys of people (root, targets, delegated roles) change with one root or one targets.
${keyHelp}
Examples:
  tidegate rotate timestamp --new-key
  tidegate rotate snapshot --key snapshot-2=awskms:alias/snapshot-2 --wait 2h
  tidegate rotate root --old carol --key dave=dave.pub
  tidegate rotate timestamp --drill
  tidegate rotate --status
`;

export const define: Define = (command, surroundings) => {
  addJobOptions(command)
    .argument('[role]', 'timestamp, snapshot, targets, root or a delegated role')
    .argument('[request...]', 'signed requests that came back, beside those in requests/')
    .option('--old <name>', 'the key that goes (default: the only one)')
    .option('--wait <duration>', 'how long caches may show hosts the root before (default: 1h)', duration)
    .option('--status', 'show every job of the workspace; do nothing')
    .addHelpText('after', help)
    .action((role: string | undefined, files: readonly string[], options: RotateOptions) =>
      rotate(role, files, options, surroundings),
    );
};

async function rotate(
  role: string | undefined,
  files: readonly string[],
  options: RotateOptions,
  surroundings: Surroundings,
): Promise<void> {
  requireOneMode(options);
  const workspace = await openChosenWorkspace(options, surroundings);
  if (options.status === true) return await showJobs(workspace, surroundings);
  if (role === undefined)
    throw new TidegateError(
      'usage',
      'which role? Expected timestamp, snapshot, targets, root or a delegated role; or --status',
    );
  const [{ jobNameForm, readJob }, { startRotation }, { advanceJob }] = await Promise.all([
    import('../../signer/jobs/job.ts'),
    import('../../signer/jobs/start-job.ts'),
    import('../../signer/jobs/advance.ts'),
  ]);
  // A whole name of a job is taken as well, so that each can be given up.
  if (options.abandon === true)
    return await giveUp(workspace, jobNameForm.test(role) ? role : `rotate-${role}`, surroundings);
  const known = await readJob(workspace, `rotate-${role}`);
  const start = { ...(await startOptionsOf(options, surroundings)), old: options.old, wait: options.wait };
  if (options.drill === true) return await drill(workspace, role, start, options, surroundings);
  if (options.dryRun === true && known !== undefined) return await showJobs(workspace, surroundings);
  const job = known ?? (await startRotation(workspace, role, start));
  if (options.dryRun === true) return await reportPlan(job, surroundings);
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const standing = await advanceJob(workspace, job, runOf(options, paths, surroundings));
  await reportJob(standing, workspace, options, surroundings);
}

async function drill(
  source: Workspace,
  role: string,
  start: StartOptions & { readonly old: string | undefined; readonly wait: number | undefined },
  { ceremonyTime }: RotateOptions,
  surroundings: Surroundings,
): Promise<void> {
  const [{ rehearse }, { startRotation }, { readLive }, { repositoriesOf }] = await Promise.all([
    import('../../signer/jobs/drill/drill.ts'),
    import('../../signer/jobs/start-job.ts'),
    import('../../signer/publication/live-repository.ts'),
    import('../../signer/workspace/workspace.ts'),
  ]);
  const lives = [];
  for (const place of repositoriesOf(source.settings))
    lives.push(await readLive(source, place, surroundings.signal));
  const { old, wait, now } = start;
  const report = await rehearse({
    source,
    lives,
    stolen: [],
    now,
    ...(ceremonyTime !== undefined && { ceremony: ceremonyTime }),
    begin: (workspace, time) => startRotation(workspace, role, { ...drillOptionsOf(start, time), old, wait }),
  });
  reportDrill(report, surroundings);
}

async function showJobs(workspace: Workspace, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const [{ readJobs }, { dueStage }, { checklistOf, commandOf }] = await Promise.all([
    import('../../signer/jobs/job.ts'),
    import('../../signer/jobs/stages.ts'),
    import('../../signer/jobs/checklist.ts'),
  ]);
  const jobs = await readJobs(workspace);
  const now = surroundings.now();
  for (const job of jobs) {
    const due = dueStage(job, now);
    terminal.print(checklistOf({ job, ...due, waiting: [] }, workspace.directory).trimEnd());
  }
  if (jobs.length === 0) terminal.print('no job is under way');
  terminal.printJson(
    jobs.map((job) => {
      const { stage, from } = dueStage(job, now);
      return {
        job: job.name,
        stage,
        changes: job.changes,
        notBefore: from === undefined ? null : new Date(from).toISOString(),
        next: commandOf(job),
      };
    }),
  );
}
