/** `tidegate target add | remove | list`: targets that belong to no release. */
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { JsonValue } from '../../metadata/json.ts';
import { countOf, formatBytes, formatTable, printableLine } from '../../terminal.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface TargetCommandOptions extends WorkspaceOptions {
  readonly repository?: string;
}

interface AddOptions extends TargetCommandOptions, PublishAtOnceOptions {
  readonly name?: string;
  readonly role?: string;
  readonly custom?: string;
}

interface RemoveOptions extends TargetCommandOptions, PublishAtOnceOptions {}

const repositoryOption = [
  '--repository <folder>',
  'one of several repositories, such as aws-k8s/x86_64',
] as const;

export const define: Define = (command, surroundings) => {
  addPublishAtOnce(
    addWorkspaceOption(
      command
        .command('add')
        .description('Add a file as a target. It is read once; without --publish nothing is published yet.'),
    ),
  )
    .argument('<file>')
    .option('--name <name>', 'name of the target (default: of the file)')
    .option('--role <name>', 'the delegated role that lists it (default: the top-level one)')
    .option('--custom <@file>', 'JSON to attach to the target, signed with it')
    .option(...repositoryOption)
    .option('--dry-run', 'read and check everything; write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate target add eula.txt\n  tidegate target add fw-7.bin --role firmware --custom @fw-7.json\n',
    )
    .action((file: string, options: AddOptions) => add(file, options, surroundings));
  addPublishAtOnce(
    addWorkspaceOption(
      command
        .command('remove')
        .description('Take a target back: a draft at once, a published one with the next publication.'),
    ),
  )
    .argument('<name>')
    .option(...repositoryOption)
    .option('--dry-run', 'say what would go; write nothing')
    .addHelpText('after', '\nExample:\n  tidegate target remove eula.txt\n')
    .action((name: string, options: RemoveOptions) => remove(name, options, surroundings));
  addWorkspaceOption(
    command.command('list').description('List what is published and what waits, role by role.'),
  )
    .addHelpText('after', '\nExample:\n  tidegate target list --json\n')
    .action((options: WorkspaceOptions) => list(options, surroundings));
};

async function add(file: string, options: AddOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal, directory } = surroundings;
  const { name, role, repository } = options;
  const custom = options.custom === undefined ? undefined : await readCustom(options.custom, directory);
  const workspace = await openChosenWorkspace(options, surroundings);
  const { addTarget } = await import('../../signer/release/add-target.ts');
  const path = resolve(directory, file);
  const dryRun = options.dryRun === true;
  const wanted = {
    path,
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(repository !== undefined && { repository }),
    ...(custom !== undefined && { custom }),
  };
  const draft = await addTarget(workspace, wanted, { signal, dryRun });
  const { image } = draft;
  terminal.print(
    printableLine(
      `target ${draft.target} in role ${draft.role}, ${formatBytes(image?.length ?? 0)}, sha256 ${image?.sha256}`,
    ),
  );
  if (await publishAtOnce(options, surroundings)) return;
  terminal.print(dryRun ? 'nothing was written' : 'next: tidegate plan');
  terminal.printJson({ dryRun, ...draft, ...(custom !== undefined && { custom: plain(custom) }) });
}

const maxCustomLength = 262_144;

/** `@FILE`, as other tools have it; JSON in an argument would have to be quoted past every shell. */
async function readCustom(text: string, directory: string): Promise<JsonValue> {
  const path = resolve(directory, text.startsWith('@') ? text.slice(1) : text);
  if (!text.startsWith('@'))
    throw new TidegateError('usage', `--custom ${text}: expected @FILE, a file with JSON`);
  const { parseJson } = await import('../../metadata/json.ts');
  const bytes = await readSmall(path);
  return parseJson(bytes, { maxDepth: 32, maxValues: 10_000, maxDigits: 20 }, path);
}

async function readSmall(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(
        Buffer.alloc(maxCustomLength + 1),
        0,
        maxCustomLength + 1,
        0,
      );
      if (bytesRead > maxCustomLength) {
        throw new TidegateError(
          'length-limit',
          `${path}: more than ${maxCustomLength} bytes are no custom of a target`,
        );
      }
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw new TidegateError('usage', `--custom @${path}: the file cannot be read`, { file: path }, { cause });
  }
}

async function remove(name: string, options: RemoveOptions, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const { repository } = options;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { removeTarget } = await import('../../signer/release/add-target.ts');
  const dryRun = options.dryRun === true;
  const what = await removeTarget(workspace, {
    name,
    dryRun,
    ...(repository !== undefined && { repository }),
  });
  const would = dryRun ? 'would be taken back' : 'was taken back';
  terminal.print(
    what === 'draft'
      ? `target ${name} ${would}; it was not published`
      : `target ${name} goes with the next publication${dryRun ? '; nothing was written' : ''}`,
  );
  if (!dryRun && what === 'published') terminal.print('next: tidegate plan');
  terminal.printJson({ dryRun, target: name, was: what });
}

async function list(options: WorkspaceOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { listTargets } = await import('../../signer/release/list-targets.ts');
  const targets = await listTargets(workspace, signal);
  const rows = targets.map(({ repository, role, target, length, state }) => [
    repository,
    role,
    target,
    formatBytes(length),
    state,
  ]);
  if (rows.length > 0) for (const line of formatTable(rows).split('\n')) terminal.print(printableLine(line));
  terminal.print(countOf(targets.length, 'target'));
  terminal.printJson(
    targets.map(({ custom, ...target }) => ({
      ...target,
      ...(custom !== undefined && { custom: plain(custom) }),
    })),
  );
}

/** JSON of documents as plain objects, which is what the terminal prints. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map)
    return Object.fromEntries(Array.from(value, ([name, member]) => [name, plain(member)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
