/** `tidegate doctor`: everything around a repository that can go wrong unnoticed, with what to do about it. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { Finding, FindingLevel } from '../../signer/doctor/finding.ts';
import { locationFrom } from '../../storage/address.ts';
import { printableLine, type Terminal } from '../../terminal.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface DoctorOptions extends WorkspaceOptions {
  readonly root?: string;
  readonly repository: readonly string[];
  readonly at?: (now: number) => number;
  readonly probe?: true;
}

const help = `
Looks at the store (clock, bucket policy, versioning, garbage, open uploads), at every repository as fresh hosts, hosts
with any old root and hosts of some days ahead see it, at regions, and with a URL at what a CDN or server makes of all
this: headers, compression, caching, absent files. It writes nothing; --probe writes small files to the store and removes
them.

Without a workspace here, or with --root, it looks at the URL (https, s3 or a folder) as any stranger can: trust begins with
the root that is given, else with the first one that is found, and is said.

Exit status: 0 when all is well, 1 with warnings, 2 when something keeps hosts from updating or soon will.

Examples:
  tidegate doctor
  tidegate doctor https://updates.example.com
  tidegate doctor https://updates.example.com --at +5d --json
  tidegate doctor https://updates.example.com --root root.json
  tidegate doctor s3://fleet/os --root root.json --repository k8s/x86_64
  tidegate doctor --probe
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((url: string | undefined, options: DoctorOptions) =>
    doctorCommand(url, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  return addWorkspaceOption(command)
    .argument('[url]', 'the public address of the repository')
    .option('--at <time>', 'hosts at another time: +5d, or 2030-01-31T09:30:00Z', momentOption)
    .option('--probe', 'try what the store promises, with small files')
    .option('--root <file>', 'a root that you trust: look at the URL without the workspace')
    .option(
      '--repository <variant/arch>',
      'without a workspace: one of several repositories of the URL; repeat for more',
      collected,
      [],
    )
    .addHelpText('after', help);
}

/** Whether there is none to look from; undefined: there is one, or nothing else to look at. */
async function strangersLocation(
  url: string | undefined,
  { workspace, root, repository, probe }: DoctorOptions,
  { directory, environment }: Surroundings,
): Promise<string | undefined> {
  const { existsSync } = await import('node:fs');
  const folder = resolve(directory, workspace ?? environment.TIDEGATE_WORKSPACE ?? '.');
  const named = workspace !== undefined || environment.TIDEGATE_WORKSPACE !== undefined;
  const asked = root !== undefined || repository.length > 0;
  if (url === undefined && asked) throw new TidegateError('usage', '--root and --repository go with a URL');
  if (!asked && (named || existsSync(join(folder, 'tidegate.toml')))) return undefined;
  if (url !== undefined && probe === true)
    throw new TidegateError('usage', '--probe goes with a workspace: it writes');
  return url;
}

async function examineAsStranger(
  location: string,
  { root, repository, at }: DoctorOptions,
  { now, signal, directory }: Surroundings,
): Promise<readonly Finding[]> {
  const [{ examineAddress }, { readRootFile }] = await Promise.all([
    import('../../signer/doctor/examine-address.ts'),
    import('../audit-request.ts'),
  ]);
  const time = now();
  return await examineAddress({
    ...{ location: locationFrom(directory, location), repositories: repository, now: time, signal },
    ...(root !== undefined && { root: await readRootFile(resolve(directory, root)) }),
    ...(at !== undefined && { at: at(time) }),
  });
}

async function examineAsOwner(
  url: string | undefined,
  { at, probe, ...options }: DoctorOptions,
  surroundings: Surroundings,
): Promise<readonly Finding[]> {
  const { now, signal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { examine } = await import('../../signer/doctor/examine.ts');
  const time = now();
  return await examine(workspace, {
    ...(url !== undefined && { url }),
    ...(at !== undefined && { at: at(time) }),
    now: time,
    probe: probe === true,
    signal,
  });
}

async function doctorCommand(
  url: string | undefined,
  options: DoctorOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { now, terminal, setExitStatus } = surroundings;
  const location = await strangersLocation(url, options, surroundings);
  const { worstLevel } = await import('../../signer/doctor/finding.ts');
  const time = now();
  const findings =
    location === undefined
      ? await examineAsOwner(url, options, surroundings)
      : await examineAsStranger(location, options, surroundings);
  for (const finding of findings) print(finding, terminal);
  terminal.printJson({ at: formatTime(time), findings });
  setExitStatus(worstLevel(findings));
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const satisfies Record<FindingLevel, string>;

function print({ check, level, where, found, advice }: Finding, terminal: Terminal): void {
  const line = `${level.padEnd(4)}  ${check.padEnd(10)}  ${where}: ${found}`;
  terminal.print(terminal.style(colours[level], printableLine(line)));
  if (advice !== undefined) terminal.print(printableLine(`      → ${advice}`));
}
