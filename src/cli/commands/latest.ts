/** `tidegate latest`: the newest release of a variant and architecture, for programs that start hosts with it. */
import { Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { FleetReleases, LatestImage, LatestRelease } from '../../signer/latest/latest-release.ts';
import { formatBytes, formatTable, printableLine } from '../../terminal.ts';
import { completeAt } from '../../waves/turn.ts';
import { formatTime } from '../../waves/wave-time.ts';
import {
  addRepositoryOptions,
  placesFrom,
  type RepositoryOptions,
  readTrustedRoot,
  type TrustedPlaces,
} from '../repository-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

const fields = ['version', 'name', 'url', 'sha256', 'length'] as const;

interface LatestOptions extends WorkspaceOptions, RepositoryOptions {
  readonly field?: (typeof fields)[number];
  readonly image?: string;
  readonly writeSsm?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly dryRun?: true;
}

const help = `
What is printed is verified as a host does it, from the root of the workspace or of --root on. The newest release is the
highest that is not above the highest version allowed, and not paused; other waves do not count, they are for hosts that run
already.

After a pause or a withdrawal run --write-ssm again: it takes latest/… back to the release before, and says of each version that
was withdrawn that it is: VERSION/status. Where nothing is offered any more, latest/status says none, and the command fails.

Examples:
  tidegate latest demo x86_64
  tidegate latest demo x86_64 --field version
  tidegate latest demo x86_64 --from https://updates.example.com --root root.json --field url
  tidegate latest aws-k8s x86_64 1.2.0 --write-ssm /example/os --region eu-central-1 --dry-run
`;

export const define: Define = (command, surroundings) => {
  addRepositoryOptions(addWorkspaceOption(command))
    .argument('<variant>')
    .argument('<arch>')
    .argument('[version]', 'this one (default: the newest)')
    .addOption(new Option('--field <name>', 'print this value alone').choices(fields))
    .option('--image <kind>', 'of which image: boot, root, hash or image (default: root, or the only one)')
    .option('--write-ssm <prefix>', 'write parameters of AWS Systems Manager: PREFIX/VARIANT/ARCH/latest/…')
    .option('--region <name>', 'of --write-ssm (default: what the AWS SDK finds)')
    .option('--profile <name>', 'of --write-ssm, in the configuration files of AWS')
    .option('--endpoint <url>', 'of --write-ssm, another than the one of the region')
    .option('--dry-run', 'show the parameters; write nothing')
    .addHelpText('after', help)
    .action((variant: string, arch: string, version: string | undefined, options: LatestOptions) =>
      latest({ variant, arch, version }, options, surroundings),
    );
};

interface Asked {
  readonly variant: string;
  readonly arch: string;
  readonly version: string | undefined;
}

async function latest(asked: Asked, options: LatestOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const { readFleet, requireFound } = await import('../../signer/latest/latest-release.ts');
  const places = await placesOf(asked, options, surroundings);
  const request = { ...asked, ...places, now: surroundings.now(), signal };
  const releases = await readFleet(request);
  const isWritten = options.writeSsm !== undefined;
  // That nothing is offered any more is written, too: who starts hosts by the parameters sees it nowhere else.
  const isTold = releases.found !== undefined || asked.version === undefined;
  if (isWritten && isTold) await writeSsm(releases, asked, options, surroundings);
  const found = requireFound(releases, request);
  if (isWritten) return;
  if (options.field !== undefined)
    terminal.print(printableLine(fieldOf(found, options.field, options.image)));
  else for (const line of linesOf(found)) terminal.print(printableLine(line));
  terminal.printJson(dataOf(found));
}

async function placesOf(
  asked: Asked,
  options: LatestOptions,
  surroundings: Surroundings,
): Promise<TrustedPlaces> {
  const given = await placesFrom(asked, options, surroundings);
  if (given !== undefined) return given;
  const { variant, arch } = asked;
  const { root } = options;
  const [{ repositoriesOf }, { hostAnchor }, { placeIn }] = await Promise.all([
    import('../../signer/workspace/workspace.ts'),
    import('../../signer/workspace/roots.ts'),
    import('../../signer/audit/places.ts'),
  ]);
  const workspace = await openChosenWorkspace(options, surroundings);
  const own = repositoriesOf(workspace.settings).filter(({ fleets }) =>
    fleets.some((fleet) => fleet.variant === variant && fleet.arch === arch),
  );
  if (own.length === 0) {
    const known = workspace.settings.fleets.map((fleet) => `${fleet.variant} ${fleet.arch}`).join(', ');
    throw new TidegateError(
      'not-found',
      `${variant} ${arch} is not in tidegate.toml; expected one of ${known}`,
    );
  }
  const places = own.map(({ folders }) => placeIn(workspace.store, folders.metadata));
  const trustedRoot = root === undefined ? undefined : await readTrustedRoot(root, surroundings.directory);
  return { places, trustedRoot: trustedRoot ?? hostAnchor(workspace.roots) };
}

function fieldOf(found: LatestRelease, field: (typeof fields)[number], kind: string | undefined): string {
  if (field === 'version') return found.version;
  return String(imageOf(found, kind)[field]);
}

function imageOf({ images }: LatestRelease, kind: string | undefined): LatestImage {
  const wanted = kind ?? (images.length === 1 ? images[0]?.kind : 'root');
  const image = images.find((one) => one.kind === wanted);
  if (image !== undefined) return image;
  const known = images.map((one) => one.kind).join(', ');
  throw new TidegateError('usage', `--image: found ${wanted ?? 'none'}, expected one of ${known}`);
}

function linesOf(found: LatestRelease): readonly string[] {
  const { variant, arch, version, images } = found;
  const end = openToAll(found);
  const rows = images.flatMap(({ kind, name, url, length, sha256 }) => [
    [`  ${kind}`, `${name}  ${formatBytes(length)}`],
    ['', `sha256 ${sha256}`],
    ['', url],
  ]);
  const open = end === null ? '' : `, open to all hosts from ${end}`;
  const state = found.release.pause === undefined ? open : ', paused';
  return [`${variant} ${arch} ${version}${state}`, ...formatTable(rows).split('\n')];
}

function openToAll({ release }: LatestRelease): string | null {
  const end = completeAt(release);
  return end === 'always' || release.pause !== undefined ? null : formatTime(Math.ceil(end / 1000) * 1000);
}

function dataOf(found: LatestRelease): unknown {
  const { variant, arch, version, images, release } = found;
  return {
    variant,
    arch,
    version,
    maxVersion: release.maxVersion,
    openToAll: openToAll(found),
    paused: release.pause !== undefined,
    images,
  };
}

async function writeSsm(
  releases: FleetReleases,
  { variant, arch, version }: Asked,
  { writeSsm: prefix = '', region, profile, endpoint, dryRun }: LatestOptions,
  { terminal, signal }: Surroundings,
): Promise<void> {
  const { parametersOf, writeParameters } = await import('../../signer/latest/ssm-parameters.ts');
  const parameters = parametersOf({ ...releases, variant, arch, latest: version === undefined }, prefix);
  const place = {
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
    ...(endpoint !== undefined && { endpoint }),
  };
  if (dryRun !== true) await writeParameters(parameters, place, { signal });
  const rows = parameters.map(({ name, value }) => [name, value]);
  for (const line of formatTable(rows).split('\n')) terminal.print(printableLine(line));
  terminal.print(dryRun === true ? 'nothing was written' : `${parameters.length} parameters were written`);
  terminal.printJson({ written: dryRun !== true, parameters });
}
