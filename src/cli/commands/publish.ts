/** `tidegate publish`: shows the plan, signs it and publishes it. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { PublishResult } from '../../signer/publication/publish.ts';
import type { UploadProgress } from '../../signer/publication/upload.ts';
import type { Progress, Terminal } from '../../terminal.ts';
import { addPassphraseOptions, type PassphraseOptions } from '../passphrase.ts';
import { planData, planText } from '../plan-text.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import {
  addWorkspaceOption,
  openChosenWorkspace,
  unlockWith,
  type WorkspaceOptions,
} from '../workspace-option.ts';

interface PublishCommandOptions extends WorkspaceOptions, PassphraseOptions {
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  addOptions(command).action((requests: readonly string[], options: PublishCommandOptions) =>
    publishCommand(requests, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  addWorkspaceOption(command)
    .argument('[request...]', 'signed requests that came back, beside those in requests/')
    .option('--dry-run', 'show the plan; sign and write nothing')
    .addHelpText(
      'after',
      '\nRun it again after a failure: it takes up what was begun.\n\nExamples:\n  tidegate publish\n  tidegate publish alice/root-2.request.json bob/root-2.request.json\n',
    );
  return addPassphraseOptions(command);
}

async function publishCommand(
  files: readonly string[],
  options: PublishCommandOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const [{ takeRequests }, { planPublication }, { publish }] = await Promise.all([
    import('../../signer/ceremony/take-requests.ts'),
    import('../../signer/publication/plan-publication.ts'),
    import('../../signer/publication/publish.ts'),
  ]);
  const now = surroundings.now();
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const dryRun = options.dryRun === true;
  const opened = await openChosenWorkspace(options, surroundings);
  const taken = await takeRequests(opened, paths, { now, dryRun, signal });
  const { workspace, signed } = taken;
  for (const note of taken.notes) terminal.note(note);
  for (const version of taken.installed)
    terminal.print(`root ${version} is signed by enough${dryRun ? '' : `: roots/${version}.root.json`}`);
  const plan = await planPublication(workspace, { now, signed, signal });
  for (const line of planText(plan, now)) terminal.print(line);
  const unchanged = plan.repositories.length === 0;
  if (unchanged || dryRun) terminal.printJson({ published: false, ...(planData(plan) as object) });
  if (dryRun) return;
  // An empty plan is published too: that finishes what died between the timestamp and the end.
  requireKeys(plan.signatures);
  const unlock = unlockWith(options, surroundings);
  const result = await withUploadLines(terminal, (progress) =>
    publish(workspace, plan, { now, signal, unlock, progress }),
  );
  if (!unchanged) report(result, terminal);
}

/** Before anybody is asked for a passphrase. */
function requireKeys(
  signatures: readonly {
    role: string;
    threshold: number;
    atHand: readonly string[];
    keyNames: readonly string[];
    signed: boolean;
  }[],
): void {
  const short = signatures.find(({ threshold, atHand, signed }) => !signed && atHand.length < threshold);
  if (short === undefined) return;
  const { role, threshold, atHand, keyNames } = short;
  throw new TidegateError(
    'signatures-missing',
    `${role}: ${threshold} of ${keyNames.join(', ')} must sign, and ${atHand.length === 0 ? 'none' : atHand.join(', ')} is at hand in keys/; nothing was published. ${signElsewhere(role)}`,
    { role, threshold, atHand },
  );
}

/** Roles that people sign together can be signed elsewhere; a job's cannot. */
function signElsewhere(role: string): string {
  if (role === 'snapshot' || role === 'timestamp') return `Say where its key is in [keys] of tidegate.toml`;
  const option = role === 'targets' ? '' : ` --role ${role}`;
  return `To have it signed elsewhere: tidegate targets propose${option}`;
}

function report({ plan, repositories }: PublishResult, terminal: Terminal): void {
  for (const { repository, versions } of repositories) {
    terminal.print(
      `published ${repository}: targets ${versions.targets}, snapshot ${versions.snapshot}, timestamp ${versions.timestamp}`,
    );
  }
  terminal.print('next: tidegate status');
  terminal.printJson({ published: true, plan, repositories });
}

async function withUploadLines<T>(
  terminal: Terminal,
  work: (show: (progress: UploadProgress) => void) => Promise<T>,
): Promise<T> {
  const lines = new UploadLines(terminal);
  try {
    return await work((progress) => lines.show(progress));
  } finally {
    lines.end();
  }
}

/** One progress line for each file that is uploaded. */
class UploadLines {
  readonly #terminal: Terminal;
  #name: string | undefined;
  #line: Progress | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show({ name, bytes, total }: UploadProgress): void {
    if (this.#name !== name) {
      this.end();
      this.#name = name;
      this.#line = this.#terminal.progress(name.slice(name.lastIndexOf('/') + 1).slice(-40), total);
    }
    this.#line?.update(bytes);
  }

  end(): void {
    this.#line?.end();
    this.#line = undefined;
    this.#name = undefined;
  }
}
