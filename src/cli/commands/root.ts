/** `tidegate root`: what hosts trust. */
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { formatTime } from '../../metadata/time.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import { formatDuration, formatTable, printableLine } from '../../terminal.ts';
import { addOverrideOptions, type OverrideOptions, overrideWish } from '../override-option.ts';
import { addPassphraseOptions } from '../passphrase.ts';
import { addSignAtOnce, type SignAtOnceOptions, signAtOnce } from '../sign-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';
import { defineEmbed } from './root-embed.ts';

interface ProposeCommandOptions extends WorkspaceOptions, OverrideOptions, SignAtOnceOptions {
  readonly replace?: true;
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  const propose = addWorkspaceOption(
    command
      .command('propose')
      .description(
        'Make the signing request for the next root, as tidegate.toml wants it. Needs no key and no network.',
      ),
  );
  addPassphraseOptions(addOverrideOptions(addSignAtOnce(propose)))
    .option('--replace', 'ask everybody again, though a request for this version has signatures')
    .option('--dry-run', 'say what would be asked for; write nothing')
    .addHelpText(
      'after',
      '\nEdit roles, keys and thresholds in tidegate.toml first; as it is, the new root only lives longer.\n\nExamples:\n  tidegate root propose\n  tidegate root propose --override root-threshold --reason "a laboratory"\n',
    )
    .action((options: ProposeCommandOptions) => proposeNext(options, surroundings));
  addWorkspaceOption(
    command.command('show').description('Show the root in force, and what tidegate.toml wants otherwise.'),
  )
    .addHelpText('after', '\nExample:\n  tidegate root show --json\n')
    .action((options: WorkspaceOptions) => show(options, surroundings));
  defineEmbed(command, surroundings);
};

async function proposeNext(options: ProposeCommandOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, now } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings, overrideWish(options, now()));
  const { proposeRoot } = await import('../../signer/ceremony/propose-root.ts');
  const proposed = await proposeRoot(workspace, {
    now: now(),
    replace: options.replace === true,
    dryRun: options.dryRun === true,
  });
  const { request, path, differences, warnings } = proposed;
  terminal.print(`root ${request.version}, to be signed by ${sidesText(proposed.request)}`);
  if (differences.length === 0) terminal.print('  keys and thresholds stay; only its time is new');
  for (const text of differences) terminal.print(printableLine(`  ${text}`));
  for (const { name, what } of workspace.newOverrides)
    terminal.print(printableLine(`  on record: ${name}, ${what}`));
  for (const warning of warnings) terminal.note(`warning: ${warning}`);
  terminal.print(`  digest  ${request.sha256}`);
  if (options.dryRun !== true) await signAtOnce([path], options, surroundings);
  terminal.print(
    options.dryRun === true
      ? 'nothing was written'
      : `next, for each key holder: tidegate sign ${path} --key KEYFILE`,
  );
  terminal.printJson({
    dryRun: options.dryRun === true,
    version: request.version,
    sha256: request.sha256,
    request: path,
    differences,
    warnings,
  });
}

function sidesText({
  sides,
}: {
  readonly sides: readonly { readonly by: string; readonly role: { readonly threshold: number } }[];
}): string {
  return sides.map(({ by, role }) => `${role.threshold} of ${by}`).join(' and ');
}

async function show(options: WorkspaceOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, now } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { chainOf, rootDifferences } = await import('../../signer/workspace/roots.ts');
  const { roots, settings, keys } = workspace;
  if (roots.length === 0) {
    terminal.print('no root is signed yet. Next: tidegate root propose');
    terminal.printJson({ version: null });
    return;
  }
  const root = chainOf(roots, 'roots').root.document;
  const left = root.expires - now();
  const when = left > 0 ? `in ${formatDuration(left)}` : `${formatDuration(-left)} ago`;
  terminal.print(`root ${root.version} of ${root.repository ?? settings.name}`);
  terminal.print(`  expires ${formatTime(root.expires)} (${when})`);
  const roles = topLevelRoles.map((role) => roleRow(workspace, role, root.roles[role]));
  terminal.print(
    formatTable(
      roles.map(({ role, threshold, names }) => [`  ${role}`, `${threshold} of ${names.join(', ')}`]),
    ),
  );
  const differences = rootDifferences(root, settings, keys);
  for (const text of differences) terminal.print(printableLine(`  ${text}`));
  if (differences.length > 0) terminal.print('next: tidegate root propose');
  terminal.printJson({ version: root.version, expires: formatTime(root.expires), roles, differences });
}

function roleRow(
  { keys }: Workspace,
  role: TopLevelRole,
  { keyIds, threshold }: { readonly keyIds: readonly string[]; readonly threshold: number },
): {
  readonly role: string;
  readonly threshold: number;
  readonly names: readonly string[];
  readonly keyIds: readonly string[];
} {
  return { role, threshold, names: keyIds.map((id) => keys.get(id)?.name ?? id.slice(0, 12)), keyIds };
}
