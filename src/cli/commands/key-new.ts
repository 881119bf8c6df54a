/** `tidegate key new NAME…` */
import { type Command, Option } from 'commander';
import type { KeyType } from '../../signer/keys/signing-key.ts';
import { addKeyFolderOptions, type KeyFolderOptions, keyFolderOf } from '../key-folder-option.ts';
import { checkKeyName, keyLines, parseCost } from '../key-text.ts';
import { addPassphraseOptions, newPassphraseSource, type PassphraseOptions } from '../passphrase.ts';
import type { Surroundings } from '../surroundings.ts';

interface NewOptions extends KeyFolderOptions, PassphraseOptions {
  readonly type: KeyType;
  readonly cost?: number;
  readonly insecureDevelopmentKeys?: true;
  readonly dryRun?: true;
}

export function defineNew(command: Command, surroundings: Surroundings): void {
  command
    .description('Make a key: NAME.pub for everybody, NAME.key.json encrypted for its owner.')
    .argument('<name...>', 'names of the new keys, such as alice')
    .addOption(
      new Option('--type <type>', 'kind of key')
        .choices(['ed25519', 'ecdsa-p256', 'rsa-pss'])
        .default('ed25519'),
    )
    .option('--cost <number>', 'how dear a guess is: 17 (128 MiB) to 20 (1 GiB)', parseCost)
    .option('--insecure-development-keys', 'leave the private half unencrypted: for trying things out')
    .option('--dry-run', 'say what would be made; write nothing');
  addPassphraseOptions(addKeyFolderOptions(command))
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate key new alice\n  tidegate key new release-1 --type rsa-pss\n',
    )
    .action((names: readonly string[], options: NewOptions) => makeKeys(names, options, surroundings));
}

async function makeKeys(
  names: readonly string[],
  options: NewOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { folder } = await keyFolderOf(options, surroundings);
  const [{ requireFreeName, storePrivateKey }, { generatePrivateKey }, { nodeFileSystem }] =
    await Promise.all([
      import('../../signer/keys/key-folder.ts'),
      import('../../signer/keys/signing-key.ts'),
      import('../../storage/file-system.ts'),
    ]);
  const places = names.map((name) => ({ fileSystem: nodeFileSystem, folder, name }));
  for (const place of places) {
    await checkKeyName(place.name);
    await requireFreeName(place);
  }
  if (options.dryRun === true) {
    terminal.print(`would make ${options.type} keys in ${folder}: ${names.join(', ')}; nothing was written`);
    terminal.printJson({ dryRun: true, folder, names, type: options.type });
    return;
  }
  const insecure = options.insecureDevelopmentKeys === true;
  const source = newPassphraseSource(options, surroundings);
  const keys = [];
  for (const place of places) {
    const passphrase = insecure ? undefined : await source({ name: place.name, path: place.folder });
    const lock = { ...(passphrase && { passphrase }), ...(options.cost && { cost: options.cost }) };
    const key = await storePrivateKey(place, await generatePrivateKey(options.type), lock);
    passphrase?.fill(0);
    keys.push(key);
    const locked = insecure ? 'NOT ENCRYPTED' : 'encrypted; keep it and its passphrase apart';
    for (const line of keyLines(key, locked)) terminal.print(line);
  }
  if (insecure) terminal.note('warning: private keys are not encrypted (--insecure-development-keys)');
  terminal.printJson(keys);
}
