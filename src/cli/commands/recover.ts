/** `tidegate recover`: from whatever an attacker published back to the last honest state, under keys that he has not. */
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { HonestState } from '../../signer/jobs/job.ts';
import type { StartOptions } from '../../signer/jobs/replacements.ts';
import type { LiveRepository } from '../../signer/publication/live-repository.ts';
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
import { proofOf } from '../job-proof.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { openChosenWorkspace } from '../workspace-option.ts';

interface RecoverOptions extends JobCommandOptions {
  readonly stolen?: readonly string[];
  readonly keepFrom?: string;
  readonly remove?: readonly string[];
}

const help = `
What is published is compared with the last state that this workspace published, or with a copy that you trust
(--keep-from FILE: a snapshot.json or targets.json). Every role that somebody else had a hand in gets new keys, and so
does every role above it: only then do hosts forget the version numbers that they were shown. The honest state is
published again, with the next honest versions, without the targets that you name; releases with such images go too. At
the end simulated hosts of every root, fresh, asleep and poisoned, show that each of them recovers.
${keyHelp}
With --key the role stands before the name: --key snapshot:snapshot-2=FILE.pub.

Examples:
  tidegate recover --new-key
  tidegate recover --new-key --keep-from backup/41.snapshot.json --stolen targets
  tidegate recover --new-key --remove disk-2.0.0.img
  tidegate recover --drill
`;

export const define: Define = (command, surroundings) => {
  addJobOptions(command)
    .argument('[request...]', 'signed requests that came back, beside those in requests/')
    .option(
      '--stolen <role>',
      'a role whose keys are known to be stolen, beside what can be seen; may be repeated',
      collected,
    )
    .option('--keep-from <file>', 'go back to this copy of snapshot.json or targets.json')
    .option('--remove <target>', 'a target path that shall be gone; may be repeated', collected)
    .addHelpText('after', help)
    .action((files: readonly string[], options: RecoverOptions) => recover(files, options, surroundings));
};

async function recover(
  files: readonly string[],
  options: RecoverOptions,
  surroundings: Surroundings,
): Promise<void> {
  requireOneMode(options);
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ readJob }, { startRecovery }, { advanceJob }] = await Promise.all([
    import('../../signer/jobs/job.ts'),
    import('../../signer/jobs/start-job.ts'),
    import('../../signer/jobs/advance.ts'),
  ]);
  const known = await readJob(workspace, 'recover');
  if (options.abandon === true) return await giveUp(workspace, 'recover', surroundings);
  const start = await startOptionsOf(options, surroundings);
  const honest = known?.honest ?? (await honestStates(workspace, options, surroundings));
  if (options.drill === true) return await drill(workspace, honest, { start, options }, surroundings);
  const { stolen = [], remove = [] } = options;
  const job = known ?? (await startRecovery(workspace, { ...start, honest, remove, stolen }));
  const facts = await factsOf(workspace, honest, remove);
  if (options.dryRun === true) return await reportPlan(job, surroundings, facts);
  if (known === undefined) for (const fact of facts) surroundings.terminal.print(fact);
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const standing = await advanceJob(workspace, job, runOf(options, paths, surroundings));
  const rows = standing.stage === 'done' ? await proofOf(workspace, standing.job, surroundings.now()) : [];
  await reportJob(standing, workspace, options, surroundings, rows);
  if (rows.some(({ good }) => !good)) surroundings.setExitStatus(1);
}

async function honestStates(
  workspace: Workspace,
  { keepFrom }: RecoverOptions,
  { directory }: Surroundings,
): Promise<readonly HonestState[]> {
  const [{ stateOfCopy, stateOfJournal }, { repositoriesOf }, { readPlainFile }] = await Promise.all([
    import('../../signer/jobs/honest-state.ts'),
    import('../../signer/workspace/workspace.ts'),
    import('../../storage/plain-file.ts'),
  ]);
  const places = repositoriesOf(workspace.settings);
  if (keepFrom === undefined) {
    const states = [];
    for (const place of places) states.push(await stateOfJournal(workspace, place));
    return states;
  }
  const path = resolve(directory, keepFrom);
  const file = await readPlainFile(workspace.fileSystem, path, 33_554_432);
  if (file === undefined) throw new TidegateError('not-found', `${path} does not exist`, { path });
  const [place] = places;
  if (place === undefined || places.length > 1)
    throw new TidegateError(
      'usage',
      `--keep-from: this workspace has ${places.length} repositories, and one file says nothing of the others; put their state/ back from a backup, and run it without --keep-from`,
    );
  return [await stateOfCopy(workspace, place, { bytes: file.bytes, path })];
}

/** What was published since, and what will be there again. */
async function factsOf(
  workspace: Workspace,
  honest: readonly HonestState[],
  remove: readonly string[],
): Promise<readonly string[]> {
  const lives = await honestLives(workspace, honest);
  const { listedPaths } = await import('../../signer/jobs/recovery.ts');
  return lives.flatMap((live) => {
    const paths = listedPaths(live);
    const { targets, snapshot, timestamp } = live.published ?? {};
    const kept = [...paths].filter((path) => !remove.includes(path)).sort();
    return [
      `${live.place.name}: goes on from targets ${targets?.version}, snapshot ${snapshot?.version}, timestamp ${timestamp?.version}`,
      `  keeps ${kept.length} targets: ${kept.slice(0, 20).join(', ')}${kept.length > 20 ? ', …' : ''}`,
      ...remove.map((path) => `  ${path}: ${paths.has(path) ? 'goes' : 'is not among them'}`),
    ];
  });
}

async function honestLives(
  workspace: Workspace,
  honest: readonly HonestState[],
): Promise<readonly LiveRepository[]> {
  const [{ honestRepository }, { repositoriesOf }] = await Promise.all([
    import('../../signer/jobs/honest-state.ts'),
    import('../../signer/workspace/workspace.ts'),
  ]);
  const lives = [];
  for (const place of repositoriesOf(workspace.settings)) {
    const state = honest.find(({ repository }) => repository === place.name);
    if (state !== undefined) lives.push(await honestRepository(workspace, place, state));
  }
  return lives;
}

/** The attacker of a rehearsal has every key that jobs use and that of targets, unless roles are named. */
async function drill(
  source: Workspace,
  honest: readonly HonestState[],
  { start, options }: { readonly start: StartOptions; readonly options: RecoverOptions },
  surroundings: Surroundings,
): Promise<void> {
  const [{ rehearse }, { startRecovery }, { stateOfJournal }, { repositoriesOf }] = await Promise.all([
    import('../../signer/jobs/drill/drill.ts'),
    import('../../signer/jobs/start-job.ts'),
    import('../../signer/jobs/honest-state.ts'),
    import('../../signer/workspace/workspace.ts'),
  ]);
  const { stolen = ['timestamp', 'snapshot', 'targets'], remove = [], ceremonyTime } = options;
  const report = await rehearse({
    source,
    lives: await honestLives(source, honest),
    stolen,
    hidesSnapshot: true,
    now: start.now,
    ...(ceremonyTime !== undefined && { ceremony: ceremonyTime }),
    begin: async (workspace, time) => {
      const states = [];
      for (const place of repositoriesOf(workspace.settings))
        states.push(await stateOfJournal(workspace, place));
      return await startRecovery(workspace, {
        ...drillOptionsOf(start, time),
        honest: states,
        remove,
        stolen: [],
      });
    },
  });
  reportDrill(report, surroundings);
}
