/** `tidegate gc`: removes from the store what no timestamp within the grace, no pin and no person refers to. */
import type { Command } from 'commander';
import { formatTime } from '../../metadata/time.ts';
import type { CleanedStore, StoreOutcome } from '../../signer/gc/collect-everywhere.ts';
import type { FileInfo } from '../../storage/store.ts';
import { countOf, formatBytes, printableLine } from '../../terminal.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { duration } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface GcOptions extends WorkspaceOptions {
  readonly delete?: true;
  readonly grace?: number;
  readonly wait?: number;
  readonly longestDownload?: number;
  readonly mirrorInterval?: number;
  readonly cacheLife?: number;
  readonly keep: readonly string[];
  readonly region?: string;
}

const help = `
In two phases: what nothing refers to is marked in the store, and removed by a run at least a day later, if nothing
refers to it then either. Kept are all roots for ever, everything that a timestamp referred to within the grace, what
publications have pinned, and what keep.txt of the workspace or --keep names. Uploads in parts that were begun more than
three days ago are ended, and notes of publications that nobody needs any more go. Without --delete nothing is written.
The first store is cleaned and every region, each by what it shows itself; one that is down or behind is left alone and
named, and the exit status says so. Run it once a day by one job; it never hinders anybody who publishes.

Examples:
  tidegate gc
  tidegate gc --delete
  tidegate gc --delete --region s3://fleet-us/os
  tidegate gc --delete --grace 60d --mirror-interval 30d
  tidegate gc --keep 'targets/5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef.*' --json
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((options: GcOptions) => gcCommand(options, surroundings));
};

function addOptions(command: Command): Command {
  return addWorkspaceOption(command)
    .option('--delete', 'mark, and remove what was marked before; default: only say what would happen')
    .option('--dry-run', 'the default')
    .option('--grace <duration>', 'how long what was replaced stays (default: 30d)', duration)
    .option('--wait <duration>', 'between mark and removal, at least 1d (default: 1d)', duration)
    .option('--longest-download <duration>', 'the slowest host (default: 2d)', duration)
    .option('--mirror-interval <duration>', 'the rarest mirror (default: 7d)', duration)
    .option('--cache-life <duration>', 'the slowest cache (default: 1h)', duration)
    .option('--keep <name>', 'a name in the store, or its beginning and *; repeat for more', collected, [])
    .option('--region <location>', 'only this store, as tidegate.toml names it (default: all of them)')
    .addHelpText('after', help);
}

async function gcCommand(options: GcOptions, surroundings: Surroundings): Promise<void> {
  const { now, signal, terminal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ collectEverywhere }, { defaultGrace }, { readWishes }] = await Promise.all([
    import('../../signer/gc/collect-everywhere.ts'),
    import('../../signer/gc/grace.ts'),
    import('../../signer/gc/keep-file.ts'),
  ]);
  const act = options.delete === true;
  const { grace, wait, longestDownload, mirrorInterval, cacheLife } = options;
  const settings = {
    ...defaultGrace,
    ...(grace !== undefined && { grace }),
    ...(wait !== undefined && { wait }),
    ...(longestDownload !== undefined && { longestDownload }),
    ...(mirrorInterval !== undefined && { mirrorInterval }),
    ...(cacheLife !== undefined && { cacheLife }),
  };
  const wishes = [...(await readWishes(workspace)), ...options.keep];
  const outcomes = await collectEverywhere(workspace, { now, settings, wishes, act, signal }, options.region);
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []));
  if (outcomes.length === failed.length) throw failed[0];
  for (const outcome of outcomes) {
    if (outcomes.length > 1) terminal.print(printableLine(`${outcome.location}:`));
    if ('error' in outcome) terminal.note(printableLine(`warning: ${outcome.error.message}`));
    else report(outcome, act, surroundings);
  }
  if (!act) terminal.print('nothing was written; with --delete it is');
  terminal.printJson({ acted: act, stores: outcomes.map(dataOf) });
  surroundings.setExitStatus(failed[0]?.exitStatus ?? 0);
}

function report(
  { collection: { garbage, removed, marked, waiting, spared }, uploads, notes }: CleanedStore,
  act: boolean,
  { terminal }: Surroundings,
): void {
  terminal.print(`nothing refers to ${sumOf(garbage)}`);
  for (const { name, length } of act ? removed : garbage)
    terminal.print(printableLine(`  ${name} (${formatBytes(length)})`));
  terminal.print(`${act ? 'removed' : 'could be removed now'}: ${sumOf(removed)}`);
  terminal.print(`${act ? 'marked' : 'would be marked'}: ${sumOf(marked)}`);
  if (waiting.length > 0) terminal.print(`marked before, and waiting: ${sumOf(waiting)}`);
  for (const name of spared) terminal.note(printableLine(`stays, in use or changed: ${name}`));
  for (const { name, begun } of uploads?.stale ?? [])
    terminal.print(printableLine(`upload in parts, begun ${timeOf(begun)}: ${name}`));
  if (uploads !== undefined && act) terminal.print(`ended: ${countOf(uploads.aborted, 'open upload')}`);
  if (notes.length > 0)
    terminal.print(`${act ? 'removed' : 'could be removed now'}: ${countOf(notes.length, 'old note')}`);
}

function sumOf(files: readonly FileInfo[]): string {
  const bytes = files.reduce((sum, { length }) => sum + length, 0);
  return `${countOf(files.length, 'file')}, ${formatBytes(bytes)}`;
}

function timeOf(begun: number | undefined): string {
  return begun === undefined ? 'at an unknown time' : formatTime(begun);
}

function dataOf(outcome: StoreOutcome): unknown {
  const { location } = outcome;
  if ('error' in outcome) return { location, error: outcome.error.toJSON() };
  const { collection, uploads, notes } = outcome;
  const { spared, ...files } = collection;
  const listed = Object.entries(files).map(([what, found]: [string, readonly FileInfo[]]) => [
    what,
    found.map(({ name, length }) => ({ name, length })),
  ]);
  return {
    location,
    error: null,
    ...Object.fromEntries(listed),
    spared,
    uploads: uploads?.stale.map(({ name, begun }) => ({ name, begun: timeOf(begun) })) ?? null,
    aborted: uploads?.aborted ?? 0,
    notes,
  };
}
