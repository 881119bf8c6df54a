/** `tidegate status`: where the workspace stands and what to type next. */
import { formatTime } from '../../metadata/time.ts';
import type { RequestStatus } from '../../signer/request-status.ts';
import type { RoleStatus } from '../../signer/role-status.ts';
import type { RepositoryStatus, WorkspaceStatus } from '../../signer/status.ts';
import { countOf, formatDuration, formatTable, printableLine, type Terminal } from '../../terminal.ts';
import { regionData, regionLines, strangeRootStatus } from '../region-lines.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface StatusCommandOptions extends WorkspaceOptions {
  readonly at?: (now: number) => number;
}

/** So that a job can tell: the last is that of the error that hosts will see. */
const exitStatus = { good: 0, due: 1, strange: strangeRootStatus, expired: 82 } as const;

const help = `
Exit status: ${exitStatus.good} when nothing has to be done for hosts; ${exitStatus.due} when a role is due, lacks signatures, or a publication was
interrupted; ${exitStatus.strange} when somebody else published a root with keys that nobody here knows; ${exitStatus.expired} when a published
role has expired; another when the repository cannot be read or does not verify.

Examples:
  tidegate status
  tidegate status --at +14d      what will be due in two weeks, if nothing is done
`;

export const define: Define = (command, surroundings) => {
  addWorkspaceOption(command)
    .option('--at <time>', 'ask about another time: +14d, or 2030-01-31T09:30:00Z', momentOption)
    .addHelpText('after', help)
    .action((options: StatusCommandOptions) => statusCommand(options, surroundings));
};

async function statusCommand(options: StatusCommandOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { workspaceStatusOf } = await import('../../signer/status.ts');
  const now = surroundings.now();
  const at = options.at?.(now) ?? now;
  const status = await workspaceStatusOf(workspace, { now: at, signal });
  if (at !== now) terminal.print(`at ${formatTime(at)}, if nothing is done until then:`);
  for (const repository of status.repositories) {
    for (const line of repositoryLines(repository, terminal)) terminal.print(line);
    for (const line of regionLines(repository.regions)) terminal.print(`  ${line}`);
    const { strangeRoot } = repository;
    if (strangeRoot !== undefined)
      terminal.print(terminal.style('red', printableLine(`  alarm: ${strangeRoot}`)));
  }
  for (const line of workspaceLines(status)) terminal.print(printableLine(line));
  terminal.printJson({
    at: formatTime(at),
    ...status,
    repositories: status.repositories.map(repositoryData),
    overrides: status.overrides.map((override) => ({ ...override, time: formatTime(override.time) })),
  });
  surroundings.setExitStatus(exitStatus[worstOf(status)]);
}

function worstOf({ repositories }: WorkspaceStatus): keyof typeof exitStatus {
  const states = repositories.flatMap(({ roles }) => roles.map(({ state }) => state));
  if (repositories.some(({ strangeRoot }) => strangeRoot !== undefined)) return 'strange';
  if (states.includes('expired')) return 'expired';
  const due = states.some((state) => state !== 'good') || repositories.some(({ interrupted }) => interrupted);
  return due ? 'due' : 'good';
}

const columns = 80;

const headings = ['  role', 'version', 'expires (UTC)', 'left', 'state', 'signatures'];

function repositoryLines(repository: RepositoryStatus, terminal: Terminal): readonly string[] {
  const { releases, drafts, published, interrupted, roles } = repository;
  const waiting = drafts.length === 0 ? '' : `; waiting: ${drafts.join(', ')}`;
  const head = published ? `${countOf(releases, 'release')} published` : 'not published yet';
  const broken = interrupted ? '; a publication was interrupted' : '';
  const table = (named: boolean): readonly string[] =>
    formatTable([headings, ...roles.map((role) => roleRow(role, named))]).split('\n');
  const named = table(true);
  // Names of signers, where they have room: all of them, or none.
  const fits = named.every((line) => line.length <= columns);
  const lines = fits ? named : table(false);
  return [
    printableLine(`${repository.repository}: ${head}${waiting}${broken}`),
    ...lines.map((line, index) => coloured(line, roles[index - 1], terminal)),
  ];
}

function roleRow(role: RoleStatus, named: boolean): readonly string[] {
  const { delegator, version, expires, remaining, state, signatures } = role;
  const left = remaining > 0 ? formatDuration(remaining) : `${formatDuration(-remaining)} ago`;
  const { have, need, by } = signatures;
  return [
    `  ${delegator === undefined ? '' : '  '}${role.role}`,
    String(version),
    formatTime(expires)
      .replace('T', ' ')
      .replace(/:\d\dZ$/, ''),
    left,
    state,
    `${have} of ${need}${named && by.length > 0 ? `: ${by.join(', ')}` : ''}`,
  ];
}

function workspaceLines({ requests, differences, overrides, next }: WorkspaceStatus): readonly string[] {
  return [
    ...requests.flatMap(requestLines),
    ...differences,
    ...overrides.map(
      ({ name, what, who, time, reason }) =>
        `accepted ${name}: ${what} (${who}, ${formatTime(time).slice(0, 10)}: ${reason})`,
    ),
    ...(next.length === 0 ? ['next: nothing to do'] : next.map((step) => `next: ${step}`)),
  ];
}

/** Each set of keys on a line of its own: a new root needs the old keys and the new ones. */
function requestLines({ path, role, version, complete, sides }: RequestStatus): readonly string[] {
  const rows = sides.map(({ by, have, need, signed, missing }) => [
    `  ${have} of ${need}`,
    `by ${by}`,
    [
      ...(signed.length > 0 ? [`signed: ${signed.join(', ')}`] : []),
      ...(have < need ? [`missing: ${missing.join(', ')}`] : []),
    ].join('; '),
  ]);
  const head = `${path}: ${role} ${version}, ${complete ? 'has all its signatures' : 'waits for signatures'}`;
  return [head, ...formatTable(rows).split('\n')];
}

const colours = { good: 'green', due: 'yellow', unsigned: 'yellow', expired: 'red' } as const;

function coloured(line: string, role: RoleStatus | undefined, terminal: Terminal): string {
  return role === undefined ? line : terminal.style(colours[role.state], printableLine(line));
}

/** Times as people and programs elsewhere write them. */
function repositoryData({ roles, ...repository }: RepositoryStatus): unknown {
  const inSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
  return {
    ...repository,
    next: repository.next ?? null,
    strangeRoot: repository.strangeRoot ?? null,
    regions: repository.regions.map(regionData),
    roles: roles.map(({ expires, remaining, delegator, ...role }) => ({
      ...role,
      delegator: delegator ?? null,
      expires: formatTime(expires),
      remaining_seconds: inSeconds(remaining),
    })),
  };
}
