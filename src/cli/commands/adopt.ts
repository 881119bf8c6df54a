/** `tidegate adopt`: takes over a repository that tuftool, pubsys, python-tuf, tuf-on-ci or RSTUF made. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { FleetName, RepositoryLayout } from '../../metadata/repository-layout.ts';
import type { AdoptOptions } from '../../signer/adopt/adopt.ts';
import { locationFrom } from '../../storage/address.ts';
import type { Progress, Terminal } from '../../terminal.ts';
import { adoptionData, reportDone, reportPlan } from '../adoption-text.ts';
import { noteLeftDraft } from '../left-draft-text.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';

interface AdoptCommandOptions extends PublishAtOnceOptions {
  readonly root: string;
  readonly store: string;
  readonly targets?: string;
  readonly name?: string;
  readonly layout?: RepositoryLayout;
  readonly variant: readonly string[];
  readonly key: readonly string[];
}

export const define: Define = (command, surroundings) => {
  command
    .argument('<source>', 'where the repository is: a folder or an address')
    .argument('<directory>', 'the workspace to be made: a new or empty folder');
  addOptions(command).action((source: string, directory: string, options: AdoptCommandOptions) =>
    adoptCommand({ source, directory }, options, surroundings),
  );
};

function addOptions(command: Command): Command {
  return addPublishAtOnce(command)
    .requiredOption('--root <file>', 'a root that hosts trust already, the oldest that you have')
    .requiredOption(
      '--store <location>',
      'where to publish from now on: a folder, relative to the workspace, or an address; may be the source',
    )
    .option('--targets <location>', 'where the targets are, when they are not beside the metadata')
    .option('--name <name>', 'name of the repository, signed in every document (default: name of the folder)')
    .addOption(
      new Option(
        '--layout <name>',
        'one repository for all, or one for each variant (default: as found)',
      ).choices(['single', 'bottlerocket']),
    )
    .option(
      '--variant <variant/arch>',
      'variant and architecture, may be repeated (default: as found)',
      collected,
      [],
    )
    .option('--key <name=uri>', 'where the private half of a key is, may be repeated', collected, [])
    .option('--dry-run', 'say what would be taken over and what must change; write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples);
}

const examples = `
Examples:
  tidegate adopt https://updates.example.org/2020-07-07 acme --variant aws-dev/x86_64 \\
    --root roles/1.root.json --store /srv/repository --dry-run
  tidegate adopt ./repo acme --root repo/metadata/1.root.json --store ../repo
`;

async function adoptCommand(
  places: { readonly source: string; readonly directory: string },
  options: AdoptCommandOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { adopt, planAdoption } = await import('../../signer/adopt/adopt.ts');
  const path = resolve(surroundings.directory, places.directory);
  const lines = new ProgressLines(terminal);
  const wanted: AdoptOptions = {
    ...(await optionsOf(places.source, options, surroundings)),
    progress: (work, done, total) => lines.show(work, done, total),
    leftBehind: (draft) => noteLeftDraft(draft, terminal),
  };
  try {
    if (options.dryRun === true) {
      const plan = await planAdoption(path, wanted);
      lines.end();
      reportPlan(plan, terminal);
      terminal.print('nothing was written');
      terminal.printJson({ dryRun: true, ...adoptionData(plan) });
      return;
    }
    const { plan, copied } = await adopt(path, wanted);
    lines.end();
    reportPlan(plan, terminal);
    reportDone(plan, copied, terminal);
    if (await publishAtOnce({ ...options, workspace: path }, surroundings)) return;
    terminal.printJson({ dryRun: false, copied, ...adoptionData(plan) });
  } finally {
    lines.end();
  }
}

async function optionsOf(
  source: string,
  options: AdoptCommandOptions,
  { directory, now, signal }: Surroundings,
): Promise<AdoptOptions> {
  return {
    location: locationFrom(directory, source),
    root: await readRoot(resolve(directory, options.root)),
    store: options.store,
    now: now(),
    signal,
    keyPlaces: new Map(options.key.map(keyPlaceOf)),
    ...(options.targets !== undefined && { targets: locationFrom(directory, options.targets) }),
    ...(options.name !== undefined && { name: options.name }),
    ...(options.layout !== undefined && { layout: options.layout }),
    ...(options.variant.length > 0 && { fleets: options.variant.map(fleetOf) }),
  };
}

async function readRoot(path: string): Promise<Uint8Array> {
  const [{ readPlainFile }, { nodeFileSystem }, { defaultLimits }] = await Promise.all([
    import('../../storage/plain-file.ts'),
    import('../../storage/file-system.ts'),
    import('../../trust/limits.ts'),
  ]);
  const root = await readPlainFile(nodeFileSystem, path, defaultLimits.maxRootLength);
  if (root === undefined) throw new TidegateError('not-found', `--root ${path} does not exist`, { path });
  return root.bytes;
}

function keyPlaceOf(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)];
  const form = 'the name of a key and where it is, such as timestamp=awskms:alias/timestamp';
  throw new TidegateError('usage', `--key: expected ${form}`);
}

function fleetOf(text: string): FleetName {
  const [variant = '', arch = '', ...rest] = text.split('/');
  if (variant !== '' && arch !== '' && rest.length === 0) return { variant, arch };
  const form = 'a variant and an architecture, such as demo/x86_64';
  throw new TidegateError('usage', `--variant ${text}: expected ${form}`);
}

/** A progress line for each of the two works. */
class ProgressLines {
  readonly #terminal: Terminal;
  #work: string | undefined;
  #line: Progress | undefined;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(work: 'check' | 'copy', done: number, total: number): void {
    if (this.#work !== work) {
      this.end();
      this.#work = work;
      this.#line = this.#terminal.progress(work === 'check' ? 'verified files' : 'copied files', total);
    }
    this.#line?.update(done);
  }

  end(): void {
    this.#line?.end();
    this.#line = undefined;
    this.#work = undefined;
  }
}
