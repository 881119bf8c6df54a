/** `--publish` of commands that prepare a change: it is signed and published at once, with all else that waits. */
import type { Command } from 'commander';
import { addPassphraseOptions, type PassphraseOptions } from './passphrase.ts';
import type { Surroundings } from './surroundings.ts';
import type { WorkspaceOptions } from './workspace-option.ts';

export interface PublishAtOnceOptions extends WorkspaceOptions, PassphraseOptions {
  readonly publish?: true;
  readonly dryRun?: true;
}

export function addPublishAtOnce(command: Command): Command {
  return addPassphraseOptions(
    command.option('--publish', 'sign and publish it at once, with all else that waits'),
  );
}

/** True when it was asked for, and is done. @throws as `publish` does; what was prepared stays */
export async function publishAtOnce(
  { workspace, publish, dryRun, passphraseFile, passphraseFd }: PublishAtOnceOptions,
  surroundings: Surroundings,
): Promise<boolean> {
  if (publish !== true || dryRun === true) return false;
  const { publishCommand } = await import('./commands/publish.ts');
  const options = {
    override: [],
    verify: 'checksum' as const,
    ...(workspace !== undefined && { workspace }),
    ...(passphraseFile !== undefined && { passphraseFile }),
    ...(passphraseFd !== undefined && { passphraseFd }),
  };
  await publishCommand([], options, surroundings);
  return true;
}
