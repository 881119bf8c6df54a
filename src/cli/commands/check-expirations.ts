/** `tidegate check-expirations`: a check for monitoring systems, of a workspace's repositories or of any other. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { formatTime } from '../../metadata/time.ts';
import type {
  CheckedRole,
  ExpirationCheck,
  WatchedRepository,
} from '../../signer/expiry/expiration-check.ts';
import type { ThresholdSettings } from '../../signer/expiry/thresholds.ts';
import type { Expiration } from '../../signer/workspace/expiration.ts';
import { locationFrom } from '../../storage/address.ts';
import { countOf, formatDuration, formatTable, printableLine, type Terminal } from '../../terminal.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { durationForm, momentOption, readDuration } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface CheckCommandOptions extends WorkspaceOptions {
  readonly root?: string;
  readonly warn?: ThresholdSettings;
  readonly critical?: ThresholdSettings;
  readonly at?: (now: number) => number;
  readonly format: 'text' | 'prometheus';
}

/** As monitoring plugins end; an error that has nothing to do with the repository keeps its own status. */
const exitStatus = { ok: 0, warning: 1, critical: 2 } as const;

const help = `
What is left is compared with thresholds for each role; by default they are shares of how long the role is signed for:
a weekly timestamp warns below 5.5 d and is critical below 4 d. Delegated roles count as targets roles. In a workspace a
role that lives longer than its policy allows is a warning, too.

Exit status: 0 ok, 1 warning, 2 critical (also for a repository that is missing or does not verify); other
statuses: it could not be checked.

Examples:
  tidegate check-expirations
  tidegate check-expirations --warn timestamp=5d --critical timestamp=3d,root=45d
  tidegate check-expirations --at +14d
  tidegate check-expirations https://updates.example.com --root root.json --format prometheus
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((location: string | undefined, options: CheckCommandOptions) =>
    checkCommand(location, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  return addWorkspaceOption(command)
    .argument('[location]', 'address or folder of a repository of others; none: those of the workspace')
    .option('--root <file>', 'with a location: a root of the repository that you trust')
    .option('--warn <thresholds>', `[ROLE=]DURATION, and more after commas; ${durationForm}`, thresholds)
    .option('--critical <thresholds>', 'the same for the critical level', thresholds)
    .option('--at <time>', 'ask about another time: +14d, or 2030-01-31T09:30:00Z', momentOption)
    .addOption(
      new Option('--format <format>', 'of the output').choices(['text', 'prometheus']).default('text'),
    )
    .addHelpText('after', help);
}

async function checkCommand(
  location: string | undefined,
  options: CheckCommandOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { checkExpirations } = await import('../../signer/expiry/expiration-check.ts');
  const looked =
    location === undefined
      ? await lookAtWorkspace(options, surroundings)
      : await lookAtLocation(location, options, surroundings);
  const now = surroundings.now();
  const { warn = { roles: new Map() }, critical = { roles: new Map() } } = options;
  const { repositories, validity } = looked;
  const check = checkExpirations(repositories, {
    at: options.at?.(now) ?? now,
    validity,
    warn,
    critical,
    // How long others want their roles to live nobody knows here.
    ...(location === undefined && { signedBefore: now }),
  });
  if (options.format === 'prometheus') {
    const { checkMetrics } = await import('../../signer/expiry/check-metrics.ts');
    const { formatExposition } = await import('../../signer/expiry/exposition.ts');
    terminal.print(formatExposition(checkMetrics(check)).trimEnd());
  } else {
    for (const line of checkLines(check, terminal)) terminal.print(line);
  }
  terminal.printJson(checkData(check));
  surroundings.setExitStatus(exitStatus[check.level]);
}

interface Looked {
  readonly repositories: readonly WatchedRepository[];
  readonly validity: Expiration;
}

async function lookAtWorkspace(options: CheckCommandOptions, surroundings: Surroundings): Promise<Looked> {
  if (options.root !== undefined) {
    throw new TidegateError('usage', '--root goes with a location; a workspace has its own roots');
  }
  const { placesOfWorkspace, readPlaces } = await import('../../signer/expiry/expiration-check.ts');
  const workspace = await openChosenWorkspace(options, surroundings);
  const places = await placesOfWorkspace(workspace, surroundings.signal);
  return { repositories: await readPlaces(places), validity: workspace.expiration };
}

async function lookAtLocation(
  location: string,
  { root }: CheckCommandOptions,
  { directory, signal }: Surroundings,
): Promise<Looked> {
  if (root === undefined) {
    throw new TidegateError('usage', `${location}: expected --root FILE, a root of it that you trust`);
  }
  const [{ readPlaces }, { placeAt }, { usualValidity }] = await Promise.all([
    import('../../signer/expiry/expiration-check.ts'),
    import('../../signer/expiry/public-place.ts'),
    import('../../signer/expiry/thresholds.ts'),
  ]);
  const anchor = await readRoot(resolve(directory, root));
  return {
    repositories: await readPlaces([await placeAt(locationFrom(directory, location), anchor, signal)]),
    validity: usualValidity,
  };
}

async function readRoot(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TidegateError('usage', `--root: ${path} cannot be read`, { path }, { cause });
  }
}

/** "5d", "timestamp=5d,root=60d". */
function thresholds(text: string, before?: ThresholdSettings): ThresholdSettings {
  let { all } = before ?? {};
  const roles = new Map(before?.roles);
  for (const part of text.split(',')) {
    const [, role, amount = ''] = /^(?:(.*)=)?([^=]*)$/s.exec(part) ?? [];
    const milliseconds = readDuration(amount);
    if (milliseconds === undefined || role === '') {
      throw new InvalidArgumentError(
        `found ${JSON.stringify(part)}, expected [ROLE=]DURATION: ${durationForm}`,
      );
    }
    if (role === undefined) all = milliseconds;
    else roles.set(role, milliseconds);
  }
  return { ...(all !== undefined && { all }), roles };
}

const colours = { ok: 'green', warning: 'yellow', critical: 'red' } as const;

function checkLines(check: ExpirationCheck, terminal: Terminal): readonly string[] {
  const first = check.roles.toSorted((one, other) => one.remaining - other.remaining)[0];
  const said = first === undefined ? '' : `, first ${roleName(first, check)} ${leftOf(first)}`;
  const long = check.roles.find(({ tooLong }) => tooLong);
  const also = long === undefined ? '' : `; ${roleName(long, check)} lives longer than the policy allows`;
  const head = `${check.level.toUpperCase()}: ${countOf(check.roles.length, 'role')}${said}${also}`;
  const rows = check.roles.map((role) => [
    `  ${metadataFileName(role.role, role.role === 'timestamp' ? undefined : role.version)}`,
    role.level,
    formatTime(role.expires),
    role.tooLong ? `${leftOf(role)}, too long` : leftOf(role),
  ]);
  const lines = rows.length === 0 ? [] : formatTable(rows).split('\n');
  return [
    terminal.style(colours[check.level], printableLine(head)),
    ...check.faults.map(({ repository, error }) =>
      printableLine(`${repository}: [${error.code}] ${error.message}`),
    ),
    ...check.unpublished.map((repository) => printableLine(`${repository}: not published yet`)),
    ...lines.flatMap((line, index) => {
      const role = check.roles[index];
      if (role === undefined) return [line];
      const begins = role.repository !== check.roles[index - 1]?.repository;
      const shown = terminal.style(colours[role.level], printableLine(line));
      return begins ? [printableLine(role.repository), shown] : [shown];
    }),
  ];
}

function roleName({ repository, role }: CheckedRole, { roles }: ExpirationCheck): string {
  const several = roles.some((other) => other.repository !== repository);
  return several ? `${repository} ${role}` : role;
}

function leftOf({ remaining }: CheckedRole): string {
  return remaining > 0 ? `${formatDuration(remaining)} left` : `expired ${formatDuration(-remaining)} ago`;
}

/** Times as people and programs elsewhere write them. */
function checkData({ at, level, roles, faults, unpublished }: ExpirationCheck): unknown {
  const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);
  return {
    at: formatTime(at),
    level,
    roles: roles.map(
      ({ repository, role, version, expires, remaining, warn, critical, tooLong, level: own }) => ({
        repository,
        role,
        version,
        expires: formatTime(expires),
        remaining_seconds: seconds(remaining),
        warning_seconds: seconds(warn),
        critical_seconds: seconds(critical),
        too_long: tooLong,
        level: own,
      }),
    ),
    faults: faults.map(({ repository, error }) => ({ repository, code: error.code, message: error.message })),
    unpublished,
  };
}
