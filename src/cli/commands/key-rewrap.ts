/** `tidegate key rewrap NAME`: another passphrase, or dearer guesses. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addKeyFolderOptions, type KeyFolderOptions, keyFolderOf } from '../key-folder-option.ts';
import { parseCost } from '../key-text.ts';
import {
  addNewPassphraseOptions,
  addPassphraseOptions,
  type NewPassphraseOptions,
  type PassphraseOptions,
  replacingPassphraseSource,
  unlockWith,
} from '../passphrase.ts';
import type { Surroundings } from '../surroundings.ts';

interface RewrapOptions extends KeyFolderOptions, PassphraseOptions, NewPassphraseOptions {
  readonly cost?: number;
  readonly dryRun?: true;
}

export function defineRewrap(command: Command, surroundings: Surroundings): void {
  command
    .description('Lock a key file anew: another passphrase, or dearer guesses. The key stays the same.')
    .argument('<key>', 'the name of a key in the folder, or a key file')
    .option('--cost <number>', 'how dear a guess is: 17 (128 MiB) to 20 (1 GiB)', parseCost)
    .option('--dry-run', 'open and check everything; write nothing');
  addNewPassphraseOptions(addPassphraseOptions(addKeyFolderOptions(command)))
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate key rewrap targets-1\n  tidegate key rewrap targets-1 --cost 19\n',
    )
    .action((key: string, options: RewrapOptions) => rewrap(key, options, surroundings));
}

async function rewrap(key: string, options: RewrapOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, directory } = surroundings;
  const { folder } = await keyFolderOf(options, surroundings);
  const [{ rewrapKey, storedKeyPath }, { secretFor }, { nodeFileSystem: fileSystem }] = await Promise.all([
    import('../../signer/keys/key-folder.ts'),
    import('../../signer/keys/key-context.ts'),
    import('../../storage/file-system.ts'),
  ]);
  const isFile = key.includes('/') || key.endsWith('.key.json');
  const path = storedKeyPath(folder, isFile ? resolve(directory, key) : { name: key });
  const context = {
    fileSystem,
    directory,
    unlock: unlockWith(options, surroundings),
    ...(!isFile && { name: key }),
  };
  const source = replacingPassphraseSource(options, surroundings);
  const { id } = await rewrapKey(
    fileSystem,
    path,
    { old: () => secretFor(context, path), new: () => source({ name: key, path }) },
    { dryRun: options.dryRun === true, ...(options.cost !== undefined && { cost: options.cost }) },
  );
  const written = options.dryRun !== true;
  terminal.print(written ? `${path} is locked anew` : `would lock ${path} anew; nothing was written`);
  if (written) terminal.note('copies of the old file still open with the old passphrase: destroy them');
  terminal.printJson({ key, id, path, dryRun: !written });
}
