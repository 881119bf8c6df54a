/** `tidegate doctor`: everything around a repository that can go wrong unnoticed, with what to do about it. */
import type { Command } from 'commander';
import { formatTime } from '../../metadata/time.ts';
import type { Finding, FindingLevel } from '../../signer/doctor/finding.ts';
import { printableLine, type Terminal } from '../../terminal.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface DoctorOptions extends WorkspaceOptions {
  readonly at?: (now: number) => number;
  readonly probe?: true;
}

const help = `
Looks at the store (clock, bucket policy, versioning, garbage, open uploads), at every repository as fresh hosts, hosts
with any old root and hosts of some days ahead see it, at regions, and with a URL at what a CDN or server makes of all
this: headers, compression, caching, absent files. It writes nothing; --probe writes small files to the store and removes
them.

Exit status: 0 when all is well, 1 with warnings, 2 when something keeps hosts from updating or soon will.

Examples:
  tidegate doctor
  tidegate doctor https://updates.example.com
  tidegate doctor https://updates.example.com --at +5d --json
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
    .addHelpText('after', help);
}

async function doctorCommand(
  url: string | undefined,
  { at, probe, ...options }: DoctorOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { now, signal, terminal, setExitStatus } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ examine }, { worstLevel }] = await Promise.all([
    import('../../signer/doctor/examine.ts'),
    import('../../signer/doctor/finding.ts'),
  ]);
  const time = now();
  const findings = await examine(workspace, {
    ...(url !== undefined && { url }),
    ...(at !== undefined && { at: at(time) }),
    now: time,
    probe: probe === true,
    signal,
  });
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
