/** `tidegate refresh`: signs anew what is about to expire: a job that runs a few times a day, or a daemon. */
import { type Command, InvalidArgumentError } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { RefreshResult } from '../../signer/refresh.ts';
import { printableLine } from '../../terminal.ts';
import { addPassphraseOptions, type PassphraseOptions } from '../passphrase.ts';
import { type DaemonCommandOptions, refreshDaemon } from '../refresh-daemon.ts';
import { regionData, regionLines, strangeRootStatus } from '../region-lines.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import {
  addWorkspaceOption,
  openChosenWorkspace,
  unlockWith,
  type WorkspaceOptions,
} from '../workspace-option.ts';

interface RefreshCommandOptions extends WorkspaceOptions, PassphraseOptions, DaemonCommandOptions {
  readonly force?: true;
  readonly dryRun?: true;
  readonly daemon?: true;
}

const help = `
The timestamp is signed anew when a fourteenth of its life is over (a weekly one twice a day), snapshot and targets at
half of theirs, if their keys are at hand. Any number of jobs and daemons may run beside each other.

A daemon looks about once an hour and says on standard error what it did, one line each; with --json on standard
output, one object on each line. It raises an alarm when half of a timestamp's life is over, and at once when the
repository, the clock or a key is not as it should be; it goes on trying, and ends with SIGTERM alone.

Exit status of a job: 0 also when nothing was due, or when a region stayed behind (a warning; tidegate doctor ends with
1 or 2 for it); ${strangeRootStatus} when somebody else published a root with keys that nobody here knows (what was due is
signed all the same). Of a daemon: 0 when it was told to stop.

Examples:
  tidegate refresh
  tidegate refresh --dry-run
  tidegate refresh --daemon --passphrase-file /run/secrets/passphrase
  tidegate refresh --daemon --textfile /var/lib/node_exporter/tidegate.prom
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((options: RefreshCommandOptions) => refreshCommand(options, surroundings));
};

function addOptions(command: Command): Command {
  addWorkspaceOption(command)
    .option('--force', 'sign the timestamp again though it is not due')
    .option('--dry-run', 'say what is due; sign and write nothing')
    .option('--daemon', 'go on until told to stop')
    .option('--renew-after <share>', "share of the timestamp's life, 1% to 50% (default: 1/14)", share)
    .option('--textfile <file>', "with --daemon: metrics for Prometheus' node exporter, after each look")
    .option(
      '--on-alarm <program>',
      'with --daemon: started for each alarm, with the event as JSON on its input',
    );
  return addPassphraseOptions(command).addHelpText('after', help);
}

async function refreshCommand(options: RefreshCommandOptions, surroundings: Surroundings): Promise<void> {
  const { daemon = false, force = false, dryRun = false, renewAfter, textfile, onAlarm } = options;
  const unlock = unlockWith(options, surroundings);
  if (daemon) {
    if (force || dryRun) throw new TidegateError('usage', '--daemon goes with neither --force nor --dry-run');
    return await refreshDaemon(options, unlock, surroundings);
  }
  if (textfile !== undefined || onAlarm !== undefined)
    throw new TidegateError('usage', '--textfile and --on-alarm go with --daemon');
  const workspace = await openChosenWorkspace(options, surroundings);
  const { refreshRepositories } = await import('../../signer/refresh.ts');
  const results = await refreshRepositories(workspace, {
    now: surroundings.now(),
    clock: surroundings.now,
    signal: surroundings.signal,
    force,
    dryRun,
    unlock,
    ...(renewAfter !== undefined && { timestampDueAfter: renewAfter }),
  });
  report(results, surroundings);
}

function report(results: readonly RefreshResult[], { terminal, setExitStatus }: Surroundings): void {
  if (results.some((result) => result.strangeRoot !== undefined)) setExitStatus(strangeRootStatus);
  for (const { repository, outcome, roles, versions, waiting, regions = [], strangeRoot } of results) {
    const signed = roles.map((role) => `${role} ${versions?.[role]}`).join(', ');
    const said = {
      refreshed: `refreshed: ${signed}`,
      due: `would sign: ${roles.join(', ')}; nothing was written`,
      current: 'nothing is due',
      unpublished: 'not published yet. Next: tidegate plan',
    };
    terminal.print(`${repository}: ${said[outcome]}`);
    for (const line of regionLines(regions)) terminal.note(line);
    if (strangeRoot !== undefined) terminal.note(printableLine(`alarm: ${strangeRoot}`));
    for (const role of waiting)
      terminal.note(`warning: ${repository}: ${role} is due, and its keys are not at hand`);
  }
  terminal.printJson(
    results.map(({ regions = [], ...result }) => ({ ...result, regions: regions.map(regionData) })),
  );
}

/** "50%" as a number. */
function share(text: string): number {
  const percent = /^(\d{1,2}(?:\.\d)?)\s?%$/.exec(text)?.[1];
  const value = Number(percent) / 100;
  if (value >= 0.01 && value <= 0.5) return value;
  throw new InvalidArgumentError('expected a percentage from 1% to 50%');
}
