/** `tidegate key export NAME` */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { ExportForm } from '../../signer/keys/key-export.ts';
import { addKeyFolderOptions, type KeyFolderOptions, keyFolderOf } from '../key-folder-option.ts';
import {
  addNewPassphraseOptions,
  addPassphraseOptions,
  type NewPassphraseOptions,
  type PassphraseOptions,
  replacingPassphraseSource,
  unlockWith,
} from '../passphrase.ts';
import type { Surroundings } from '../surroundings.ts';

interface ExportOptions extends KeyFolderOptions, PassphraseOptions, NewPassphraseOptions {
  readonly for?: 'tuftool';
  readonly format?: 'pem';
  readonly output: string;
  readonly unencrypted?: true;
  readonly dryRun?: true;
}

export function defineExport(command: Command, surroundings: Surroundings): void {
  command
    .description('Write a private key as another program loads it.')
    .argument('<key>', 'the name of a key in the folder, or a key file')
    .addOption(
      new Option('--for <program>', 'in exactly the form that it loads')
        .choices(['tuftool'])
        .conflicts('format'),
    )
    .addOption(new Option('--format <format>', 'PKCS#8 in PEM, encrypted').choices(['pem']))
    .requiredOption('-o, --output <file>', 'the new file; its owner alone can read it')
    .option('--unencrypted', 'write the private key in the clear')
    .option('--dry-run', 'open and check everything; write nothing');
  addNewPassphraseOptions(addPassphraseOptions(addKeyFolderOptions(command)))
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate key export targets-1 --for tuftool --unencrypted -o /mnt/usb/targets.der\n  tidegate key export targets-1 --format pem -o targets.pem\n\ntuftool lists a P-256 key under another key type and id: with one it signs what it made itself, not our roots.\n',
    )
    .action((key: string, options: ExportOptions) => exportCommand(key, options, surroundings));
}

async function exportCommand(key: string, options: ExportOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, directory } = surroundings;
  const output = resolve(directory, options.output);
  const form: ExportForm = options.for ?? options.format ?? 'pem';
  const unencrypted = options.unencrypted === true;
  if (form === 'tuftool' && !unencrypted) {
    const text =
      'tuftool reads unencrypted keys alone: whoever reads the file can sign. If that is meant, add --unencrypted';
    throw new TidegateError('usage', text);
  }
  const [{ checkExport, exportKey }, { openStoredKey }, { nodeFileSystem: fileSystem }] = await Promise.all([
    import('../../signer/keys/key-export.ts'),
    import('../../signer/keys/key-folder.ts'),
    import('../../storage/file-system.ts'),
  ]);
  await checkExport(fileSystem, output, { form, unencrypted });
  const { folder } = await keyFolderOf(options, surroundings);
  const path = isFile(key) ? resolve(directory, key) : undefined;
  const context = { fileSystem, directory, unlock: unlockWith(options, surroundings) };
  const privateKey = await openStoredKey(context, folder, path ?? { name: key });
  const passphrase = unencrypted
    ? undefined
    : await replacingPassphraseSource(options, surroundings)({ name: key, path: output });
  if (options.dryRun !== true)
    await exportKey(fileSystem, privateKey, output, { form, unencrypted, ...(passphrase && { passphrase }) });
  passphrase?.fill(0);
  terminal.print(
    options.dryRun === true ? `would write ${output}; nothing was written` : `key ${key}: ${output}`,
  );
  if (unencrypted) terminal.note(`warning: ${output} is not encrypted; whoever reads it can sign`);
  terminal.printJson({ key, output, form, encrypted: !unencrypted, dryRun: options.dryRun === true });
}

function isFile(key: string): boolean {
  return key.includes('/') || key.endsWith('.key.json');
}
