/** `tidegate verify`: an audit of a repository as a stranger sees it, or the form of one metadata file. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import type { AuditReport } from '../../signer/audit/report.ts';
import { isAddress, locationFrom } from '../../storage/address.ts';
import type { Progress } from '../../terminal.ts';
import { auditRequest, type VerifyOptions } from '../audit-request.ts';
import { auditStatus, fileLines, fileStatus, profileData, reportData, reportLines } from '../audit-text.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption } from '../workspace-option.ts';

const help = `
Without a location: what the workspace has published, from its first root on. Every root from 1 is read and the way
from each to the last; every role, delegated ones too; that every listed file is there; and of the files a sample whole
(by default all in a folder, 10 % and at least 10 of an address). All problems are reported, not only the first.

Without --root the trust begins with the first root that is found: that proves that the repository agrees with itself,
not whose it is.

Exit status: 0, or that of the first error in the report; 77 when only the profile finds fault.

Examples:
  tidegate verify
  tidegate verify https://updates.example.com --root root.json --profile portable
  tidegate verify ./repository --repository aws-k8s/x86_64 --sample 25 --seed monday
  tidegate verify --metadata-url https://m.example.com/os/x86_64 --targets-url https://t.example.com --root root.json
  tidegate verify 7.targets.json --profile strict
`;

export const define: Define = (command, surroundings) => {
  addOptions(command).action((location: string | undefined, options: VerifyOptions) =>
    verifyCommand(location, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  return addWorkspaceOption(command)
    .argument('[location]', 'folder or address of a repository, or one metadata file')
    .option('--root <file>', 'a root that you trust, any version')
    .option('--metadata-url <location>', 'where metadata lies, with --targets-url')
    .option('--targets-url <location>', 'where targets lie')
    .option(
      '--repository <variant/arch>',
      'one of several repositories of the location; repeat for more',
      collected,
      [],
    )
    .addOption(
      new Option('--profile <name>', 'who must be able to read it').choices([
        'bottlerocket',
        'portable',
        'strict',
      ]),
    )
    .option('--sample <size>', 'how many targets to read whole: a number, or a share such as 10%')
    .option('--all', 'read every target whole')
    .option('--seed <text>', 'chooses the sample (default: the day)')
    .option('--at <time>', 'judge expiry at another time: +14d, or 2030-01-31T09:30:00Z', momentOption)
    .addHelpText('after', help);
}

async function verifyCommand(
  location: string | undefined,
  options: VerifyOptions,
  surroundings: Surroundings,
): Promise<void> {
  checkCombination(location, options);
  const place = location === undefined ? undefined : locationFrom(surroundings.directory, location);
  if (place !== undefined && (await isPlainFile(place))) await verifyFile(place, options, surroundings);
  else await verifyRepositories(place, options, surroundings);
}

function checkCombination(
  location: string | undefined,
  { metadataUrl, targetsUrl, sample, all }: VerifyOptions,
): void {
  if ((metadataUrl === undefined) !== (targetsUrl === undefined))
    throw new TidegateError('usage', '--metadata-url and --targets-url go together');
  if (location !== undefined && metadataUrl !== undefined)
    throw new TidegateError('usage', 'expected a location, or --metadata-url and --targets-url, not both');
  if (sample !== undefined && all === true)
    throw new TidegateError('usage', 'expected --sample or --all, not both');
}

async function isPlainFile(place: string): Promise<boolean> {
  if (isAddress(place)) return false;
  return await stat(place).then(
    (status) => status.isFile(),
    () => false,
  );
}

/** The form of one file: nothing is believed or looked up. */
async function verifyFile(
  path: string,
  { profile = 'strict' }: VerifyOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, directory, signal, setExitStatus } = surroundings;
  const { lintFiles } = await import('../../signer/audit/profile.ts');
  const { readGiven } = await import('../../signer/inspection/given-file.ts');
  const bytes = await readGiven(path, { directory, signal });
  const role = basename(path)
    .replace(/^\d+\./, '')
    .replace(/\.json$/, '');
  const findings = lintFiles([{ name: basename(path), role, bytes }], { profile });
  for (const line of fileLines(basename(path), profile, findings)) terminal.print(line);
  terminal.printJson({ file: path, profile, findings: findings.map(profileData) });
  setExitStatus(fileStatus(findings));
}

async function verifyRepositories(
  location: string | undefined,
  options: VerifyOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, setExitStatus } = surroundings;
  const { auditRepository } = await import('../../signer/audit/repository-audit.ts');
  const { places, ...settings } = await auditRequest(location, options, surroundings);
  const reports: AuditReport[] = [];
  for (const place of places) {
    const progress = new AuditLine(place.name, surroundings);
    try {
      reports.push(
        await auditRepository(place, {
          ...settings,
          signal,
          progress: (bytes, total) => progress.update(bytes, total),
        }),
      );
    } finally {
      progress.end();
    }
  }
  for (const report of reports)
    for (const line of reportLines(report, settings.now, terminal)) terminal.print(line);
  terminal.printJson({
    at: formatTime(settings.now),
    seed: settings.seed,
    repositories: reports.map(reportData),
  });
  setExitStatus(auditStatus(reports));
}

/** How far the reading is; begun when it is known how much there is. */
class AuditLine {
  readonly #name: string;
  readonly #surroundings: Surroundings;
  #line: Progress | undefined;

  constructor(name: string, surroundings: Surroundings) {
    this.#name = name;
    this.#surroundings = surroundings;
  }

  update(bytes: number, total: number): void {
    this.#line ??= this.#surroundings.terminal.progress(this.#name, total);
    this.#line.update(bytes);
  }

  end(): void {
    this.#line?.end();
  }
}
