/** What `rotate`, `revoke` and `recover` have in common: where new keys come from, and how a job is shown. */
import { relative } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../errors.ts';
import { formatTime } from '../metadata/time.ts';
import type { JobStanding } from '../signer/jobs/advance.ts';
import type { JobRun } from '../signer/jobs/carry-out.ts';
import type { ChecklistItem } from '../signer/jobs/checklist.ts';
import type { DrillReport } from '../signer/jobs/drill/drill.ts';
import type { Job } from '../signer/jobs/job.ts';
import type { ProofRow } from '../signer/jobs/proof.ts';
import type { StartOptions } from '../signer/jobs/replacements.ts';
import type { KeyType } from '../signer/keys/signing-key.ts';
import type { Workspace } from '../signer/workspace/workspace.ts';
import { formatDuration, formatTable, printableLine } from '../terminal.ts';
import { addPassphraseOptions, newPassphraseSource } from './passphrase.ts';
import { collected } from './repeated-option.ts';
import { addSignAtOnce, type SignAtOnceOptions, signAtOnce } from './sign-at-once.ts';
import type { Surroundings } from './surroundings.ts';
import { duration } from './time-option.ts';
import { addWorkspaceOption, unlockWith, type WorkspaceOptions } from './workspace-option.ts';

export interface JobCommandOptions extends WorkspaceOptions, SignAtOnceOptions {
  readonly key?: readonly string[];
  readonly newKey?: true;
  readonly type: KeyType;
  readonly insecureDevelopmentKeys?: true;
  readonly dryRun?: true;
  readonly drill?: true;
  readonly ceremonyTime?: number;
  readonly abandon?: true;
}

export const keyHelp = `
The new key: --new-key makes one in keys/; --key NAME takes keys/NAME.pub, --key NAME=FILE.pub a public half from
elsewhere, --key NAME=ADDRESS a private half in a key service or token, such as awskms:alias/timestamp-2.

Run it again after every signature, and whenever it says so: each run does what is due, and says who is next. What it
has done and what is due stands in requests/, in a checklist. --drill rehearses the whole job on a copy, with other keys,
simulated hosts and a clock that jumps; it writes nothing. Its exit status is 1 when a host did not do as it should.
`;

export function addJobOptions(command: Command): Command {
  addWorkspaceOption(command)
    .option('--key <name>', 'the new key: NAME, NAME=FILE.pub or NAME=ADDRESS; may be repeated', collected)
    .option('--new-key', 'make the new key in keys/')
    .addOption(
      new Option('--type <type>', 'kind of a new key')
        .choices(['ed25519', 'ecdsa-p256', 'rsa-pss'])
        .default('ed25519'),
    )
    .option('--insecure-development-keys', 'leave a new private half unencrypted: for trying things out')
    .option('--dry-run', 'say what would be done; write nothing')
    .option('--drill', 'rehearse the whole job on a copy; write nothing')
    .option(
      '--ceremony-time <duration>',
      'with --drill: how long people take to sign (default: 1h)',
      duration,
    )
    .option('--abandon', 'forget the job; what it did so far stays');
  return addPassphraseOptions(addSignAtOnce(command));
}

export async function startOptionsOf(
  options: JobCommandOptions,
  surroundings: Surroundings,
): Promise<StartOptions> {
  const { parseNewKey } = await import('../signer/jobs/new-keys.ts');
  const { directory, now, signal } = surroundings;
  const insecure = options.insecureDevelopmentKeys === true;
  const making = {
    type: options.type,
    passphrase: insecure ? undefined : newPassphraseSource(options, surroundings),
  };
  return {
    now: now(),
    keys: (options.key ?? []).map(parseNewKey),
    making: options.newKey === true ? making : undefined,
    directory,
    unlock: unlockWith(options, surroundings),
    dryRun: options.dryRun === true,
    signal,
  };
}

/** In a rehearsal every new key is made on the spot. */
export function drillOptionsOf({ keys, ...options }: StartOptions, now: number): StartOptions {
  void keys;
  return { ...options, now, keys: [], making: { passphrase: undefined }, dryRun: false };
}

export function runOf(
  options: JobCommandOptions,
  files: readonly string[],
  surroundings: Surroundings,
): JobRun {
  const { now, signal } = surroundings;
  return { now: now(), clock: now, signal, files, unlock: unlockWith(options, surroundings) };
}

/** Forgets a job, and says so. A damaged one can be given up as well. @throws usage for what is no name of a job */
export async function giveUp(workspace: Workspace, name: string, { terminal }: Surroundings): Promise<void> {
  const [{ abandonJob }, { jobNameForm, readJob }] = await Promise.all([
    import('../signer/jobs/advance.ts'),
    import('../signer/jobs/job.ts'),
  ]);
  if (!jobNameForm.test(name))
    throw new TidegateError(
      'usage',
      `${JSON.stringify(name)} is no name of a job; tidegate rotate --status lists them`,
    );
  const known = await readJob(workspace, name).catch(() => ({ name }));
  await abandonJob(workspace, { name });
  const text =
    known === undefined
      ? `there is no job ${name}`
      : `${name} is forgotten; tidegate.toml, keys and requests stay as they are${goOnText(known)}`;
  terminal.print(text);
  terminal.printJson({ abandoned: known?.name ?? null });
}

/** A rotation that was given up half way has listed both keys; with its own key it can be taken up again. */
function goOnText(job: { readonly name: string } | Job): string {
  const [change, ...more] = 'changes' in job ? job.changes : [];
  if (!('wait' in job) || job.wait === 0 || change === undefined || more.length > 0) return '';
  const old = change.before.find((key) => !change.after.includes(key));
  const next = change.after.find((key) => !change.before.includes(key));
  if (old === undefined || next === undefined) return '';
  return `. Once a root lists both keys, it can be taken up again: tidegate rotate ${change.role} --old ${old} --key ${next}`;
}

/** Says where a job stands, and what is next. */
export async function reportJob(
  standing: JobStanding,
  workspace: Workspace,
  options: SignAtOnceOptions,
  surroundings: Surroundings,
  rows: readonly ProofRow[] = [],
): Promise<void> {
  const { terminal } = surroundings;
  const { checklistItems, commandOf } = await import('../signer/jobs/checklist.ts');
  const { job, stage, from, waiting, published } = standing;
  for (const { repository, root, versions } of published)
    terminal.print(
      `published ${repository}: root ${root}, targets ${versions.targets}, snapshot ${versions.snapshot}, timestamp ${versions.timestamp}`,
    );
  for (const item of checklistItems(standing, workspace.directory)) showItem(item, { terminal });
  showRows(rows, { terminal });
  await signAtOnce(
    standing.waiting.map(({ path }) => path),
    options,
    surroundings,
  );
  const wait =
    waiting.length > 0
      ? ', once that is signed'
      : from === undefined
        ? ''
        : `, at ${formatTime(from)} or later`;
  terminal.print(
    stage === 'done' ? `${job.name} is done. next: tidegate status` : `next: ${commandOf(job)}${wait}`,
  );
  terminal.printJson({
    job: job.name,
    stage,
    changes: job.changes,
    notBefore: from === undefined ? null : formatTime(from),
    waiting: waiting.map(({ path, ...request }) => ({
      ...request,
      path: relative(workspace.directory, path),
    })),
    published,
    next: stage === 'done' ? null : commandOf(job),
    clients: rows,
  });
}

function showItem(
  { text, state, time, details }: ChecklistItem,
  { terminal }: Pick<Surroundings, 'terminal'>,
): void {
  const words = state === 'done' ? '' : 'not before ';
  const when = time === undefined ? '' : ` (${words}${formatTime(time)})`;
  terminal.print(printableLine(`${state === 'done' ? '[x]' : '[ ]'} ${text}${when}`));
  for (const detail of details) terminal.print(printableLine(`      ${detail}`));
}

export async function reportPlan(
  job: Job,
  { terminal }: Surroundings,
  facts: readonly string[] = [],
): Promise<void> {
  terminal.print(`would begin ${job.name}; nothing was written`);
  for (const { role, before, after } of job.changes)
    terminal.print(`  ${role}: ${before.join(', ')} → ${after.join(', ')}`);
  for (const fact of facts) terminal.print(printableLine(`  ${fact}`));
  terminal.printJson({ dryRun: true, job: job.name, changes: job.changes, wait: job.wait, facts });
}

/** The rehearsal, as a protocol and a table; the exit status says whether it went well. */
export function reportDrill(report: DrillReport, surroundings: Surroundings): void {
  const { terminal } = surroundings;
  terminal.print(`rehearsal of ${report.job.name}: nothing real was signed, written or published`);
  for (const { time, text } of report.events) terminal.print(printableLine(`  ${formatTime(time)}  ${text}`));
  showRows(report.rows, surroundings);
  terminal.print(
    `it took ${formatDuration(report.took)}; ${report.good ? 'every host did as it should' : 'SOME HOSTS DID NOT DO AS THEY SHOULD'}`,
  );
  terminal.printJson({
    drill: true,
    job: report.job.name,
    changes: report.job.changes,
    events: report.events.map(({ time, text }) => ({ time: formatTime(time), text })),
    clients: report.rows,
    seconds: Math.round(report.took / 1000),
    good: report.good,
  });
  if (!report.good) surroundings.setExitStatus(1);
}

function showRows(rows: readonly ProofRow[], { terminal }: Pick<Surroundings, 'terminal'>): void {
  if (rows.length === 0) return;
  terminal.print('hosts:');
  terminal.print(
    formatTable(rows.map(({ client, outcome, good }) => [good ? '  ok' : '  BAD', client, outcome])),
  );
}

/** @throws usage for options that say two things */
export function requireOneMode({ drill, dryRun, abandon }: JobCommandOptions): void {
  const chosen = [drill, dryRun, abandon].filter((mode) => mode === true).length;
  if (chosen > 1) throw new TidegateError('usage', 'expected one of --drill, --dry-run and --abandon');
}
