/** `tidegate delegate add | remove | show`: `[[delegations]]` of tidegate.toml, and the search order that comes of it. */
import { basename, dirname, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import { formatTable, printableLine } from '../../terminal.ts';
import { addOverrideOptions, type OverrideOptions, overrideWish } from '../override-option.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface SampleOptions extends WorkspaceOptions {
  readonly target?: string;
}

interface AddOptions extends SampleOptions, OverrideOptions, PublishAtOnceOptions {
  readonly keys: string;
  readonly threshold: string;
  readonly paths: string;
  readonly terminating?: true;
  readonly before?: string;
}

const sampleOption = [
  '--target <name>',
  'a name to show the search for (default: one that the paths cover)',
] as const;

export const define: Define = (command, surroundings) => {
  addOverrideOptions(
    addPublishAtOnce(
      addWorkspaceOption(
        command.command('add').description('Let a new role list targets whose names its paths cover.'),
      ),
    ),
  )
    .argument('<name>', 'name of the new role')
    .requiredOption('--keys <names>', 'keys of the workspace or .pub files, with commas between them')
    .option('--threshold <number>', 'how many of them must sign', '1')
    .requiredOption('--paths <patterns>', 'such as "fw-*,driver-?.bin", with commas between them')
    .option('--terminating', 'what this role does not list, no role after it can: its names end here')
    .option('--before <role>', 'search it before this role (default: after all others)')
    .option(...sampleOption)
    .option('--dry-run', 'show the search order; write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate delegate add firmware --keys dora.pub --paths "fw-*"\n  tidegate delegate add firmware --keys dora.pub --paths "fw-*" --publish\n',
    )
    .action((name: string, options: AddOptions) => add(name, options, surroundings));
  addPublishAtOnce(addWorkspaceOption(command.command('remove').description('No longer delegate to a role.')))
    .argument('<name>')
    .option('--dry-run', 'check; write nothing')
    .addHelpText('after', '\nExample:\n  tidegate delegate remove firmware\n')
    .action((name: string, options: PublishAtOnceOptions) => remove(name, options, surroundings));
  addWorkspaceOption(
    command.command('show').description('Show a delegated role, and in which order hosts search.'),
  )
    .argument('[name]', 'default: all of them')
    .option(...sampleOption)
    .addHelpText('after', '\nExample:\n  tidegate delegate show firmware --target fw-7.bin\n')
    .action((name: string | undefined, options: SampleOptions) => show(name, options, surroundings));
};

async function add(name: string, options: AddOptions, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { addDelegation, checkDelegation } = await import('../../signer/workspace/edit-delegations.ts');
  const keys = options.keys.split(',');
  const publicKeys = await readPublicKeys(keys, surroundings);
  const delegation = {
    name,
    keys: keys.map((key) => basename(key, '.pub')),
    threshold: numberOf(options.threshold),
    paths: options.paths.split(','),
    terminating: options.terminating === true,
  };
  const wanted = {
    ...delegation,
    publicKeys,
    override: overrideWish(options, surroundings.now()),
    ...(options.before !== undefined && { before: options.before }),
  };
  const dryRun = options.dryRun === true;
  if (dryRun) await checkDelegation(workspace, wanted);
  else await addDelegation(workspace, wanted);
  const old = [...(workspace.settings.delegations ?? [])];
  const at = options.before === undefined ? old.length : old.findIndex((one) => one.name === options.before);
  const delegations = old.toSpliced(at, 0, delegation);
  const known = new Map([...workspace.keys, ...publicKeys.map((key) => [key.id, key] as const)]);
  const after = { ...workspace, keys: known, settings: { ...workspace.settings, delegations } };
  const search = await searchOf(after, options.target ?? sampleOf(delegation.paths), surroundings);
  terminal.print(
    `${dryRun ? 'would delegate' : 'tidegate.toml delegates'} ${delegation.paths.join(', ')} to ${name}`,
  );
  printSearch(search, surroundings);
  if (await publishAtOnce(options, surroundings)) return;
  terminal.print(dryRun ? 'nothing was written' : 'next: tidegate plan');
  terminal.printJson({ dryRun, ...delegation, ...search });
}

async function readPublicKeys(keys: readonly string[], { directory }: Surroundings) {
  const [{ readPublicKey }, { nodeFileSystem }] = await Promise.all([
    import('../../signer/keys/key-ring.ts'),
    import('../../storage/file-system.ts'),
  ]);
  const files = keys.filter((key) => key.endsWith('.pub')).map((key) => resolve(directory, key));
  return await Promise.all(
    files.map((file) => readPublicKey(nodeFileSystem, dirname(file), basename(file, '.pub'))),
  );
}

function numberOf(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new TidegateError('usage', `--threshold ${text}: expected a number from 1 on`);
}

/** A name that a pattern covers. */
function sampleOf(paths: readonly string[]): string {
  return (paths[0] ?? '').replaceAll('*', '1.0.0').replaceAll('?', 'x');
}

interface Search {
  readonly target: string;
  readonly search: readonly {
    readonly role: string;
    readonly delegator: string | undefined;
    readonly terminating: boolean;
    readonly lists: boolean;
  }[];
}

/** In the first repository of the workspace; tidegate.toml says the same for all. */
async function searchOf(workspace: Workspace, target: string, { signal }: Surroundings): Promise<Search> {
  const [
    { readLive },
    { plannedDelegations },
    { searchSteps },
    { repositoriesOf },
    { parsePortableTargetPath },
  ] = await Promise.all([
    import('../../signer/publication/live-repository.ts'),
    import('../../signer/publication/delegation-plan.ts'),
    import('../../signer/publication/search-order.ts'),
    import('../../signer/workspace/workspace.ts'),
    import('../../metadata/target-path.ts'),
  ]);
  const path = parsePortableTargetPath(target);
  const [place] = repositoriesOf(workspace.settings);
  if (place === undefined) throw new TidegateError('internal', 'a workspace without a repository');
  const live = await readLive(workspace, place, signal);
  const { parsed } = plannedDelegations(
    live.published,
    workspace.settings.delegations,
    workspace.keys.values(),
  );
  return { target, search: searchSteps(parsed, live, path) };
}

function printSearch({ target, search }: Search, { terminal }: Surroundings): void {
  terminal.print(`hosts that look for ${target} ask, in this order:`);
  const rows = search.map(({ role, delegator, terminating, lists }, index) => [
    `  ${index + 1}`,
    role,
    delegator === undefined ? '' : `delegated by ${delegator}`,
    [lists ? 'lists it: the search ends' : '', terminating ? 'terminating' : ''].filter(Boolean).join(', '),
  ]);
  for (const line of formatTable(rows).split('\n')) terminal.print(printableLine(line.trimEnd()));
}

async function remove(
  name: string,
  options: PublishAtOnceOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const dryRun = options.dryRun === true;
  const { removeDelegation } = await import('../../signer/workspace/edit-delegations.ts');
  await removeDelegation(workspace, name, { dryRun });
  terminal.print(`${dryRun ? 'would no longer delegate' : 'tidegate.toml no longer delegates'} to ${name}`);
  if (await publishAtOnce(options, surroundings)) return;
  terminal.print(dryRun ? 'nothing was written' : 'next: tidegate plan');
  terminal.printJson({ dryRun, removed: name });
}

async function show(
  name: string | undefined,
  options: SampleOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const all = workspace.settings.delegations ?? [];
  const shown = name === undefined ? all : all.filter((one) => one.name === name);
  if (name !== undefined && shown.length === 0) {
    const known = all.map((one) => one.name).join(', ') || 'none';
    throw new TidegateError('config-invalid', `[[delegations]]: found no role ${name}, there are: ${known}`);
  }
  for (const { name: role, threshold, keys, paths, terminating } of shown) {
    const ends = terminating ? ', terminating' : '';
    terminal.print(
      printableLine(`${role}: ${paths.join(', ')}, signed by ${threshold} of ${keys.join(', ')}${ends}`),
    );
  }
  if (shown.length === 0) terminal.print('tidegate.toml delegates to no role');
  const sample = options.target ?? (shown[0] && sampleOf(shown[0].paths));
  const search = sample === undefined ? undefined : await searchOf(workspace, sample, surroundings);
  if (search !== undefined) printSearch(search, surroundings);
  terminal.printJson({ delegations: shown, ...search });
}
