/** `tidegate key import URI`: a key whose private half stays on its token or in its key service. */
import { TidegateError } from '../errors.ts';
import { type KeyFolderOptions, keyFolderOf } from './key-folder-option.ts';
import { checkKeyName, keyLines } from './key-text.ts';
import { type PassphraseOptions, unlockWith } from './passphrase.ts';
import type { Surroundings } from './surroundings.ts';

interface DistantKeyOptions extends KeyFolderOptions, PassphraseOptions {
  readonly name?: string;
  readonly dryRun?: true;
}

export async function registerDistantKey(
  uri: string,
  options: DistantKeyOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, directory, signal } = surroundings;
  if (options.name === undefined)
    throw new TidegateError('usage', '--name is missing: an address says no name for its key here');
  const name = await checkKeyName(options.name);
  const { folder } = await keyFolderOf(options, surroundings);
  const [{ registerKey }, { nodeFileSystem: fileSystem }] = await Promise.all([
    import('../signer/keys/key-registration.ts'),
    import('../storage/file-system.ts'),
  ]);
  const unlock = unlockWith(options, surroundings);
  const context = { fileSystem, directory, unlock, name, signal };
  const key = await registerKey(uri, { fileSystem, folder, name }, context, {
    dryRun: options.dryRun === true,
  });
  for (const line of keyLines(key, '')) terminal.print(line);
  terminal.print(
    `  private half  stays where it is; in tidegate.toml, [keys]:\n    ${name} = ${JSON.stringify(uri)}`,
  );
  if (options.dryRun === true) terminal.print('nothing was written');
  terminal.printJson(key);
}
