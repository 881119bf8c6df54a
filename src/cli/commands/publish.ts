/** `tidegate publish`: shows the plan, signs it and publishes it. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { isTidegateError, TidegateError } from '../../errors.ts';
import type { TakenRequests } from '../../signer/ceremony/take-requests.ts';
import type { VerifyHow } from '../../signer/publication/listed-files.ts';
import type { Plan } from '../../signer/publication/plan-publication.ts';
import type { PublishResult } from '../../signer/publication/publish.ts';
import type { Terminal } from '../../terminal.ts';
import {
  hasPeople,
  type Lacking,
  lacking,
  lackText,
  proposeCommand,
  signaturesMissing,
} from '../lacking-signatures.ts';
import { addPassphraseOptions, type PassphraseOptions } from '../passphrase.ts';
import { addPlanOptions, type PlanRequestOptions, requestedPlan } from '../plan-request.ts';
import { planData, planText } from '../plan-text.ts';
import { regionData, regionLines } from '../region-lines.ts';
import { resumePublication } from '../resume-publication.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { withUploadLines } from '../upload-lines.ts';
import {
  addWorkspaceOption,
  openChosenWorkspace,
  unlockWith,
  type WorkspaceOptions,
} from '../workspace-option.ts';

export interface PublishCommandOptions extends WorkspaceOptions, PassphraseOptions, PlanRequestOptions {
  readonly dryRun?: true;
  readonly resume?: string | true;
  readonly verify: VerifyHow;
}

const help = `
Run it again after a failure: it takes up what was begun. On another machine, --resume finishes what is signed already.

Exit status: 77 when the plan breaks [policy] of tidegate.toml; 87 when somebody published since the plan was made.

Examples:
  tidegate publish
  tidegate publish alice/root-2.request.json bob/root-2.request.json
  tidegate plan --output plan.json     somebody reads and approves its id, and then:
  tidegate publish --plan plan.json
  tidegate publish --resume
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((requests: readonly string[], options: PublishCommandOptions) =>
    publishCommand(requests, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  addWorkspaceOption(command)
    .argument('[request...]', 'signed requests that came back, beside those in requests/')
    .option('--dry-run', 'show the plan; sign and write nothing')
    .option('--resume [plan]', 'finish what was begun here or elsewhere, from the store; needs no key')
    .addOption(
      new Option('--verify <how>', 'listed files before the commit: by length and checksum, or every byte')
        .choices(['checksum', 'readback'])
        .default('checksum'),
    )
    .addHelpText('after', help);
  return addPassphraseOptions(addPlanOptions(command));
}

/** Publishes all that waits. */
export async function publishCommand(
  files: readonly string[],
  options: PublishCommandOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  if (options.resume !== undefined) return await resume(files, options.resume, options, surroundings);
  const [{ takeRequests }, { publish }] = await Promise.all([
    import('../../signer/ceremony/take-requests.ts'),
    import('../../signer/publication/publish.ts'),
  ]);
  const now = surroundings.now();
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const dryRun = options.dryRun === true;
  const opened = await openChosenWorkspace(options, surroundings);
  const taken = await takeRequests(opened, paths, { now, dryRun, signal });
  const { workspace, signed } = taken;
  reportTaken(taken, dryRun, terminal);
  const plan = await requestedPlan(workspace, options, signed, surroundings);
  const unchanged = plan.repositories.length === 0;
  showPlan(plan, { now, dryRun }, terminal);
  if (dryRun) return;
  // An empty plan is published too: that finishes what died between the timestamp and the end.
  const short = lacking(plan.signatures);
  if (short !== undefined) {
    reportWaiting(short, plan, taken.installed, terminal);
    return;
  }
  const unlock = unlockWith(options, surroundings);
  const result = await withUploadLines(terminal, (progress) =>
    publish(workspace, plan, {
      ...{ now, signal, unlock, progress, verify: options.verify },
      clock: surroundings.now,
    }),
  ).catch((error: unknown) => {
    throw isTidegateError(error, 'cancelled') ? cancelledMidway(error) : error;
  });
  if (!unchanged) report(result, terminal);
}

/** Who stops a publication in the middle wants to know what it leaves. */
function cancelledMidway({ code, message, details }: TidegateError): TidegateError {
  const text = `${message} Hosts see each repository as it was, or whole as it will be: tidegate release status. To go on: tidegate publish`;
  return new TidegateError(code, text, details);
}

async function resume(
  files: readonly string[],
  plan: string | true,
  options: PublishCommandOptions,
  surroundings: Surroundings,
): Promise<void> {
  if (files.length > 0 || options.plan !== undefined || options.dryRun === true)
    throw new TidegateError(
      'usage',
      '--resume goes with no request, no --plan and no --dry-run: it publishes what is signed already, byte for byte. Which releases that are: tidegate release status',
    );
  await resumePublication(plan, options, surroundings);
}

function reportTaken({ notes, installed }: TakenRequests, dryRun: boolean, terminal: Terminal): void {
  for (const note of notes) terminal.note(note);
  for (const version of installed)
    terminal.print(`root ${version} is signed by enough${dryRun ? '' : `: roots/${version}.root.json`}`);
}

function showPlan(
  plan: Plan,
  { now, dryRun }: { readonly now: number; readonly dryRun: boolean },
  terminal: Terminal,
): void {
  for (const line of planText(plan, now)) terminal.print(line);
  const unchanged = plan.repositories.length === 0;
  if (unchanged || dryRun) terminal.printJson({ published: false, ...(planData(plan) as object) });
  if (dryRun) terminal.print('nothing was written');
}

/** A root that was just completed waits for the targets that are signed with it. @throws signatures-missing otherwise */
function reportWaiting(short: Lacking, plan: Plan, installed: readonly number[], terminal: Terminal): void {
  if (installed.length === 0 || !hasPeople(short.role)) throw signaturesMissing(short);
  terminal.print(`nothing of this is published yet: ${lackText(short)}`);
  terminal.print(`next: ${proposeCommand(short.role)}`);
  terminal.printJson({ published: false, installed, ...(planData(plan) as object) });
}

function report({ plan, repositories, regions }: PublishResult, terminal: Terminal): void {
  for (const { repository, versions, warnings } of repositories) {
    terminal.print(
      `published ${repository}: targets ${versions.targets}, snapshot ${versions.snapshot}, timestamp ${versions.timestamp}`,
    );
    for (const warning of warnings) terminal.note(`warning: ${warning}`);
  }
  for (const line of regionLines(regions)) terminal.note(line);
  terminal.print('next: tidegate status');
  terminal.printJson({ published: true, plan, repositories, regions: regions.map(regionData) });
}
