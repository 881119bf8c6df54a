/** `tidegate key list` */
import type { Command } from 'commander';
import type { ListedKey } from '../../signer/keys/key-list.ts';
import type { WorkspaceSettings } from '../../signer/workspace/workspace-file.ts';
import { printableLine } from '../../terminal.ts';
import { addKeyFolderOptions, type KeyFolderOptions, keyFolderOf } from '../key-folder-option.ts';
import type { Surroundings } from '../surroundings.ts';

export function defineList(command: Command, surroundings: Surroundings): void {
  addKeyFolderOptions(command)
    .description('List keys: id, words to read aloud, roles, and where the private half is.')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate key list\n  tidegate key list --directory /mnt/usb --json\n',
    )
    .action((options: KeyFolderOptions) => list(options, surroundings));
}

async function list(options: KeyFolderOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const { folder, workspace } = await keyFolderOf(options, surroundings);
  const [{ listKeys }, { trackedKeyFiles }, { readKeySettings }, { nodeFileSystem }] = await Promise.all([
    import('../../signer/keys/key-list.ts'),
    import('../../signer/keys/version-control.ts'),
    import('../../signer/workspace/workspace-keys.ts'),
    import('../../storage/file-system.ts'),
  ]);
  const settings = workspace === undefined ? undefined : await readKeySettings(nodeFileSystem, workspace);
  const keys = await listKeys(nodeFileSystem, {
    folder,
    tracked: await trackedKeyFiles(folder, signal),
    ...(settings !== undefined && { roles: rolesByKey(settings), places: settings.keyPlaces }),
  });
  if (keys.length === 0) terminal.print(`no keys in ${folder}. Next: tidegate key new --help`);
  for (const key of keys) for (const line of listedLines(key)) terminal.print(printableLine(line));
  for (const { warnings } of keys) for (const warning of warnings) terminal.note(`warning: ${warning}`);
  terminal.printJson(keys);
}

function rolesByKey({ roles, delegations = [] }: WorkspaceSettings): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  const all = [...Object.entries(roles), ...delegations.map((role) => [role.name, role] as const)];
  for (const [role, { keys }] of all)
    for (const key of keys) found.set(key, [...(found.get(key) ?? []), role]);
  return found;
}

const halves: Readonly<Record<ListedKey['privateHalf'], string>> = {
  encrypted: 'encrypted',
  unencrypted: 'NOT ENCRYPTED',
  damaged: 'DAMAGED',
  'at-address': 'by tidegate.toml',
  elsewhere: 'not here',
};

function listedLines({ name, id, words, roles, privateHalf, place }: ListedKey): readonly string[] {
  const half = halves[privateHalf];
  return [
    `${name}${roles.length === 0 ? '' : `: ${roles.join(', ')}`}`,
    ...(id === undefined ? [] : [`  key id        ${id}`, `  words         ${words}`]),
    `  private half  ${place === undefined ? half : `${place} (${half})`}`,
  ];
}
