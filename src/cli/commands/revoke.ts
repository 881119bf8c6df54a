/** `tidegate revoke NAME --compromised`: a stolen key goes from every role at once. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { AffectedRole } from '../../signer/jobs/affected-roles.ts';
import type { StartOptions } from '../../signer/jobs/replacements.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import { printableLine } from '../../terminal.ts';
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
import { livesOf, proofOf } from '../job-proof.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { openChosenWorkspace } from '../workspace-option.ts';

interface RevokeOptions extends JobCommandOptions {
  readonly compromised?: true;
}

const help = `
The key goes from every role that lists it, in one root, without any waiting: hosts that have just read the root before
fail once and try again. Without a new key it simply goes where enough others are left. Says what a thief could have
done, and what else has to be done. Where forged files were published: tidegate recover.
${keyHelp}
Examples:
  tidegate revoke timestamp --compromised --new-key
  tidegate revoke carol --compromised --key dave=dave.pub
  tidegate revoke timestamp --compromised --drill
`;

export const define: Define = (command, surroundings) => {
  addJobOptions(command)
    .argument('<name>', 'the key, by its name in keys/')
    .argument('[request...]', 'signed requests that came back, beside those in requests/')
    .option('--compromised', 'yes, somebody else may have it: nothing is waited for')
    .addHelpText('after', help)
    .action((name: string, files: readonly string[], options: RevokeOptions) =>
      revoke(name, files, options, surroundings),
    );
};

async function revoke(
  name: string,
  files: readonly string[],
  options: RevokeOptions,
  surroundings: Surroundings,
): Promise<void> {
  requireOneMode(options);
  if (options.compromised !== true)
    throw new TidegateError(
      'usage',
      `a key that nobody has stolen is replaced without a gap by: tidegate rotate ROLE --old ${name}. For a stolen one give --compromised`,
    );
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ readJob }, { startRevocation }, { advanceJob }, { rolesOfKey }] = await Promise.all([
    import('../../signer/jobs/job.ts'),
    import('../../signer/jobs/start-job.ts'),
    import('../../signer/jobs/advance.ts'),
    import('../../signer/jobs/affected-roles.ts'),
  ]);
  const known = await readJob(workspace, `revoke-${name}`);
  if (options.abandon === true) return await giveUp(workspace, `revoke-${name}`, surroundings);
  const start = await startOptionsOf(options, surroundings);
  const affected = rolesOfKey(workspace.settings, name);
  if (options.drill === true) return await drill(workspace, name, { start, affected, options }, surroundings);
  const facts = affected.flatMap(factsOf);
  const job = known ?? (await startRevocation(workspace, name, start));
  if (options.dryRun === true) return await reportPlan(job, surroundings, facts);
  for (const fact of facts) surroundings.terminal.print(printableLine(fact));
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const standing = await advanceJob(workspace, job, runOf(options, paths, surroundings));
  const rows = standing.stage === 'done' ? await proofOf(workspace, standing.job, surroundings.now()) : [];
  await reportJob(standing, workspace, options, surroundings, rows);
}

function factsOf({ role, keys, threshold, outcome, recovery }: AffectedRole): readonly string[] {
  return [
    `${role} (${threshold} of ${keys.length}): a thief could have: ${outcome}`,
    `${role}: what else: ${recovery}`,
  ];
}

async function drill(
  source: Workspace,
  name: string,
  {
    start,
    affected,
    options,
  }: {
    readonly start: StartOptions;
    readonly affected: readonly AffectedRole[];
    readonly options: RevokeOptions;
  },
  surroundings: Surroundings,
): Promise<void> {
  const [{ rehearse }, { startRevocation }] = await Promise.all([
    import('../../signer/jobs/drill/drill.ts'),
    import('../../signer/jobs/start-job.ts'),
  ]);
  const stolen = affected
    .filter(({ role, threshold }) => role !== 'root' && threshold === 1)
    .map(({ role }) => role);
  const { ceremonyTime } = options;
  const report = await rehearse({
    source,
    lives: await livesOf(source, surroundings.signal),
    stolen,
    now: start.now,
    ...(ceremonyTime !== undefined && { ceremony: ceremonyTime }),
    begin: (workspace, time) => startRevocation(workspace, name, drillOptionsOf(start, time)),
  });
  reportDrill(report, surroundings);
}
