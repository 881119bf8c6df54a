/** `tidegate key import FILE` */
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { addKeyFolderOptions, type KeyFolderOptions, keyFolderOf } from '../key-folder-option.ts';
import { checkKeyName, keyLines, parseCost } from '../key-text.ts';
import {
  addNewPassphraseOptions,
  addPassphraseOptions,
  type NewPassphraseOptions,
  type PassphraseOptions,
  replacingPassphraseSource,
  unlockWith,
} from '../passphrase.ts';
import type { Surroundings } from '../surroundings.ts';

interface ImportOptions extends KeyFolderOptions, PassphraseOptions, NewPassphraseOptions {
  readonly name?: string;
  readonly cost?: number;
  readonly rewrap?: true;
  readonly publicOnly?: true;
  readonly insecureDevelopmentKeys?: true;
  readonly dryRun?: true;
}

const examples = `
Reads PKCS#12, PKCS#8, PKCS#1 and SEC1 (PEM or DER, encrypted or not), tuftool's key files, our own, and public keys
in PEM, DER or as .pub. The private half of a key on a token or in a key service stays there: NAME.pub is stored, and
what makes the workspace sign with it is printed.

Examples:
  tidegate key import release.p12 --rewrap
  tidegate key import targets.pem --name targets-2
  tidegate key import alice-public.pem --name alice
  tidegate key import awskms:alias/timestamp?region=eu-central-1 --name timestamp-2
`;

export function defineImport(command: Command, surroundings: Surroundings): void {
  command
    .description('Take over a key that another program made, locked anew.')
    .argument('<file>', 'the key: a file, or the address of a key on a token or in a key service')
    .option('--name <name>', 'name of the key here (default: from the file name)')
    .option('--rewrap', 'take a file whose lock is weak; the new passphrase must be another')
    .option('--public-only', 'store the public half alone')
    .option('--cost <number>', 'how dear a guess is: 17 (128 MiB) to 20 (1 GiB)', parseCost)
    .option('--insecure-development-keys', 'leave the private half unencrypted: for trying things out')
    .option('--dry-run', 'read and check everything; write nothing');
  addNewPassphraseOptions(addPassphraseOptions(addKeyFolderOptions(command)))
    .addHelpText('after', examples)
    .action((file: string, options: ImportOptions) => importFile(file, options, surroundings));
}

async function importFile(file: string, options: ImportOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, directory } = surroundings;
  if (/^(?:awskms|awsssm|pkcs11):/i.test(file)) {
    const { registerDistantKey } = await import('../distant-key.ts');
    await registerDistantKey(file, options, surroundings);
    return;
  }
  const path = resolve(directory, file);
  const name = await checkKeyName(options.name ?? nameFrom(file));
  const { folder } = await keyFolderOf(options, surroundings);
  const [{ importKey }, { secretFor }, { nodeFileSystem: fileSystem }] = await Promise.all([
    import('../../signer/keys/key-import.ts'),
    import('../../signer/keys/key-context.ts'),
    import('../../storage/file-system.ts'),
  ]);
  const unlock = unlockWith(options, surroundings);
  const newPassphrase = replacingPassphraseSource(options, surroundings);
  const insecure = options.insecureDevelopmentKeys === true;
  const key = await importKey(
    path,
    { fileSystem, folder, name },
    {
      passphrase: () => secretFor({ fileSystem, directory, unlock, name: basename(file) }, path),
      newPassphrase: insecure ? undefined : () => newPassphrase({ name, path: folder }),
      rewrap: options.rewrap === true,
      publicOnly: options.publicOnly === true,
      dryRun: options.dryRun === true,
      ...(options.cost !== undefined && { cost: options.cost }),
    },
  );
  for (const line of keyLines(key, insecure ? 'NOT ENCRYPTED' : 'encrypted')) terminal.print(line);
  if (options.dryRun === true) terminal.print('nothing was written');
  else if (key.privateFile !== undefined)
    terminal.note(`${file} (${key.format}) was left as it is; destroy it when the new file is backed up`);
  terminal.printJson(key);
}

/** The file name without what says its format. */
function nameFrom(file: string): string {
  return basename(file)
    .replace(/\.(?:key\.json|pub|p12|pfx|pem|der|key|json)$/i, '')
    .toLowerCase();
}
