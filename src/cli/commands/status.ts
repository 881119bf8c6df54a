/** `tidegate status`: where the workspace stands and what to type next. */
import { metadataFileName } from '../../metadata/file-names.ts';
import { formatTime } from '../../metadata/time.ts';
import type { RepositoryStatus, RoleStatus } from '../../signer/status.ts';
import { countOf, formatDuration, formatTable, printableLine, type Terminal } from '../../terminal.ts';
import type { Define } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

/** So that a job can tell: the exit status of the error that hosts will see. */
const expiredStatus = 82;

export const define: Define = (command, surroundings) => {
  addWorkspaceOption(command)
    .addHelpText('after', `\nExit status: 0, or ${expiredStatus} when a published role has expired.\n`)
    .action(async (options: WorkspaceOptions) => {
      const { terminal, signal, now } = surroundings;
      const workspace = await openChosenWorkspace(options, surroundings);
      const { statusOf } = await import('../../signer/status.ts');
      const repositories = await statusOf(workspace, { now: now(), signal });
      for (const repository of repositories) {
        for (const line of repositoryLines(repository, terminal)) terminal.print(line);
      }
      terminal.printJson(repositories.map(repositoryData));
      const expired = repositories.some(({ roles }) => roles.some(({ state }) => state === 'expired'));
      if (expired) surroundings.setExitStatus(expiredStatus);
    });
};

function repositoryLines(repository: RepositoryStatus, terminal: Terminal): readonly string[] {
  const { releases, drafts, published, next } = repository;
  const waiting = drafts.length === 0 ? '' : `; waiting: ${drafts.join(', ')}`;
  const head = published ? `${countOf(releases, 'release')} published` : 'not published yet';
  return [
    printableLine(`${repository.repository}: ${head}${waiting}`),
    ...formatTable(repository.roles.map(roleRow))
      .split('\n')
      .map((line, index) => coloured(line, repository.roles[index], terminal)),
    `  next: ${next ?? 'nothing to do'}`,
  ];
}

function roleRow({ role, version, expires, remaining, state, signatures }: RoleStatus): readonly string[] {
  const left = remaining > 0 ? `in ${formatDuration(remaining)}` : `${formatDuration(-remaining)} ago`;
  return [
    `  ${metadataFileName(role)}`,
    `version ${version}`,
    `${state === 'expired' ? 'expired' : 'expires'} ${formatTime(expires)} (${left})`,
    state,
    `signed by ${signatures.have} of ${signatures.need}: ${signatures.by.join(', ')}`,
  ];
}

const colours = { good: 'green', due: 'yellow', expired: 'red' } as const;

function coloured(line: string, role: RoleStatus | undefined, terminal: Terminal): string {
  return role === undefined ? line : terminal.style(colours[role.state], printableLine(line));
}

/** Times as people and programs elsewhere write them. */
function repositoryData({ roles, ...repository }: RepositoryStatus): unknown {
  const inSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
  return {
    ...repository,
    next: repository.next ?? null,
    roles: roles.map(({ expires, remaining, ...role }) => ({
      ...role,
      expires: formatTime(expires),
      remaining_seconds: inSeconds(remaining),
    })),
  };
}
