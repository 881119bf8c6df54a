/** `tidegate release status [VERSION]`: in which repositories a release is, and in which it is not yet. */
import type { Command } from 'commander';
import { formatTime } from '../../metadata/time.ts';
import type { ReleaseStatus } from '../../signer/release/release-status.ts';
import { formatTable, printableLine } from '../../terminal.ts';
import type { Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

/** So that a job can tell whether a release is everywhere. */
const exitStatus = { everywhere: 0, notYet: 1 } as const;

const help = `
published: hosts can get it; begun: its publication was interrupted (next: tidegate publish); waiting: it is a draft;
absent: it was never added; unknown: the repository cannot be read (tidegate verify says more). Without a version: those that wait, or that are in some repositories and not in all.

Exit status: ${exitStatus.everywhere} when each version that is shown is everywhere, ${exitStatus.notYet} when not.

Examples:
  tidegate release status
  tidegate release status 1.4.0 --json
`;

export function defineReleaseStatus(command: Command, surroundings: Surroundings): void {
  addWorkspaceOption(command.description('In which repositories a release is, and in which not yet.'))
    .argument('[version]', 'SemVer, without a leading v')
    .addHelpText('after', help)
    .action((version: string | undefined, options: WorkspaceOptions) =>
      releaseStatus(version, options, surroundings),
    );
}

async function releaseStatus(
  version: string | undefined,
  options: WorkspaceOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { releaseStatusOf } = await import('../../signer/release/release-status.ts');
  const found = await releaseStatusOf(workspace, version, signal);
  if (found.length === 0) terminal.print('every release is in every repository');
  for (const status of found) for (const line of linesOf(status)) terminal.print(printableLine(line));
  terminal.printJson(
    found.map(({ fleets, ...status }) => ({
      ...status,
      fleets: fleets.map(({ firstWave, error, ...fleet }) => ({
        ...fleet,
        first_wave: firstWave === undefined ? null : formatTime(firstWave),
        ...(error !== undefined && { error: { code: error.code, message: error.message } }),
      })),
    })),
  );
  const everywhere = found.every(({ fleets }) => fleets.every(({ standing }) => standing === 'published'));
  surroundings.setExitStatus(everywhere ? exitStatus.everywhere : exitStatus.notYet);
}

function linesOf({ version, fleets }: ReleaseStatus): readonly string[] {
  const published = fleets.filter(({ standing }) => standing === 'published').length;
  const rows = fleets.map(({ repository, variant, arch, standing, firstWave }) => [
    `  ${variant} ${arch}`,
    standing,
    firstWave === undefined ? '' : `first wave ${formatTime(firstWave)}`,
    repository,
  ]);
  const errors = new Map(
    fleets.flatMap(({ repository, error }) => (error ? [[repository, error] as const] : [])),
  );
  const notes = Array.from(errors, ([repository, { message }]) => `  ${repository}: ${message}`);
  return [`${version}: in ${published} of ${fleets.length}`, ...formatTable(rows).split('\n'), ...notes];
}
