/** `tidegate release add | list | drop`: what waits for publication; `status`: what is published where. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import { parseTime } from '../../metadata/time.ts';
import type { Draft } from '../../signer/release/draft.ts';
import { formatBytes, formatTable, type Progress, printableLine } from '../../terminal.ts';
import { releaseName } from '../../waves/release.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';
import { defineMigrations } from './release-migrations.ts';
import { defineReleaseStatus } from './release-status.ts';

interface ReleaseOptions extends PublishAtOnceOptions {
  readonly version?: string;
  readonly variant?: string;
  readonly arch?: string;
  readonly naming: 'kept' | 'standard';
  readonly waves?: string;
  readonly startTime?: string;
  readonly spread: 'linear' | 'shipped';
  readonly maxVersion?: string;
  readonly role?: string;
  readonly readmit?: true;
  readonly barrier?: true;
}

interface DropOptions extends WorkspaceOptions {
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  addAddOptions(command.command('add')).action((images: readonly string[], options: ReleaseOptions) =>
    add(images, options, surroundings),
  );
  defineMigrations(command.command('migrations'), surroundings);
  addWorkspaceOption(command.command('list').description('List the releases that wait for publication.'))
    .addHelpText('after', '\nExample:\n  tidegate release list --json\n')
    .action((options: WorkspaceOptions) => list(options, surroundings));
  defineReleaseStatus(command.command('status'), surroundings);
  addWorkspaceOption(command.command('drop').description('Take a release back that is not published yet.'))
    .argument('<variant>')
    .argument('<arch>')
    .argument('<version>')
    .option('--dry-run', 'say what would be taken back; write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate release drop demo x86_64 1.2.0 --dry-run\n  tidegate release drop demo x86_64 1.2.0\n',
    )
    .action((variant: string, arch: string, version: string, options: DropOptions) =>
      drop({ variant, arch, version }, options, surroundings),
    );
};

function addAddOptions(command: Command): Command {
  return addPublishAtOnce(addWorkspaceOption(command))
    .description('Add images as a release. Each is read once; without --publish nothing is published yet.')
    .argument('<image...>', 'image files: FILE, or KIND=FILE for boot, root and hash')
    .option('--version <version>', 'SemVer, without a leading v (default: from the file names)')
    .option('--variant <name>', 'default: from the file names, or the only one of the workspace')
    .option('--arch <name>', 'default: from the file names, or the only one of the workspace')
    .addOption(
      new Option('--naming <how>', 'keep file names, or make them from the release')
        .choices(['kept', 'standard'])
        .default('kept'),
    )
    .option('--waves <policy>', 'a policy of policies/waves, or none to open to everyone at once')
    .option(
      '--start-time <time>',
      'when the first wave counts from, such as 2030-01-31T09:30:00Z (default: when published)',
    )
    .addOption(
      new Option('--spread <how>', 'inside a wave: along a line, or as shipped updog does')
        .choices(['linear', 'shipped'])
        .default('linear'),
    )
    .option('--max-version <version>', 'the highest version that anyone should run')
    .option('--role <name>', 'the delegated role that lists the images (default: the top-level one)')
    .option('--barrier', 'hosts that run a lower version must run it before anything above it')
    .option('--readmit', 'offer a version again that was withdrawn')
    .option('--dry-run', 'read and check everything; write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate release add disk-1.2.0.img.zst --version 1.2.0\n  tidegate release add disk-1.2.0.img.zst --version 1.2.0 --publish\n  tidegate release add boot=b.lz4 root=r.lz4 hash=h.lz4 --version 1.2.0 --naming standard\n',
    );
}

async function add(
  images: readonly string[],
  options: ReleaseOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, directory } = surroundings;
  const files = imageFiles(images, directory);
  const startTime = options.startTime === undefined ? undefined : timeOf(options.startTime);
  const workspace = await openChosenWorkspace(options, surroundings);
  const { addRelease } = await import('../../signer/release/add-release.ts');
  let shown: { path: string; line: Progress } | undefined;
  try {
    const draft = await addRelease(
      workspace,
      {
        ...pick(options, ['version', 'variant', 'arch', 'maxVersion', 'naming', 'spread', 'role']),
        ...(options.waves !== undefined && { wavePolicy: options.waves }),
        ...(startTime !== undefined && { startTime }),
        ...(options.readmit && { readmit: true }),
        ...(options.barrier && { barrier: true }),
        images: files,
      },
      {
        signal,
        dryRun: options.dryRun === true,
        progress: ({ path, bytes, total }) => {
          if (shown?.path !== path) {
            shown?.line.end();
            shown = { path, line: terminal.progress(path.slice(path.lastIndexOf('/') + 1), total) };
          }
          shown.line.update(bytes);
        },
      },
    );
    shown?.line.end();
    for (const line of draftLines(draft)) terminal.print(line);
    if (await publishAtOnce(options, surroundings)) return;
    terminal.print(options.dryRun === true ? 'nothing was written' : 'next: tidegate plan');
    terminal.printJson(draft);
  } finally {
    shown?.line.end();
  }
}

/** Those of the named options that were given. */
function pick<T extends object, K extends keyof T>(options: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(
    names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
  ) as Pick<T, K>;
}

/** `KIND=FILE`; a file without a kind is the one image of a release. */
function imageFiles(texts: readonly string[], directory: string): Record<string, string> {
  const files = new Map<string, string>();
  for (const text of texts) {
    const [, kind = 'image', file = text] = /^(boot|root|hash|image)=(.+)$/s.exec(text) ?? [];
    if (files.has(kind))
      throw new TidegateError(
        'usage',
        `two images of kind ${kind}; expected KIND=FILE for each, such as boot=FILE`,
      );
    files.set(kind, resolve(directory, file));
  }
  return Object.fromEntries(files);
}

function timeOf(text: string): number {
  const time = parseTime(text);
  if (time !== undefined) return time;
  throw new TidegateError('usage', `--start-time ${text}: expected a time such as 2030-01-31T09:30:00Z`);
}

function draftLines(draft: Draft): readonly string[] {
  const policy = draft.wavePolicy === undefined ? 'open to every host at once' : `waves ${draft.wavePolicy}`;
  const rows = draft.images.map(({ kind, target, length, sha256 }) => [
    `  ${kind}`,
    target,
    formatBytes(length),
    `sha256 ${sha256}`,
  ]);
  const role = draft.role === undefined ? '' : `, in role ${draft.role}`;
  return [`release ${releaseName(draft)}, ${policy}${role}`, ...formatTable(rows).split('\n')].map(
    printableLine,
  );
}

async function list(options: WorkspaceOptions, surroundings: Surroundings): Promise<void> {
  const workspace = await openChosenWorkspace(options, surroundings);
  const { readDrafts } = await import('../../signer/release/draft.ts');
  const drafts = await readDrafts(workspace);
  const { terminal } = surroundings;
  if (drafts.length === 0)
    terminal.print('no release waits for publication. Next: tidegate release add --help');
  for (const draft of drafts) for (const line of draftLines(draft)) terminal.print(line);
  terminal.printJson(drafts);
}

async function drop(
  release: { variant: string; arch: string; version: string },
  options: DropOptions,
  surroundings: Surroundings,
): Promise<void> {
  const dryRun = options.dryRun === true;
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ draftName, readDrafts, removeDraft }, { whileLocked }] = await Promise.all([
    import('../../signer/release/draft.ts'),
    import('../../signer/workspace/workspace.ts'),
  ]);
  const waits = async () =>
    (await readDrafts(workspace)).some((draft) => draftName(draft) === draftName(release));
  const result = dryRun
    ? (await waits()) || 'absent'
    : await whileLocked(workspace, () => removeDraft(workspace, release));
  if (result === 'absent') {
    throw new TidegateError(
      'release-invalid',
      `no release ${releaseName(release)} waits for publication (see tidegate release list)`,
    );
  }
  const name = `release ${releaseName(release)}`;
  surroundings.terminal.print(
    dryRun ? `${name} would be taken back; nothing was written` : `${name} was taken back`,
  );
  surroundings.terminal.printJson({ dropped: release, dryRun });
}
